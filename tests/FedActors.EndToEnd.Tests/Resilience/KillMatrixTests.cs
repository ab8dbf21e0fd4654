using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using FedActors.Actors.Storage;
using FedActors.Core.Federation;
using FedActors.TestNode;
using Microsoft.Data.Sqlite;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>
/// <c>kill -9</c> before and after every event that any journal holds, the hub's and the hospitals': one process that
/// holds them all dies, is started again with the same command, dies at the next place, and in the end has trained the
/// model of the undisturbed run.
/// </summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
public sealed class KillMatrixTests
{
    private const int Killed = 128 + 9;

    // Five hospitals, two runs: 40 events a round, more than 10,000 in all.
    private const int Rounds = 255;

    // In an order in which each comes to pass: an attempt is given up because secrets died with the process before.
    private static readonly string[] Events =
    [
        "JobAccepted", "RoundOpened", "KeysFixed", "SharesFixed", "RoundAborted", "AttemptFailed", "MaskedReady",
        "SurvivorSetFixed", "SurvivorSetSigned", "SharesReleased", "RoundCommitted",
    ];

    // But for those of a hub's job desk, which a simulation does not have.
    [Test]
    public void The_matrix_holds_every_event_of_rounds_and_hospitals() => Assert.That(Events, Is.EquivalentTo(
        JournalSerializer.Manifests.Where(pair => !typeof(DeskEvent).IsAssignableFrom(pair.Value))
            .Select(pair => FailpointJournal.NameOf(pair.Key))));

    [Test]
    public void No_node_that_is_shipped_knows_of_failpoints()
    {
        string[] shipped = ["fedactors.dll", "fedactors-node.dll", "FedActors.Actors.dll", "FedActors.Core.dll"];

        Assert.That(
            Holders("FEDACTORS_FAILPOINT", [.. shipped, "fedactors-testnode.dll"]),
            Is.EqualTo((string[])["fedactors-testnode.dll"]));

        // Texts stand in an assembly as UTF-16.
        static IEnumerable<string> Holders(string text, IEnumerable<string> files) => files.Where(file =>
            File.ReadAllBytes(InBin(file)).AsSpan().IndexOf(Encoding.Unicode.GetBytes(text)) >= 0);
    }

    [Test]
    [Category("Slow")]
    public void A_kill_at_any_event_loses_nothing_that_was_acknowledged_and_changes_no_byte()
    {
        var folder = Directory.CreateTempSubdirectory("fedactors-").FullName;
        try
        {
            using var undisturbed = Start(Path.Combine(folder, "undisturbed"), "");
            var disturbed = Path.Combine(folder, "disturbed");
            foreach (var place in Events.SelectMany(name => (string[])[$"before:{name}", $"after:{name}"]))
            {
                using var run = Start(disturbed, $"{place}=kill");
                var (exitCode, output, error) = run.Wait();
                Assert.That(exitCode, Is.EqualTo(Killed), $"It did not die {place}.\n{output}\n{error}");
            }
            using var last = Start(disturbed, "");

            Assert.That(ModelOf(last), Is.EqualTo(ModelOf(undisturbed)));
            var (acknowledged, lost) = (0, new List<string>());
            foreach (var run in (string[])["undisturbed", "disturbed"])
            {
                var kept = Rows(Path.Combine(folder, run));
                var lines = File.ReadAllLines(Path.Combine(folder, run + ".acknowledged"));
                acknowledged += lines.Length;
                lost.AddRange(lines.Where(line => !kept.ContainsKey(line)));
                Assert.That(kept.Values.Count(manifest => manifest == "round-committed/1"), Is.EqualTo(Rounds));
            }
            TestContext.Progress.WriteLine($"{acknowledged} acknowledged events, {lost.Count} lost.");
            Assert.That(lost, Is.Empty);
            Assert.That(acknowledged, Is.GreaterThanOrEqualTo(10_000));
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Fedactors.RunningProcess Start(string folder, string failpoint) => new(
        "dotnet",
        [
            InBin("fedactors-testnode.dll"), "simulate",
                Path.Combine(Fedactors.Root, "samples", "breast-tumour", "job.conf"),
            "--rounds", $"{Rounds}", "--set", "job.cohort.minimum=5", "--out", folder, "--json",
        ],
        ("FEDACTORS_FAILPOINT", failpoint), ("FEDACTORS_ACKNOWLEDGED", folder + ".acknowledged"));

    private static string ModelOf(Fedactors.RunningProcess run)
    {
        var (exitCode, output, error) = run.Wait();
        Assert.That(exitCode, Is.Zero, error);
        using var summary = JsonDocument.Parse(output);
        return summary.RootElement.GetProperty("modelSha256").GetString()!;
    }

    // Persistence id and number of each event, as the test build writes them down, and its manifest.
    private static Dictionary<string, string> Rows(string folder)
    {
        var rows = new Dictionary<string, string>();
        foreach (var file in (string[])["state.db", "hospitals.db"])
        {
            using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, file)}");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT persistence_id || ' ' || sequence_number, manifest FROM journal";
            using var reader = command.ExecuteReader();
            while (reader.Read())
                rows.Add(reader.GetString(0), reader.GetString(1));
        }
        return rows;
    }

    private static string InBin(string file) => Path.Combine(AppContext.BaseDirectory, file);
}
