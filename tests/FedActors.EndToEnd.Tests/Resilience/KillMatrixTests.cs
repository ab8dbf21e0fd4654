using System.Runtime.Versioning;
using System.Text;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.TestNode;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>
/// <c>kill -9</c> before and after every event that any journal holds. All hospitals are in every round, so that the
/// model is that of the undisturbed run to the byte, whoever died on the way.
/// </summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
public sealed class KillMatrixTests
{
    // 14 events a round: with both databases more than 10,000 in all.
    private const int Rounds = 375;

    private static readonly string Job = $$"""
        training { rounds = {{Rounds}} }
        cohort { minimum = 3, attempts = 1000, deadline = 20s }
        secure-aggregation { phase-deadline = 5s }
        """;

    private static readonly string[] OfTheHub = ["JobAccepted", "RoundOpened", "KeysFixed", "SharesFixed",
        "SurvivorSetFixed", "RoundCommitted"];

    // A round is given up because a hospital died in it.
    private static readonly string[] OfAHubWithoutAHospital = ["RoundAborted", "AttemptFailed"];

    private static readonly string[] OfAHospital = ["MaskedReady", "SurvivorSetSigned", "SharesReleased"];

    [Test]
    public void The_matrix_holds_every_event_of_every_journal() => Assert.That(
        OfTheHub.Concat(OfAHubWithoutAHospital).Concat(OfAHospital),
        Is.EquivalentTo(JournalSerializer.Manifests.Keys.Select(FailpointJournal.NameOf)));

    [Test]
    public void No_node_that_is_shipped_knows_of_failpoints()
    {
        var shipped = (string[])["fedactors-node.dll", "FedActors.Actors.dll", "FedActors.Core.dll"];

        Assert.That(Holders("FEDACTORS_FAILPOINT", [.. shipped, "fedactors-testnode.dll"]),
            Is.EqualTo((string[])["fedactors-testnode.dll"]));

        // Texts stand in an assembly as UTF-16.
        static IEnumerable<string> Holders(string text, IEnumerable<string> files) => files.Where(file =>
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, file)).AsSpan().IndexOf(
                Encoding.Unicode.GetBytes(text)) >= 0);
    }

    [Test]
    [Category("Slow")]
    public Task A_kill_at_any_event_on_SQLite_loses_nothing_and_changes_no_byte() => KillEverywhere(null);

    [Test]
    [Category("Slow")]
    public async Task A_kill_at_any_event_on_PostgreSQL_loses_nothing_and_changes_no_byte()
    {
        using var server = Postgres.Start();
        await KillEverywhere(server);
    }

    [Test]
    [Category("Slow")]
    public async Task A_write_that_fails_or_whose_answer_is_lost_changes_no_byte_either()
    {
        await using var federation = new ProcessFederation(null);
        federation.Prepare(Job + "\ntraining { rounds = 4 }");
        federation.Start("berlin", "after:MaskedReady=fail");
        federation.Start("madrid", "before:SurvivorSetSigned=fail");
        federation.Start("paris");
        federation.Start("hub", "after:RoundCommitted=fail");

        Assert.That(await federation.ResultAsync(), Is.EqualTo(await federation.SimulateAsync()));
        Assert.That(federation.Events("hub")["round-committed/1"], Is.EqualTo(4));
    }

    private static async Task KillEverywhere(Postgres? server)
    {
        await using var federation = new ProcessFederation(server);
        federation.Prepare(Job);
        federation.StartHospitals();
        foreach (var place in Places(OfTheHub))
            await federation.DieAsync("hub", place);

        // Each hospital's death ends an attempt, but for the one that had told its shares; while there are any left,
        // the hub dies of it.
        var hubs = new Queue<string>(Places(OfAHubWithoutAHospital));
        foreach (var place in Places(OfAHospital))
        {
            var hub = DieAndRise("hub", hubs.TryDequeue(out var own) ? own : null);
            await DieAndRise("berlin", place);
            await hub;
        }
        var model = await federation.ResultAsync();

        var (acknowledged, lost) = federation.Account();
        TestContext.Progress.WriteLine(
            $"{(server is null ? "SQLite" : "PostgreSQL")}: {acknowledged} acknowledged events, {lost.Count} lost.");
        Assert.That(lost, Is.Empty);
        Assert.That(acknowledged, Is.GreaterThanOrEqualTo(5000));
        Assert.That(model, Is.EqualTo(await federation.SimulateAsync()));
        Assert.That(federation.Events("hub")["round-committed/1"], Is.EqualTo(Rounds));

        async Task DieAndRise(string site, string? place)
        {
            if (place is not null)
                await federation.DieAsync(site, place);
            federation.Start(site);
        }
    }

    private static IEnumerable<string> Places(string[] events) =>
        events.SelectMany(name => (string[])[$"before:{name}", $"after:{name}"]);
}
