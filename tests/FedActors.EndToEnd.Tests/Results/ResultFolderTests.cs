using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FedActors.Core;
using FedActors.Simulation.Results;

namespace FedActors.EndToEnd.Tests.Results;

public sealed class ResultFolderTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-results-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Every_file_of_the_contract_is_written_and_no_other()
    {
        Write();
        Assert.That(
            Directory.EnumerateFileSystemEntries(_folder).Select(Path.GetFileName),
            Is.EquivalentTo(
                (string[])["summary.json", "rounds.jsonl", "model.json", "model.safetensors", "report.html"]));
    }

    [Test]
    public void The_keys_of_summary_json_follow_the_contract_in_name_and_order()
    {
        Write();
        string[] figures = ["auroc", "accuracy", "logLoss", "sensitivity", "specificity", "n", "missed", "falseAlarms"];
        var summary = Json("summary.json");
        Assert.That(Keys(summary), Is.EqualTo((string[])
        [
            "schema", "job", "seed", "algorithm", "hospitals", "rounds", "parameters", "durationSeconds", "federated",
            "pooled", "alone",
            "ensemble", "secureAggregation", "privacy", "traffic", "participation", "modelSha256", "test",
            "peakMemoryMb",
            "modelRound", "stoppedEarly", "byHospitals",
        ]));
        Assert.That((string?)summary["schema"], Is.EqualTo("fedactors.summary/1"));
        Assert.That(Keys(summary["federated"]), Is.EqualTo(figures));
        Assert.That(Keys(summary["ensemble"]), Is.EqualTo(figures));
        Assert.That(Keys(summary["pooled"]), Is.EqualTo(figures.Append("maxWeightDifference")));
        Assert.That(Keys(summary["alone"]), Is.EqualTo((string[])["mean", "byHospital"]));
        Assert.That(Keys(summary["alone"]!["mean"]), Is.EqualTo(figures));
        Assert.That(Keys(summary["alone"]!["byHospital"]![0]),
            Is.EqualTo(figures.Prepend("trainedOn").Prepend("hospital")));
        Assert.That(Keys(summary["secureAggregation"]),
            Is.EqualTo((string[])["enabled", "threshold", "ringBits", "toleratedDropouts", "toleratedColluders"]));
        Assert.That(Keys(summary["privacy"]), Is.EqualTo((string[])
            ["mode", "epsilon", "delta", "noiseMultiplier", "byHospital", "unit", "epsilonPld", "releases", "shares"]));
        Assert.That(Keys(summary["privacy"]!["byHospital"]![0]),
            Is.EqualTo((string[])["hospital", "epsilon", "delta", "budget", "left"]));
        Assert.That(Keys(summary["traffic"]), Is.EqualTo((string[])["bytesUp", "bytesDown"]));
        Assert.That(Keys(summary["participation"]),
            Is.EqualTo((string[])["invited", "includedEveryRound", "dropouts"]));
        Assert.That(Keys(summary["test"]), Is.EqualTo((string[])["n", "positives"]));
    }

    [Test]
    public void Numbers_round_trip_and_a_number_that_does_not_exist_is_null()
    {
        Write(MadeUpRun.Summary
            with
        {
            Federated = MadeUpRun.Summary.Federated
                with
            { Sensitivity = double.NaN, LogLoss = double.PositiveInfinity }
        });

        var summary = Json("summary.json");
        Assert.That((double)summary["pooled"]!["maxWeightDifference"]!, Is.EqualTo(0.1 + 0.2));
        Assert.That(summary["federated"]!["sensitivity"], Is.Null);
        Assert.That(summary["federated"]!["logLoss"], Is.Null);
        Assert.That(new ResultFolder(_folder).Read()!.Value.Summary.Federated.Sensitivity, Is.NaN);
    }

    [Test]
    public void A_line_of_rounds_jsonl_follows_the_contract()
    {
        Write();
        var lines = File.ReadAllLines(PathOf("rounds.jsonl"));
        Assert.That(lines, Has.Length.EqualTo(60));
        var line = JsonNode.Parse(lines[6])!;
        Assert.That(Keys(line), Is.EqualTo((string[])
        [
            "round", "attempt", "included", "dropped", "loss", "auroc", "bytesUp", "bytesDown", "durationMs",
            "modelSha256", "epsilon", "saturated", "logLoss",
            "byHospitals",
        ]));
        Assert.That(Keys(line["dropped"]![0]), Is.EqualTo((string[])["hospital", "phase", "reason"]));
        Assert.That(((int)line["round"]!, (string?)line["included"]![1], line["auroc"]),
            Is.EqualTo((7, "madrid", (JsonNode?)null)));
    }

    [Test]
    public void A_finished_run_is_read_back_as_it_was_written()
    {
        Write();
        var read = new ResultFolder(_folder).Read();
        Assert.That(read, Is.Not.Null);
        Assert.That(Text(read!.Value.Summary), Is.EqualTo(Text(MadeUpRun.Summary)));
        Assert.That(read.Value.Rounds.Select(Text), Is.EqualTo(MadeUpRun.Rounds.Select(Text)));
    }

    [Test]
    public void A_folder_without_a_summary_is_not_finished() => Assert.That(new ResultFolder(_folder).Read(), Is.Null);

    [Test]
    public void A_folder_that_does_not_exist_is_made() =>
        Assert.That(() => new ResultFolder(Path.Combine(_folder, "a", "b"))
            .Write(MadeUpRun.Summary, [], MadeUpRun.Model, MadeUpRun.Extras), Throws.Nothing);

    [TestCase("summary.json", "{", TestName = "A_summary_cut_short_is_told")]
    [TestCase("summary.json", "{\"schema\":\"fedactors.summary/1\",\"job\":\"x\"}",
        TestName = "A_summary_with_missing_keys_is_told")]
    [TestCase("summary.json", null, TestName = "A_summary_of_another_schema_is_told")]
    [TestCase("rounds.jsonl", "{\"round\":1}\n", TestName = "A_round_with_missing_keys_is_told")]
    public void Results_that_cannot_be_read_are_told_with_their_file(string file, string? content)
    {
        Write();
        File.WriteAllText(PathOf(file), content ?? File.ReadAllText(PathOf(file)).Replace("summary/1", "summary/9"));

        var fault = Assert.Throws<FaultException>(() => new ResultFolder(_folder).Read())!;

        Assert.That((fault.ExitCode, fault.Faults[0].Number),
            Is.EqualTo((ExitCode.Failed, FaultNumber.ResultUnreadable)));
        Assert.That(fault.Faults[0].Where, Does.EndWith(file));
    }

    [Test]
    public void A_folder_that_cannot_be_made_is_FA_3001_with_exit_code_1()
    {
        File.WriteAllText(PathOf("file"), "");
        var fault = Assert.Throws<FaultException>(() => new ResultFolder(PathOf("file")).Write(
            MadeUpRun.Summary, MadeUpRun.Rounds, MadeUpRun.Model, MadeUpRun.Extras))!;
        Assert.That((fault.ExitCode, fault.Faults[0].Number),
            Is.EqualTo((ExitCode.Failed, FaultNumber.OutputUnwritable)));
    }

    [Test]
    public void A_file_that_cannot_be_written_leaves_no_trace_and_the_run_unfinished()
    {
        Directory.CreateDirectory(PathOf("report.html"));

        var fault = Assert.Throws<FaultException>(() => Write())!;

        Assert.That((fault.ExitCode, fault.Faults[0].Number),
            Is.EqualTo((ExitCode.Failed, FaultNumber.OutputUnwritable)));
        Assert.That(fault.Faults[0].Where, Does.EndWith("report.html"));
        Assert.That(new ResultFolder(_folder).Read(), Is.Null);
        Assert.That(Directory.EnumerateFiles(_folder, ".*"), Is.Empty, "temporary files");
        Assert.That(Json("model.json")["weights"]!.AsArray(), Has.Count.EqualTo(30), "what came before stays");
    }

    [Test]
    public void Writing_again_replaces_the_files()
    {
        Write();
        Write(MadeUpRun.Summary with { Seed = 7 });
        Assert.That(new ResultFolder(_folder).Read()!.Value.Summary.Seed, Is.EqualTo(7));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder).Count(), Is.EqualTo(5));
    }

    [Test]
    public void Model_json_tells_all_that_is_needed_to_apply_the_model()
    {
        Write();
        var model = Json("model.json");
        Assert.That(Keys(model), Is.EqualTo((string[])
            ["schema", "job", "architecture", "features", "scaling", "scalingRule", "weights", "bias", "modelSha256"]));
        Assert.That(((string?)model["architecture"]!["kind"], (int)model["architecture"]!["parameters"]!),
            Is.EqualTo(("logistic-regression", 31)));
        Assert.That((string?)model["features"]![29], Is.EqualTo("feature 29"));
        Assert.That(model["scaling"]![3]!.ToJsonString(), Is.EqualTo("""{"feature":"feature 3","column":"column3","centre":3.5,"scale":2.5,"oneOf":[]}"""));
        Assert.That(model["weights"]!.AsArray().Select(weight => (double)weight!).Append((double)model["bias"]!),
            Is.EqualTo(MadeUpRun.Model.Parameters));
    }

    [Test]
    public void Model_safetensors_is_a_header_of_whole_words_and_little_endian_doubles()
    {
        Write();
        var file = File.ReadAllBytes(PathOf("model.safetensors"));
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        Assert.That(length % 8, Is.Zero);
        var header = JsonNode.Parse(Encoding.UTF8.GetString(file, 8, length))!;
        Assert.That(header["weight"]!.ToJsonString(), Is.EqualTo("""{"dtype":"F64","shape":[1,30],"data_offsets":[0,240]}"""));
        Assert.That(header["bias"]!.ToJsonString(), Is.EqualTo("""{"dtype":"F64","shape":[1],"data_offsets":[240,248]}"""));
        Assert.That(header["__metadata__"]!.AsObject().All(pair => pair.Value!.GetValueKind() == JsonValueKind.String),
            Is.True);
        Assert.That(file, Has.Length.EqualTo(8 + length + 248), "no byte without a tensor");
        var numbers = Enumerable.Range(0, 31)
            .Select(i => BinaryPrimitives.ReadDoubleLittleEndian(file.AsSpan(8 + length + 8 * i)));
        Assert.That(numbers, Is.EqualTo(MadeUpRun.Model.Parameters));
    }

    [Test]
    public void A_model_whose_weights_do_not_fit_its_inputs_is_refused() =>
        Assert.That(() => (MadeUpRun.Model with { Parameters = MadeUpRun.Model.Parameters[1..] }).ToJson(),
            Throws.InvalidOperationException);

    private void Write(RunSummary? summary = null) =>
        new ResultFolder(_folder)
        .Write(summary ?? MadeUpRun.Summary, MadeUpRun.Rounds, MadeUpRun.Model, MadeUpRun.Extras);

    private string PathOf(string file) => Path.Combine(_folder, file);

    private JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(PathOf(file)))!;

    private static string[] Keys(JsonNode? node) => [.. node!.AsObject().Select(pair => pair.Key)];

    private static string Text<T>(T value) => JsonSerializer.Serialize(value, ResultJson.Compact);
}
