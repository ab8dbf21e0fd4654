using System.Text;
using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Federation;
using Microsoft.Data.Sqlite;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>Jobs with noise on nodes: each hospital's own policy and ledger decide.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class PrivateNodesTests : IAsyncDisposable
{
    private readonly SmallFederation _federation = new();

    public ValueTask DisposeAsync() => _federation.DisposeAsync();

    [Test]
    public async Task Nodes_train_under_shared_noise_and_charge_their_ledgers_on_the_disk()
    {
        var hub =
            await StartHub(
                "training.local-steps = 1\nprivacy { mode = patient-distributed, epsilon = 2, delta = 1e-6 }");
        foreach (var hospital in SmallFederation.Hospitals)
            await StartHospital(hospital, "modes = [patient-distributed]");

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), TimeSpan.FromSeconds(60));

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        foreach (var hospital in SmallFederation.Hospitals)
        {
            var ledger = _federation.LedgerOf(hospital);
            Assert.That(ledger.Grants.Single().Charged, Is.EqualTo(3), "one charge a round");
            Assert.That(ledger.Spent.Epsilon, Is.InRange(1.9, 2));
        }
    }

    [Test]
    public async Task A_policy_that_forbids_and_a_ledger_that_is_lost_are_dropouts_with_their_numbers_in_the_rounds_record()
    {
        var hub = await StartHub("privacy { mode = patient-local, epsilon = 2, delta = 1e-6 }");
        await StartHospital("berlin", "");
        await StartHospital("madrid", "modes = [], privacy-required = off");
        await StartHospital("paris", "", hasLedger: false);

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), TimeSpan.FromSeconds(60));

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Failed), "one hospital is too few");
        Assert.That(ended.Reason, Does.StartWith("FA-6011"));
        Assert.That(Recorded("attempt-failed/1").Single(),
            Does.Match("madrid.*FA-6011").And.Match("paris.*FA-6026").And.Not.Contain("berlin"));
        Assert.That(_federation.LedgerOf("madrid").Grants, Is.Empty, "who refuses spends nothing");
    }

    private Task<Node> StartHub(string keys)
    {
        _federation.WriteJob(keys: $"secure-aggregation {{ enabled = on }}\n{keys}");
        return _federation.StartHub("job = small.conf");
    }

    private Task<Node> StartHospital(string hospital, string rules, bool hasLedger = true)
    {
        _federation.WritePolicy(hospital, rules, hasLedger);
        return _federation.StartHospital(hospital, SmallFederation.PrivacySection);
    }

    // What stands in the hub's journal; its texts can be read as they are.
    private List<string> Recorded(string manifest)
    {
        using var connection =
            new SqliteConnection($"Data Source={_federation.Office.PathOf("hub", "state", "state.db")};Mode=ReadOnly");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT message FROM journal WHERE manifest = $manifest";
        command.Parameters.AddWithValue("$manifest", manifest);
        using var reader = command.ExecuteReader();
        var events = new List<string>();
        while (reader.Read())
            events.Add(Encoding.UTF8.GetString((byte[])reader[0]).ReplaceLineEndings(" "));
        return events;
    }
}
