using System.Text.Json;

namespace FedActors.EndToEnd.Tests;

/// <summary>The main job of the README, run, killed, starved and fed with nonsense.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class SimulateTests
{
    private const string Job = "samples/breast-tumour/job.conf";

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-e2e-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void The_main_job_writes_every_file_of_the_contract_and_ends_with_zero()
    {
        var (exit, output, error) = Fedactors.Run("simulate", Job, "--out", Out());

        Assert.That(exit, Is.Zero, error);
        Assert.That(output,
            Does.Contain("Federated model").And.Contain("berlin alone").And.Contain("369").And.Contain("report.html"));
        string[] files = ["summary.json", "report.html", "model.json", "model.safetensors", "rounds.jsonl", "state.db"];
        Assert.That(files.Where(file => !File.Exists(Path.Combine(Out(), file))), Is.Empty);
        var summary = Summary();
        Assert.That(summary.GetProperty("schema").GetString(), Is.EqualTo("fedactors.summary/1"));
        Assert.That(summary.GetProperty("federated").GetProperty("auroc").GetDouble(), Is.EqualTo(.9918).Within(.002));
        Assert.That(summary.GetProperty("federated").GetProperty("accuracy").GetDouble(),
            Is.EqualTo(.9621).Within(.002));
        Assert.That(summary.GetProperty("alone").GetProperty("mean").GetProperty("accuracy").GetDouble(),
            Is.EqualTo(.7702).Within(.0005));
        Assert.That(File.ReadAllLines(Path.Combine(Out(), "rounds.jsonl")), Has.Length.EqualTo(60));
    }

    [Test]
    public void The_hospitals_count_what_the_hub_may_only_see_as_a_sum()
    {
        Assert.That(Fedactors.Run("simulate", Job, "--out", Out(), "--rounds", "11").ExitCode, Is.Zero);

        var rounds = File.ReadAllLines(Path.Combine(Out(), "rounds.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var counted = rounds.Where(round => round.GetProperty("byHospitals").ValueKind == JsonValueKind.Object)
            .ToArray();
        Assert.That(counted.Select(round => round.GetProperty("round").GetInt32()), Is.EqualTo(new[] { 1, 6, 11 }));
        foreach (var figures in counted.Select(round => round.GetProperty("byHospitals")))
            Assert.That((figures.GetProperty("hospitals").GetInt32(), figures.GetProperty("n").GetInt32()),
                Is.EqualTo((5, 200)));
        // A round counts the model it begins with; its loss is the same one's, summed by another path.
        var last = counted[^1];
        Assert.That(last.GetProperty("byHospitals").GetProperty("logLoss").GetDouble(),
            Is.EqualTo(last.GetProperty("loss").GetDouble()).Within(1e-3));
        var summary = Summary();
        Assert.That(summary.GetProperty("modelRound").GetInt32(), Is.EqualTo(11));
        Assert.That(summary.GetProperty("byHospitals").GetProperty("round").GetInt32(), Is.EqualTo(10));
        var security = summary.GetProperty("secureAggregation");
        Assert.That(
            (security.GetProperty("threshold").GetInt32(), security.GetProperty("toleratedDropouts").GetInt32(),
                security.GetProperty("toleratedColluders").GetInt32()),
            Is.EqualTo((4, 1, 1)));
    }

    [Test]
    public void A_job_that_keeps_the_best_but_has_no_hospitals_evaluate_is_refused_before_the_first_round()
    {
        var (exit, _, error) = Fedactors.Run(
            "simulate", Job, "--out", Out(), "--set", "job.evaluation.keep=best", "--set",
            "job.secure-aggregation.enabled=off");
        Assert.That(exit, Is.EqualTo(4));
        Assert.That(error, Does.Contain("FA-1008").And.Contain("job.evaluation.keep"));
    }

    [Test]
    public void A_secure_sum_is_measured_beside_openssl_and_through_the_actors_beside_a_plain_one()
    {
        string[] command = ["bench", "secagg", "--hospitals", "5", "--parameters", "2000", "--json"];
        using var alone = JsonDocument.Parse(Fedactors.Run([.. command, "--dropout", "0.2"]).Output);
        string[] contract =
            ["hospitals", "parameters", "dropout", "clientCpuMs", "serverCpuMs", "bytesUpPerHospital", "sumVerified"];
        Assert.That(alone.RootElement.EnumerateObject().Select(property => property.Name), Is.SupersetOf(contract));
        Assert.That(alone.RootElement.GetProperty("sumVerified").GetBoolean());
        using var through = JsonDocument.Parse(Fedactors.Run([.. command, "--through-actors"]).Output);
        Assert.That(through.RootElement.GetProperty("sumVerified").GetBoolean());
        Assert.That(through.RootElement.GetProperty("wallRatio").GetDouble(), Is.Positive);
    }

    [Test]
    public void Two_hundred_rounds_reach_the_figures_of_the_table()
    {
        Assert.That(Fedactors.Run("simulate", Job, "--out", Out(), "--rounds", "200", "--json").ExitCode, Is.Zero);

        Assert.That(Summary().GetProperty("federated").GetProperty("auroc").GetDouble(),
            Is.EqualTo(.9931).Within(.002));
        Assert.That(Summary().GetProperty("federated").GetProperty("accuracy").GetDouble(),
            Is.EqualTo(.9675).Within(.002));
    }

    [Test]
    public void Newton_equals_the_pooled_model_after_eight_rounds()
    {
        var (exit, output, error) = Fedactors.Run(
            "simulate", Job, "--out", Out(), "--rounds", "8", "--set", "job.training.algorithm=newton", "--json");

        Assert.That(exit, Is.Zero, error);
        using var document = JsonDocument.Parse(output);
        Assert.That(document.RootElement.GetProperty("pooled").GetProperty("maxWeightDifference").GetDouble(),
            Is.LessThan(1e-8));
    }

    [TestCase("job.training.algorithm=fedavg")]
    [TestCase("job.training.algorithm=scaffold")]
    [TestCase("job.training.local-layers=[bias]")]
    public void Killed_in_any_round_and_run_again_it_ends_with_the_model_of_an_undisturbed_run(string strategy)
    {
        string[] command = ["simulate", Job, "--rounds", "40", "--set", strategy, "--out"];
        Assert.That(Fedactors.Run([.. command, Out("undisturbed")]).ExitCode, Is.Zero);

        var kills = 0;
        foreach (var round in (int[])[1, 2, 13, 27, 39])
        {
            using var run = Fedactors.Start([.. command, Out("killed")]);
            run.Said += line =>
            {
                if (line.StartsWith($"round {round}/", StringComparison.Ordinal))
                    run.Kill();
            };
            if (run.Wait().ExitCode == 137)
                kills++;
        }
        var (exit, _, error) = Fedactors.Run([.. command, Out("killed")]);

        Assert.That(exit, Is.Zero, error);
        Assert.That(kills, Is.GreaterThanOrEqualTo(3), "the process ended before it could be killed");
        Assert.That(Summary("killed").GetProperty("modelSha256").GetString(),
            Is.EqualTo(Summary("undisturbed").GetProperty("modelSha256").GetString()));
        Assert.That(Models("killed"), Is.EqualTo(Models("undisturbed")));
    }

    [Test]
    public void Strategies_and_rules_of_the_contract_learn_the_main_job([Values(
        "fedadagrad", "scaffold", "krum", "norm-bound")] string algorithm)
    {
        var rule = algorithm.Contains('-') || algorithm is "median" or "krum";
        string[] plain = rule ? ["--set", "job.secure-aggregation.enabled=off"] : [];
        var (exit, _, error) =
            Fedactors.Run(
                ["simulate", Job, "--rounds", "20", "--set", $"job.training.algorithm={algorithm}", .. plain, "--out",
                    Out()]);

        Assert.That(exit, Is.Zero, error);
        Assert.That(Summary().GetProperty("algorithm").GetString(), Is.EqualTo(algorithm));
        Assert.That(Summary().GetProperty("federated").GetProperty("auroc").GetDouble(), Is.GreaterThan(.95));
    }

    [Test]
    public void The_model_has_the_same_bytes_without_the_widest_vectors(
        [Values("0", "00")] string narrow, [Values] bool isNetwork)
    {
        string[] network = isNetwork ? ["--set", "job.model.kind=mlp", "--set", "job.model.hidden=[17]"] : [];
        string[] command =
            ["simulate", Job, "--rounds", "6", "--set", "job.training.batch-size=16", .. network, "--out"];
        Assert.That(Fedactors.Run([.. command, Out("wide")]).ExitCode, Is.Zero);
        (string, string)[] environment = narrow == "0"
            ? [("DOTNET_EnableAVX512", "0")]
            : [("DOTNET_EnableAVX512", "0"), ("DOTNET_EnableAVX2", "0")];
        using var run = Fedactors.Start(environment, [.. command, Out("narrow")]);
        Assert.That(run.Wait().ExitCode, Is.Zero);
        Assert.That(Models("narrow"), Is.EqualTo(Models("wide")));
    }

    [Test]
    public void A_finished_run_says_so_and_ends_with_zero_and_fresh_starts_over()
    {
        string[] command = ["simulate", Job, "--rounds", "3", "--out", Out()];
        Fedactors.Run(command);
        var first = File.ReadAllText(Path.Combine(Out(), "summary.json"));

        var (exit, output, error) = Fedactors.Run(command);
        Assert.That(exit, Is.Zero);
        Assert.That(output + error, Does.Contain("already finished").IgnoreCase);
        Assert.That(File.ReadAllText(Path.Combine(Out(), "summary.json")), Is.EqualTo(first));

        var again = Fedactors.Run([.. command, "--fresh"]);
        Assert.That(again.ExitCode, Is.Zero);
        Assert.That(again.Error, Does.Contain("round 1/3"));
    }

    [Test]
    public void More_rounds_go_on_from_a_finished_run()
    {
        Fedactors.Run("simulate", Job, "--rounds", "3", "--out", Out("short"));
        var more = Fedactors.Run("simulate", Job, "--rounds", "6", "--out", Out("short"));
        Fedactors.Run("simulate", Job, "--rounds", "6", "--out", Out("long"));

        Assert.That(more.Error, Does.Not.Contain("round 3/6").And.Contain("round 4/6"));
        Assert.That(Models("short"), Is.EqualTo(Models("long")));
    }

    [Test]
    public void With_json_one_document_stands_on_standard_output_and_nothing_else()
    {
        var (exit, output, _) = Fedactors.Run("simulate", Job, "--rounds", "2", "--out", Out(), "--json");

        Assert.That(exit, Is.Zero);
        using var document = JsonDocument.Parse(output);
        Assert.That(document.RootElement.GetProperty("rounds").GetInt32(), Is.EqualTo(2));
    }

    [TestCase("FA-1001", "nowhere.conf", "simulate", "nowhere.conf")]
    [TestCase("FA-1005", "job.training.rounds", "simulate", Job, "--rounds", "0")]
    [TestCase("FA-1007", "job.evaluation.metric", "simulate", Job, "--set", "job.evaluation.metric=f1-score")]
    [TestCase("FA-1003", "local-steps", "simulate", Job, "--set", "job.training.local-step=3")]
    [TestCase("FA-1008", "job.cohort.minimum", "simulate", Job, "--set", "job.cohort.minimum=2", "--set",
        "job.secure-aggregation.enabled=on")]
    [TestCase("FA-1005", "job.cohort.minimum", "simulate", Job, "--set", "job.cohort.minimum=6")]
    [TestCase("FA-2009", "job.cohort.require", "simulate", Job, "--set", "job.cohort.require=[rome]")]
    [TestCase("FA-1005", "job.secure-aggregation.weight-cap", "simulate", Job, "--set",
        "job.secure-aggregation.weight-cap=39")]
    [TestCase("FA-1008", "job.secure-aggregation.ring-bits", "simulate", Job, "--set",
        "job.secure-aggregation.weight-cap=16000000")]
    [TestCase("FA-1050", "job.training.algorithm", "simulate", Job, "--set", "job.training.algorithm=krum")]
    [TestCase("FA-1008", "job.training.faulty", "simulate", Job, "--set", "job.training.algorithm=krum", "--set",
        "job.secure-aggregation.enabled=off",
        "--set", "job.training.faulty=2")]
    [TestCase("FA-1007", "Did you mean 'bias'?", "simulate", Job, "--set", "job.training.local-layers=[bais]")]
    [TestCase("FA-1008", "job.training.local-layers", "simulate", Job, "--set",
        "job.training.local-layers=[weights,bias]")]
    [TestCase("FA-1008", "scaffold", "simulate", Job, "--set", "job.training.algorithm=scaffold", "--set",
        "job.training.local-layers=[bias]")]
    [TestCase("FA-2001", "biopsies.csv", "simulate", Job, "--data", "samples")]
    [TestCase("FA-2010", "SHA-256", "simulate", "samples/stroke/job.conf")]
    [TestCase("FA-2010", "SHA-256", "simulate", "samples/heart-disease/job.conf")]
    public void Bad_input_ends_before_the_first_round_with_four_and_says_what_to_mend(
        string code, string says, params string[] arguments)
    {
        var (exit, output, error) = Fedactors.Run([.. arguments, "--out", Out()]);

        Assert.That(exit, Is.EqualTo(4), error);
        Assert.That(error, Does.Contain(code).And.Contain(says).And.Contain("fix:"));
        Assert.That(output, Is.Empty);
        Assert.That(Directory.Exists(Out()), Is.False, "a refused run left a folder");
    }

    [Test]
    public void A_folder_that_cannot_be_written_is_an_error_of_its_own()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");

        var (exit, _, error) = Fedactors.Run("simulate", Job, "--out", Path.Combine(file, "out"));

        Assert.That(exit, Is.EqualTo(1));
        Assert.That(error, Does.Contain("FA-3001").And.Contain("--out"));
    }

    [Test]
    public void A_folder_that_another_run_writes_to_is_refused()
    {
        Directory.CreateDirectory(Out());
        using var held =
            new FileStream(Path.Combine(Out(), ".lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);

        var (exit, _, error) = Fedactors.Run("simulate", Job, "--out", Out());

        Assert.That(exit, Is.EqualTo(1));
        Assert.That(error, Does.Contain("FA-3002"));
    }

    [Test]
    public void A_folder_that_holds_another_job_is_refused_and_keeps_it()
    {
        Fedactors.Run("simulate", Job, "--rounds", "2", "--out", Out());
        var before = File.ReadAllText(Path.Combine(Out(), "summary.json"));

        var (exit, _, error) = Fedactors.Run("simulate", Job, "--rounds", "2", "--seed", "5", "--out", Out());

        Assert.That(exit, Is.EqualTo(4), error);
        Assert.That(error, Does.Contain("FA-3003").And.Contain("--fresh"));
        Assert.That(File.ReadAllText(Path.Combine(Out(), "summary.json")), Is.EqualTo(before));
    }

    [Test]
    public void A_full_disk_is_told_and_what_was_committed_goes_on_once_there_is_room()
    {
        if (OperatingSystem.IsWindows() || !File.Exists("/bin/bash"))
            Assert.Ignore("A file-size limit stands for a full disk here, and needs bash.");
        string[] command = ["simulate", Job, "--rounds", "40", "--out", Out()];
        // Files may grow to 1,500 KiB: room for some rounds, not for all. The runtime's own memory files are not to
        // count.
        var limited =
            "trap '' XFSZ; ulimit -f 1500; export DOTNET_EnableWriteXorExecute=0 DOTNET_EnableDiagnostics=0; exec "
                + $"dotnet '{Path.Combine(AppContext.BaseDirectory, "fedactors.dll")}' {string.Join(' ', command)}";

        using (var starved = new Fedactors.RunningProcess("/bin/bash", ["-c", limited]))
        {
            var (exit, _, error) = starved.Wait();
            Assert.That(exit, Is.EqualTo(1), error);
            Assert.That(error, Does.Contain("FA-3004"));
            Assert.That(error, Does.Contain("round 2/40"));
        }

        var (after, _, said) = Fedactors.Run(command);
        Assert.That(after, Is.Zero, said);
        Assert.That(said, Does.Not.Contain("round 2/40"));
        Assert.That(Fedactors.Run([.. command[..^1], Out("undisturbed")]).ExitCode, Is.Zero);
        Assert.That(Models(), Is.EqualTo(Models("undisturbed")));
    }

    private string Out(string name = "out") => Path.Combine(_folder, name);

    private JsonElement Summary(string name = "out")
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Out(name), "summary.json")));
        return document.RootElement.Clone();
    }

    private List<string?> Models(string name = "out") =>
        [.. File.ReadLines(Path.Combine(Out(name), "rounds.jsonl")).Select(line =>
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("modelSha256").GetString();
    })];
}
