using System.Text;
using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Federation;
using FedActors.Core.Privacy;
using Microsoft.Data.Sqlite;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>Jobs with noise on nodes: each hospital's own policy and ledger decide.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class PrivateNodesTests : IAsyncDisposable
{
    private const string PlainToo = "\nsecure-sums-only = off";

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

        var ended = await EndOf(hub);

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

        var ended = await EndOf(hub);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Failed), "one hospital is too few");
        Assert.That(ended.Reason, Does.StartWith("FA-6011"));
        Assert.That(Recorded("attempt-failed/1").Single(),
            Does.Match("madrid.*FA-6011").And.Match("paris.*FA-6026").And.Not.Contain("berlin"));
        Assert.That(_federation.LedgerOf("madrid").Grants, Is.Empty, "who refuses spends nothing");
    }

    [Test]
    public async Task A_hub_remembers_from_job_to_job_where_ledgers_stood_and_refuses_one_that_was_restored_between()
    {
        const string Plain = "secure-aggregation { enabled = off }\nprivacy { mode = patient-local, epsilon = 1 }";
        _federation.WriteJob("first", Plain);
        var hub = await _federation.StartHub("job = first.conf");
        foreach (var hospital in SmallFederation.Hospitals)
            await StartHospital(hospital, "secure-aggregation-required = off", keys: PlainToo);
        Assert.That((await EndOf(hub)).Stage, Is.EqualTo(JobStage.Done));
        var spent = _federation.LedgerOf("paris").Spent;

        await StopAll();
        File.Delete(_federation.LedgerFile("paris"));
        _federation.CreateLedger("paris");
        var ended = await EndOf(await StartAll("second"));

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Failed), "two hospitals are too few");
        Assert.That(ended.Reason, Does.StartWith("FA-6025"));
        Assert.That(Recorded("attempt-failed/1").Single(), Does.Match("paris.*FA-6025"));
        Assert.That(_federation.LedgerOf("paris").Grants, Is.Empty, "who refuses spends nothing");

        await StopAll();
        using (var file = PrivacyLedgerFile.Open(_federation.LedgerFile("paris"), "ward", true, out _)!)
            Assert.That(file.Reconcile("Dr. Ode", "restored after a fire", null, 0, default, DateTimeOffset.UnixEpoch),
                Is.InstanceOf<LedgerDecision.Accepted>());
        Assert.That(_federation.LedgerOf("paris").Spent.Epsilon, Is.EqualTo(spent.Epsilon).Within(1e-9));
        ended = await EndOf(await StartAll("third"));

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(Recorded("round-committed/1"), Has.Count.EqualTo(6), "three of the first job, three of the third");

        async Task StopAll()
        {
            foreach (var site in SmallFederation.Hospitals.Append("hub"))
                await _federation.StopAsync(site);
        }

        async Task<Node> StartAll(string job)
        {
            _federation.WriteJob(job, Plain);
            var again = await _federation.StartHub($"job = {job}.conf");
            foreach (var hospital in SmallFederation.Hospitals)
                await _federation.StartHospital(hospital, SmallFederation.PrivacySection + PlainToo);
            return again;
        }
    }

    private static Task<JobDesk.Ended> EndOf(Node hub) =>
        hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), TimeSpan.FromSeconds(60));

    private Task<Node> StartHub(string keys)
    {
        _federation.WriteJob(keys: $"secure-aggregation {{ enabled = on }}\n{keys}");
        return _federation.StartHub("job = small.conf");
    }

    private Task<Node> StartHospital(string hospital, string rules, bool hasLedger = true, string keys = "")
    {
        _federation.WritePolicy(hospital, rules, hasLedger);
        return _federation.StartHospital(hospital, SmallFederation.PrivacySection + keys);
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
