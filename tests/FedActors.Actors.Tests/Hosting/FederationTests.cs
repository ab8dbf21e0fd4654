using System.Runtime.Versioning;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Tests.Hosting;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FederationTests : IAsyncDisposable
{
    private readonly SmallFederation _federation = new();

    public ValueTask DisposeAsync() => _federation.DisposeAsync();

    [Test]
    public async Task Nodes_train_the_model_of_the_simulation()
    {
        var job = _federation.WriteJob();
        var hub = await _federation.StartHub("job = small.conf");
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);

        await EndsWithTheModelOf(job, hub);
    }

    [Test]
    public async Task Hospitals_evaluate_on_the_patients_they_keep_back_and_the_hub_sees_the_sum()
    {
        _federation.WriteJob(keys: """
            secure-aggregation.enabled = on
            cohort.minimum = 3
            evaluation { every = 1, minimum-patients = 1 }
            """);
        var hub = await _federation.StartHub("job = small.conf");
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital, split: "half");
        await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), TimeSpan.FromSeconds(60));

        var records = await hub.Desk.Ask<JobProtocol.JobRecords>(
            new JobDesk.Ask("small", new JobProtocol.RecordsWanted()), TimeSpan.FromSeconds(10));

        var kept = SmallFederation.Hospitals
            .SelectMany(hospital => SmallFederation.Rows(hospital).Where((_, row) => row % 2 == 0)).ToArray();
        var initial = (FederatedBinaryFigures)records.Committed[0].ByHospitals!;
        Assert.That((initial.Hospitals, initial.N, initial.Positives),
            Is.EqualTo((3, (long)kept.Length, (long)kept.Count(row => row.Y == "a"))));
        Assert.That(initial.LogLoss, Is.EqualTo(Math.Log(2)).Within(1e-3), "the initial model says one half to all");
        Assert.That(records.Committed.Select(record => record.TotalWeight), Is.All.EqualTo(12),
            "the others are trained on");
    }

    [Test]
    [Platform(Include = "Linux")]
    [SupportedOSPlatform("linux")]
    public async Task A_hub_on_PostgreSQL_trains_the_same_model_and_leaves_no_file_of_its_own()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        var job = _federation.WriteJob();
        var hub = await _federation.StartHub("job = small.conf", server.Section("hub"));
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);

        await EndsWithTheModelOf(job, hub);
        Assert.That(server.Scalar("hub", "SELECT count(*) FROM journal WHERE manifest = 'round-committed/1'"),
            Is.EqualTo(3L));
        Assert.That(File.Exists(_federation.Office.PathOf("hub", "state", "state.db")), Is.False);
    }

    [Test]
    [Platform(Include = "Linux")]
    [SupportedOSPlatform("linux")]
    public async Task A_database_that_dies_and_comes_back_costs_the_job_nothing()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        var job = _federation.WriteJob();
        var hub = await _federation.StartHub("job = small.conf", server.Section("hub"));
        foreach (var hospital in SmallFederation.Hospitals[..2])
            await _federation.StartHospital(hospital);
        server.Kill();
        await _federation.StartHospital(SmallFederation.Hospitals[2]);
        server.Restart();

        await EndsWithTheModelOf(job, hub);
    }

    [Test]
    public async Task A_result_that_cannot_be_written_pauses_the_job_until_it_can()
    {
        var job = _federation.WriteJob();
        // A file where its folder would be.
        var results = Path.GetDirectoryName(_federation.ResultFile("small"))!;
        Directory.CreateDirectory(Path.GetDirectoryName(results)!);
        await File.WriteAllTextAsync(results, "");
        var hub = await _federation.StartHub("job = small.conf");
        var inbox = Inbox.Create(hub.Operators!.Value.System);
        hub.Operators.Value.System.EventStream.Subscribe(inbox.Receiver, typeof(Warning));
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);

        inbox.ReceiveWhere(said => said is Warning warning && $"{warning.Message}".Contains(
            FaultNumber.OutputUnwritable.Code(), StringComparison.Ordinal), TimeSpan.FromSeconds(60));
        File.Delete(results);

        await EndsWithTheModelOf(job, hub);
    }

    private async Task EndsWithTheModelOf(string job, Node hub)
    {
        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), TimeSpan.FromSeconds(60));

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(_federation.ResultOf("small"), Is.EqualTo(await SmallFederation.Simulated(job)));
    }
}
