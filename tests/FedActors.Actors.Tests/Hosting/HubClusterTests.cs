using System.Runtime.Versioning;
using Akka.Actor;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Federation;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>A hub of three nodes on one database, in one process only for the test's sake.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
public sealed class HubClusterTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly SmallFederation _federation = new();

    public ValueTask DisposeAsync() => _federation.DisposeAsync();

    [Test]
    public async Task A_leader_that_leaves_hands_over_and_the_model_is_the_same()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        var job = _federation.WriteJob(keys: "training { rounds = 100 }");
        var (files, hubs) = _federation.WriteHubNodes(3, "job = small.conf", "stable-after = 1s",
            server.Section("hub"));
        var nodes = new List<Node>();
        foreach (var file in files)
            nodes.Add(await Node.StartAsync(NodeFile.Read(file), TimeProvider.System));
        try
        {
            foreach (var hospital in SmallFederation.Hospitals)
                await _federation.StartHospital(hospital, hubs);

            // Only a leader answers; the others keep the question.
            var leader = await (await Task.WhenAny(nodes.Select(Leading)));
            await leader.DisposeAsync();
            nodes.Remove(leader);
            var ended = await await Task.WhenAny(
                nodes.Select(node => node.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience)));

            Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
            Assert.That(ended.Reason, Does.Contain(await SmallFederation.Simulated(job)));
            Assert.That(server.Scalar("hub", "SELECT epoch FROM leader"), Is.EqualTo(2L));
            Assert.That(server.Scalar("hub", "SELECT count(*) FROM journal WHERE manifest = 'round-committed/1'"),
                Is.EqualTo(100L));
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    [Test]
    public async Task A_hospital_with_a_good_certificate_gets_no_connection_among_the_hubs_nodes()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        _federation.WriteJob();
        var (files, _) = _federation.WriteHubNodes(3, "job = small.conf", "", server.Section("hub"));
        var plan = NodeFile.Read(files[0]);
        await using var node = await Node.StartAsync(plan, TimeProvider.System);
        var self = plan.Hub!.Cluster!.Self;

        Assert.That(await _federation.Office.IsLetInAsync(self, "hub"), Is.True);
        Assert.That(await _federation.Office.IsLetInAsync(self, "berlin"), Is.False);
    }

    private static async Task<Node> Leading(Node node)
    {
        await node.Desk.Ask<HubLeader.Leading>(HubLeader.WhenLeading.Instance, Patience);
        return node;
    }
}
