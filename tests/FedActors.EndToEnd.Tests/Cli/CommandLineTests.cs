using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using FedActors.Cli;
using FedActors.Core;
using FedActors.EndToEnd.Tests.Results;
using FedActors.Simulation;
using FedActors.Simulation.Results;
using Microsoft.Extensions.Time.Testing;
using Spectre.Console;

namespace FedActors.EndToEnd.Tests.Cli;

/// <summary>Drives the command line with made-up rounds; nobody trains here.</summary>
public sealed class CommandLineTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly Dictionary<string, string> _variables = [];
    private readonly List<Benchmark> _benchmarks = [];
    private StringWriter _output = null!;
    private StringWriter _progress = null!;
    private SimulationOptions? _asked;

    [SetUp]
    public void Clear()
    {
        (_output, _progress, _asked) = (new StringWriter(), new StringWriter(), null);
        _variables.Clear();
        _benchmarks.Clear();
    }

    [Test]
    public async Task A_run_in_a_pipe_tells_one_line_a_round_on_standard_error_and_the_comparison_on_standard_output()
    {
        var exit = await Run("simulate", "job.conf");

        Assert.That(exit, Is.Zero);
        var lines = Lines(_progress);
        Assert.That(lines[0], Is.EqualTo("breast-tumour: fedavg, 5 hospitals, 60 rounds"));
        Assert.That(lines.Skip(1).Select(line => line.Split(':')[0]),
            Is.EqualTo(Enumerable.Range(1, 60).Select(round => $"round {round}/60")));
        Assert.That(lines[5],
            Is.EqualTo(
                "round 5/60: 5 in, 0 out; loss 0.3869, AUROC 0.9786, epsilon none, sent 3.7 kB, 1 min 50 s left"));
        Assert.That(lines[2], Does.Contain("loss 0.5004, AUROC –"));
        Assert.That(lines[7],
            Is.EqualTo("round 7/60: 4 in, 1 out; loss 0.3297, AUROC –, epsilon none, sent 3.7 kB, 1 min 46 s left; "
            + "without berlin (Training: no update before the deadline of 60 s)"));
        Assert.That(_output.ToString(), Does.Not.Contain("round 1/60").And.Not.Contain("\u001b"));
    }

    [Test]
    public async Task The_comparison_shows_each_model_on_the_same_held_out_patients_in_words_of_the_job()
    {
        await Run("simulate", "job.conf");

        var lines = Lines(_output);
        Assert.That(lines[0], Is.EqualTo("breast-tumour: 60 rounds in 3.1 s."));
        Assert.That(lines, Does.Contain("On 369 held-out biopsies (122 tumours, 247 others):"));
        Assert.That(Row("AUROC"), Is.EqualTo((string[])["AUROC", "Accuracy", "Tumours missed", "False alarms"]));
        Assert.That(Row("berlin alone"),
            Is.EqualTo((string[])["berlin alone (40 biopsies)", "0.9890", "74.8 %", "93", "0"]));
        Assert.That(Row("madrid alone"),
            Is.EqualTo((string[])["madrid alone (40 biopsies)", "0.9859", "34.4 %", "0", "242"]));
        Assert.That(Row("Mean of the above"),
            Is.EqualTo((string[])["Mean of the above", "0.9889", "77.0 %", "28", "56.8"]));
        Assert.That(Row("Mean of the hospitals'"),
            Is.EqualTo((string[])["Mean of the hospitals' predictions", "0.9919", "96.5 %", "12", "1"]));
        Assert.That(Row("Federated model"), Is.EqualTo((string[])["Federated model", "0.9918", "96.2 %", "8", "6"]));
        Assert.That(Row("All data pooled"),
            Is.EqualTo((string[])["All data pooled in one place", "0.9943", "97.0 %", "4", "7"]));
        Assert.That(lines, Does.Contain(
            "Took part: 3 of 5 hospitals in every round; berlin dropped out of 3 (no update before the "
                + "deadline of 60 s); "
            + "madrid dropped out of 1 (the hospital was restarted)."));
        Assert.That(lines, Does.Contain("Secure aggregation: on; only sums of at least 4 hospitals could be read."));
        Assert.That(lines,
            Does.Contain("Differential privacy: off; nothing bounds what the model reveals about one patient."));
        Assert.That(lines[^1], Is.EqualTo($"Report: {Path.Combine("out/breast-tumour", "report.html")}"));
    }

    [Test]
    public async Task What_is_off_or_cut_or_spent_is_said_in_the_comparison()
    {
        var outcome = MadeUpRun.Outcome with
        {
            Summary = MadeUpRun.Summary with
            {
                SecureAggregation = new SecureAggregationSummary(false, 0, 64, 4, 0),
                Privacy = new PrivacySummary("patient-distributed", 1.00001, 1e-5, 0.8, []),
                Participation = new ParticipationSummary(5, 5, 0),
            },
            Rounds = [MadeUpRun.Round(1) with { Saturated = 3 }, MadeUpRun.Round(2) with { Saturated = 4 }],
        };

        await Run(["simulate", "job.conf"], (_, _) => outcome);

        Assert.That(Lines(_output), Is.SupersetOf((string[])
        [
            "Took part: all 5 hospitals in every round.",
            "Cut: 7 coordinates of updates lay beyond the job's range; raise job.secure-aggregation.range.",
            "Secure aggregation: off; the coordinator could read each hospital's update.",
            "Differential privacy: patient-distributed, epsilon at most 1.001 at delta 1e-5 for one patient, "
                + "added or removed.",
        ]));
    }

    [TestCase(true, 60, "was already finished; nothing was trained")]
    [TestCase(false, 12, "60 rounds, resumed after round 12.")]
    public async Task A_finished_or_resumed_run_says_so(bool alreadyFinished, int resumedAfterRound, string expected)
    {
        var outcome = MadeUpRun.Outcome
            with
        { AlreadyFinished = alreadyFinished, ResumedAfterRound = resumedAfterRound };
        Assert.That(await Run(["simulate", "job.conf"], (_, _) => outcome), Is.Zero);
        Assert.That(Lines(_output)[0], Does.Contain(expected));
    }

    [Test]
    public async Task With_json_standard_output_is_the_summary_and_nothing_else()
    {
        await Run("simulate", "job.conf", "--json");

        var document = JsonNode.Parse(_output.ToString())!.AsObject();
        var summary = JsonSerializer.SerializeToNode(MadeUpRun.Summary, ResultJson.Compact)!.AsObject();
        Assert.That(document.Select(pair => pair.Key), Is.EqualTo(
            summary.Select(pair => pair.Key).Concat(["out", "alreadyFinished", "resumedAfterRound"])));
        foreach (var (key, value) in summary)
            Assert.That(JsonNode.DeepEquals(document[key], value), Is.True, key);
        Assert.That(Lines(_progress), Has.Length.EqualTo(61), "progress stays on standard error");
    }

    [Test]
    public async Task Options_reach_the_simulation_and_the_last_override_wins()
    {
        await Run(
            "simulate", "job.conf", "--data", "d", "--out", "o", "--rounds", "7", "--seed", "-3", "--fresh",
            "--set", "job.data.target=d6", "--set", "job.name= a=b ");

        Assert.That(_asked, Is.Not.Null);
        Assert.That((_asked!.JobFile, _asked.DataDirectory, _asked.OutDirectory, _asked.Fresh),
            Is.EqualTo(("job.conf", "d", "o", true)));
        Assert.That(_asked.Overrides.Select(pair => $"{pair.Key}={pair.Value}"), Is.EqualTo(
            (string[])["job.data.target=d6", "job.name=a=b", "job.seed=-3", "job.training.rounds=7"]));
    }

    [Test]
    public async Task Options_left_out_are_left_to_the_job()
    {
        await Run("simulate", "job.conf");

        Assert.That((_asked!.DataDirectory, _asked.OutDirectory, _asked.Fresh, _asked.Overrides.Length),
            Is.EqualTo(((string?)null, (string?)null, false, 0)));
    }

    [Test]
    public async Task All_faults_are_told_together_with_number_place_and_remedy()
    {
        var exit = await Run(["simulate", "job.conf"], (_, _) => throw TwoFaults());

        Assert.That(exit, Is.EqualTo(2));
        Assert.That(Lines(_progress), Is.EqualTo((string[])
        [
            "FA-1005  0 is out of range.",
            "         where: job.conf: job.training.rounds",
            "         fix:   Write a whole number from 1 to 10.",
            "FA-4001  Only 2 hospitals are left.",
            "         fix:   Lower job.cohort.minimum.",
        ]));
        Assert.That(_output.ToString(), Is.Empty);
    }

    [Test]
    public async Task With_json_faults_are_one_document_on_standard_output()
    {
        var exit = await Run(["simulate", "job.conf", "--json"], (_, _) => throw TwoFaults());

        Assert.That(exit, Is.EqualTo(2));
        var expected = JsonNode.Parse("""
            { "error": { "faults": [
                { "code": "FA-1005", "what": "0 is out of range.", "where": "job.conf: job.training.rounds", "fix": "Write a whole number from 1 to 10." },
                { "code": "FA-4001", "what": "Only 2 hospitals are left.", "where": "", "fix": "Lower job.cohort.minimum." } ],
              "exitCode": 2 } }
            """);
        Assert.That(JsonNode.DeepEquals(JsonNode.Parse(_output.ToString()), expected), Is.True, _output.ToString());
    }

    [TestCase("There is no '--sed' here.|Did you mean '--seed'?", "simulate", "job.conf", "--sed", "3")]
    [TestCase("There is no '--fresch' here.|Did you mean '--fresh'?", "simulate", "--fresch")]
    [TestCase("There is no 'simlate' here.|Did you mean 'simulate'?", "simlate", "job.conf")]
    [TestCase("There is no 'two.conf' here.|fedactors simulate --help", "simulate", "job.conf", "two.conf")]
    [TestCase("Required argument 'JOB.conf' missing|fedactors simulate --help", "simulate")]
    [TestCase("Required command was not provided.|fedactors --help")]
    [TestCase("'--rounds many': this is not a whole number.|--help", "simulate", "job.conf", "--rounds", "many")]
    [TestCase("Required argument missing for option: '--out'.|--help", "simulate", "job.conf", "--out")]
    [TestCase("'--set l2' is not path=value.|--set job.training.l2=0.5", "simulate", "job.conf", "--set", "l2")]
    [TestCase("'--set =1' is not path=value.|--set job.training.l2=0.5", "simulate", "job.conf", "--set", "=1")]
    public async Task A_mistake_on_the_command_line_is_one_fault_with_exit_code_4_and_a_hint(
        string expected, params string[] args)
    {
        Assert.That(await Run(args), Is.EqualTo(4));

        var text = _progress.ToString();
        Assert.That(text, Does.StartWith("FA-1010").And.Contain("where: command line"));
        foreach (var part in expected.Split('|'))
            Assert.That(text, Does.Contain(part));
        Assert.That(Lines(_progress), Has.Length.EqualTo(3), "one fault");
        Assert.That(_asked, Is.Null);
    }

    [Test]
    public async Task A_mistake_on_a_command_line_with_json_is_told_in_json()
    {
        Assert.That(await Run("simulate", "--json", "job.conf", "--sed"), Is.EqualTo(4));
        Assert.That((string?)JsonNode.Parse(_output.ToString())!["error"]!["faults"]![0]!["code"],
            Is.EqualTo("FA-1010"));
        Assert.That(_progress.ToString(), Is.Empty);
    }

    [Test]
    public async Task An_unforeseen_exception_is_told_without_its_text_and_without_a_trace()
    {
        var exit =
            await Run(["simulate", "job.conf"], (_, _) => throw new InvalidOperationException("patient 17 has 3"));

        Assert.That(exit, Is.EqualTo(1));
        Assert.That(Lines(_progress), Has.Length.EqualTo(2));
        Assert.That(_progress.ToString(),
            Does.StartWith("FA-9001").And.Contain("InvalidOperationException").And.Contain("FEDACTORS_TRACE=1"));
        Assert.That(_progress.ToString(), Does.Not.Contain("patient 17").And.Not.Contain("   at "));
    }

    [Test]
    public async Task An_unforeseen_exception_about_a_file_keeps_its_text()
    {
        await Run(["simulate", "job.conf"], (_, _) => throw new IOException("No space left on device : '/full/x'"));
        Assert.That(_progress.ToString(), Does.Contain("No space left on device : '/full/x'"));
    }

    [Test]
    public void With_tracing_an_unforeseen_exception_is_thrown_on()
    {
        _variables["FEDACTORS_TRACE"] = "1";
        Assert.ThrowsAsync<InvalidOperationException>(() =>
            Run(["simulate", "job.conf"], (_, _) => throw new InvalidOperationException()));
    }

    [Test]
    public async Task An_interrupted_run_says_that_it_can_go_on()
    {
        Assert.That(await Run(["simulate", "job.conf"], (_, _) => throw new OperationCanceledException()),
            Is.EqualTo(1));
        Assert.That(_progress.ToString(), Does.StartWith("FA-4006").And.Contain("goes on from there"));
    }

    [TestCase("--help", "fedactors simulate samples/breast-tumour/job.conf")]
    [TestCase("simulate --help", "Example:")]
    [TestCase("simulate --help", "--json")]
    [TestCase("bench --help", "fedactors bench sums --times 3")]
    [TestCase("bench sums --help", "fedactors bench sums --times 3")]
    public async Task Help_ends_with_an_example(string args, string expected)
    {
        _benchmarks.Add(Sums());
        Assert.That(await Run(args.Split(' ')), Is.Zero);
        Assert.That(_output.ToString(), Does.Contain(expected));
        Assert.That(_output.ToString().TrimEnd(), Does.Match(@"Example:\n  fedactors .*$"));
    }

    [Test]
    public async Task A_benchmark_prints_its_record_or_one_json_document()
    {
        _benchmarks.Add(Sums());
        Assert.That(await Run("bench", "sums", "--times", "3"), Is.Zero);
        Assert.That(Lines(_output), Is.EqualTo((string[])["times                    3", "meanMs                   –"]));

        Clear();
        _benchmarks.Add(Sums());
        Assert.That(await Run("bench", "sums", "--times", "3", "--json"), Is.Zero);
        Assert.That(JsonNode.Parse(_output.ToString())!.ToJsonString(), Is.EqualTo("""{"times":3,"meanMs":null}"""));
    }

    [Test]
    public async Task A_benchmark_without_its_option_is_a_usage_fault()
    {
        _benchmarks.Add(Sums());
        Assert.That(await Run("bench", "sums"), Is.EqualTo(4));
        Assert.That(_progress.ToString(), Does.Contain("--times").And.Contain("fedactors bench sums --help"));
    }

    [Test]
    public async Task There_is_no_bench_command_while_there_is_no_benchmark() =>
        Assert.That(await Run("bench", "sums", "--times", "3"), Is.EqualTo(4));

    [Test]
    public async Task A_terminal_shows_the_last_rounds_in_a_live_table()
    {
        var exit = await Run(["simulate", "job.conf"], Train, live: true);

        Assert.That(exit, Is.Zero);
        var last = _progress.ToString().Split("breast-tumour: fedavg")[^1];
        foreach (
            var text in (string[])["Round", "In", "Out", "Loss", "AUROC", "Epsilon", "Sent", "Time left", "60/60",
                "49/60", "0.9917", "3.7 kB"])
            Assert.That(last, Does.Contain(text));
        Assert.That(last, Does.Not.Contain("48/60"));
        Assert.That(_output.ToString(), Does.Contain("Federated model"));
    }

    [Test]
    public async Task A_terminal_is_redrawn_at_most_a_dozen_times_a_second()
    {
        await Run(["simulate", "job.conf"], (observer, clock) =>
            Train(observer, clock, TimeSpan.FromMilliseconds(1)), live: true);

        Assert.That(_progress.ToString().Split("breast-tumour: fedavg"), Has.Length.LessThanOrEqualTo(3));
        Assert.That(_progress.ToString(), Does.Contain("60/60"), "but the last round is always drawn");
    }

    [Test]
    public async Task A_fault_before_the_first_round_draws_no_table()
    {
        await Run(["simulate", "job.conf"], (_, _) => throw TwoFaults(), live: true);
        Assert.That(_progress.ToString(), Does.Not.Contain("AUROC").And.Contain("FA-1005"));
    }

    private Task<int> Run(params string[] args) => Run(args, Train);

    private async Task<int> Run(
        string[] args, Func<IRunObserver, FakeTimeProvider, RunOutcome> train, bool live = false)
    {
        var progress = live
            ? AnsiConsole.Create(
                new AnsiConsoleSettings
                {
                    Out = new AnsiConsoleOutput(_progress),
                    Ansi = AnsiSupport.Yes,
                    Interactive = InteractionSupport.Yes
                })
            : Terminal.ConsoleOn(_progress, plain: true, colours: false);
        progress.Profile.Width = 160;
        var terminal = new Terminal(
            Terminal.ConsoleOn(_output, plain: true, colours: false), progress, live, name =>
                _variables.GetValueOrDefault(name), _clock);
        return await new CommandLine(
            terminal,
            (options, observer, _) =>
            {
                _asked = options;
                return Task.FromResult(train(observer, _clock));
            },
            _benchmarks).RunAsync(args);
    }

    private static RunOutcome Train(IRunObserver observer, FakeTimeProvider clock) =>
        Train(observer, clock, TimeSpan.FromSeconds(2));

    private static RunOutcome Train(IRunObserver observer, FakeTimeProvider clock, TimeSpan perRound)
    {
        observer.Started(MadeUpRun.Header);
        foreach (var line in MadeUpRun.Rounds)
        {
            clock.Advance(perRound);
            observer.RoundClosed(line, 60);
        }
        return MadeUpRun.Outcome;
    }

    private static FaultException TwoFaults() => new(
        ExitCode.Refused,
        new Fault(FaultNumber.ValueOutOfRange, "0 is out of range.", "job.conf: job.training.rounds",
            "Write a whole number from 1 to 10."),
        new Fault(FaultNumber.TooFewHospitals, "Only 2 hospitals are left.", "", "Lower job.cohort.minimum."));

    private static Benchmark Sums()
    {
        var times = new Option<int>("--times") { Required = true, Description = "How often." };
        return new Benchmark(
            "sums", "Adds.", "fedactors bench sums --times 3", [times],
            (parsed, _) => Task.FromResult<object>(new { Times = parsed.GetValue(times), MeanMs = double.NaN }));
    }

    private string[] Row(string start) =>
        Lines(_output).First(line => line.TrimStart().StartsWith(start, StringComparison.Ordinal))
            .Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static ImmutableArray<string> Lines(StringWriter writer) =>
        [.. writer.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n').Select(line => line.TrimEnd())];
}
