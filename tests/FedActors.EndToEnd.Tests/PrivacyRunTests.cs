using System.Text.Json;
using FedActors.Actors.Storage;

namespace FedActors.EndToEnd.Tests;

/// <summary>Jobs under differential privacy from the command line.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class PrivacyRunTests
{
    private const string Job = "samples/breast-tumour/job.conf";

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-privacy-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_run_says_what_every_hospital_spent_and_is_refused_with_two_once_the_cap_is_reached_whatever_is_deleted()
    {
        string[] command =
            ["simulate", Job, "--out", Out, "--rounds", "3", "--set", "job.privacy.mode=patient-local", "--set",
                "job.privacy.epsilon=4",
            "--set", "job.privacy.delta=1e-5"];
        var (exit, output, error) = Fedactors.Run(command);
        Assert.That(exit, Is.Zero, error);
        Assert.That(output,
            Does.Contain("patient-local, epsilon at most 4").And.Contain("epsilon 4 of 10").And.Contain(
                "added or removed"));
        var privacy = Summary().GetProperty("privacy");
        Assert.That(privacy.GetProperty("mode").GetString(), Is.EqualTo("patient-local"));
        Assert.That(privacy.GetProperty("epsilon").GetDouble(), Is.InRange(3.99, 4));
        Assert.That(privacy.GetProperty("epsilonPld").GetDouble(), Is.InRange(1, 4));
        Assert.That(privacy.GetProperty("byHospital").EnumerateArray()
            .Select(one => one.GetProperty("epsilon").GetDouble()), Is.All.InRange(3.99, 4));
        var rounds = File.ReadLines(Path.Combine(Out, "rounds.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.That(rounds.Select(round => round.GetProperty("epsilon").GetDouble()),
            Is.Ordered.And.All.InRange(0.1, 4));
        Assert.That(File.ReadAllText(Path.Combine(Out, "report.html")),
            Does.Contain("Neighbours").And.Contain("does not cover"));

        Assert.That(Fedactors.Run([.. command, "--fresh"]).ExitCode, Is.Zero);
        Refused([.. command, "--fresh"]);
        foreach (var file in Directory.GetFiles(Out, "state.db*"))
            File.Delete(file);
        Refused(command);
        Directory.Delete(Out, recursive: true);
        Refused(command);
    }

    [TestCase("FA-6033", "local steps", "--set", "job.privacy.mode=patient-distributed", "--set",
        "job.privacy.epsilon=2", "--set", "job.training.local-steps=2")]
    [TestCase("FA-6032", "epsilon", "--set", "job.privacy.mode=patient-local")]
    [TestCase("FA-6001", "epsilon", "--set", "job.privacy.mode=patient-local", "--set", "job.privacy.epsilon=0")]
    [TestCase("FA-6002", "delta", "--set", "job.privacy.mode=patient-local", "--set", "job.privacy.epsilon=1", "--set",
        "job.privacy.delta=0.1")]
    [TestCase("FA-6003", "sampling-rate", "--set", "job.privacy.mode=patient-local", "--set", "job.privacy.epsilon=1",
        "--set", "job.privacy.sampling-rate=0")]
    [TestCase("FA-6031", "clip", "--set", "job.privacy.mode=patient-local", "--set", "job.privacy.epsilon=1", "--set",
        "job.privacy.clip=0")]
    [TestCase("FA-6030", "Newton", "--set", "job.privacy.mode=patient-local", "--set", "job.privacy.epsilon=1", "--set",
        "job.training.algorithm=newton")]
    [TestCase("FA-6033", "batch", "--set", "job.privacy.mode=patient-local", "--set", "job.privacy.epsilon=1", "--set",
        "job.training.batch-size=8")]
    [TestCase("FA-6033", "secure", "--set", "job.privacy.mode=patient-distributed", "--set", "job.privacy.epsilon=1",
        "--set",
        "job.training.local-steps=1", "--set", "job.secure-aggregation.enabled=off")]
    public void What_cannot_be_kept_is_refused_before_anything_is_trained(string code, string says, params string[] set)
    {
        var (exit, _, error) = Fedactors.Run(["simulate", Job, "--out", Out, .. set]);
        Assert.That(exit, Is.EqualTo(4), error);
        Assert.That(error, Does.Contain(code).And.Contain(says).IgnoreCase.And.Contain("fix:"));
        Assert.That(Directory.Exists(Out), Is.False);
    }

    [Test]
    public void A_job_above_what_the_simulated_policy_allows_one_job_is_refused_with_two()
    {
        var (exit, _, error) = Fedactors.Run(
            "simulate", Job, "--out", Out, "--set", "job.privacy.mode=patient-local", "--set", "job.privacy.epsilon=9",
            "--set", "job.privacy.delta=1e-5");
        Assert.That(exit, Is.EqualTo(2), error);
        Assert.That(error, Does.Contain("FA-6020").And.Contain("at most 8"));
    }

    [TestCase("damaged", "FA-6024")]
    [TestCase("locked", "FA-6023")]
    public void Ledgers_that_are_damaged_or_locked_refuse_with_two_and_keep_what_they_hold(string how, string code)
    {
        string[] command =
        [
            "simulate", Job, "--out", Out, "--fresh", "--rounds", "2", "--set", "job.privacy.mode=patient-local",
            "--set", "job.privacy.epsilon=1",
        ];
        Assert.That(Fedactors.Run(command).ExitCode, Is.Zero);
        string[] ledgers =
            [.. new[] { "berlin", "madrid", "paris" }.Select(name => Path.Combine(Out + ".ledgers", name + ".ledger"))];
        var held = new List<PrivacyLedgerFile>();
        foreach (var ledger in ledgers)
        {
            if (how == "locked")
                held.Add(PrivacyLedgerFile.Open(ledger, LedgerReading.Of(ledger).Ledger!.Scope, true, out _)!);
            else
                Damage(ledger);
        }
        var before = ledgers.Select(Read).ToArray();

        var (exit, _, error) = Fedactors.Run(command);

        Assert.That(exit, Is.EqualTo(2), error);
        Assert.That(error, Does.Contain($"berlin and 2 more refused. {code}"));
        Assert.That(ledgers.Select(Read), Is.EqualTo(before));
        Assert.That(File.Exists(Path.Combine(Out, "model.json")), Is.False);
        held.ForEach(ledger => ledger.Dispose());

        static void Damage(string ledger)
        {
            using var file = File.OpenWrite(ledger);
            file.Position = 200;
            file.WriteByte((byte)'x');
        }

        // Beside whoever holds it.
        static string Read(string ledger)
        {
            using var file = new FileStream(ledger, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var bytes = new MemoryStream();
            file.CopyTo(bytes);
            return Convert.ToHexString(bytes.ToArray());
        }
    }

    private void Refused(string[] command)
    {
        var (exit, _, error) = Fedactors.Run(command);
        Assert.That(exit, Is.EqualTo(2), error);
        Assert.That(error, Does.Contain("FA-6010").And.Contain("out.ledgers"));
    }

    private string Out => Path.Combine(_folder, "out");

    private JsonElement Summary()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, "summary.json")));
        return document.RootElement.Clone();
    }
}
