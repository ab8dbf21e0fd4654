using System.Collections.Concurrent;
using System.Runtime.Versioning;
using Akka.Actor;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Federation;
using NUnit.Framework.Interfaces;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>A hub of three nodes on one database, in one process only for the test's sake.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
public sealed class HubClusterTests : IAsyncDisposable
{
    private const int Rounds = 100;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly SmallFederation _federation = new();
    private readonly ConcurrentQueue<string> _said = new();

    public async ValueTask DisposeAsync()
    {
        await _federation.DisposeAsync();
        if (TestContext.CurrentContext.Result.Outcome.Status == TestStatus.Failed)
            TestContext.Out.WriteLine(string.Join('\n', _said));
    }

    [Test]
    public async Task A_leader_that_leaves_hands_over_and_the_model_is_the_same()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        var job = _federation.WriteJob(keys: $"training {{ rounds = {Rounds} }}");
        var (files, hubs) = _federation.WriteHubNodes(3, "job = small.conf", "stable-after = 1s",
            server.Section("hub"));
        var nodes = new List<Node>();
        foreach (var file in files)
            nodes.Add(await StartNode(file));
        try
        {
            foreach (var hospital in SmallFederation.Hospitals)
                await StartHospital(hospital, hubs);

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
                Is.EqualTo((long)Rounds));
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    [Test]
    [Category("Slow")]
    public async Task A_leader_that_stops_at_once_is_replaced_and_the_model_is_the_same()
    {
        using var server = Postgres.Start();
        await using var hub = await Begin(server, "stable-after = 1s");

        hub.Links[0].Refuse();
        foreach (var system in hub.Nodes[0].Systems)
            ((ExtendedActorSystem)system).Abort();
        hub.Links[0].Cut();

        await EndsWithoutTheFirst(hub, server);
    }

    /// <summary>The node that leads goes on for a while after it was cut off, and believes that it leads: what it
    /// writes then is in the journal before another leads, or nowhere.</summary>
    [Test]
    [Category("Slow")]
    public async Task A_leader_that_is_cut_off_puts_itself_out_and_the_model_is_the_same()
    {
        using var server = Postgres.Start();
        // Longer than it takes to miss the second of the others after the first: else it would put out one, and then
        // the other.
        await using var hub = await Begin(server, "stable-after = 3s");

        foreach (var link in hub.Links)
            link.Refuse();
        hub.Links[0].Cut();

        // What ends the process, as systemd sees it.
        await hub.Nodes[0].WhenEnded.WaitAsync(Patience);
        await hub.Nodes[0].DisposeAsync();
        await EndsWithoutTheFirst(hub, server);
    }

    /// <summary>To each node, with its heartbeats and what it says of sums that another opens for it on the same
    /// wire.</summary>
    [Test]
    [Category("Slow")]
    public async Task A_slow_link_costs_no_node_its_place()
    {
        using var server = Postgres.Start();
        await using var hub = await Begin(server, "stable-after = 1s, roles = [coordinator, aggregator]");
        var opened = hub.Nodes[1..].Select(node => LogLine.Of(node.Systems[0], "its sum is opened here")).ToArray();
        foreach (var link in hub.Links)
            link.BytesPerSecond = 128_000;

        var ended = await hub.Nodes[0].Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(ended.Reason, Does.Contain(await SmallFederation.Simulated(hub.Job)));
        await await Task.WhenAny(opened);
        Assert.That(server.Scalar("hub", "SELECT epoch FROM leader"), Is.EqualTo(1L));
        // What 'cluster show' says, at a node that does not lead.
        Assert.That(
            hub.Nodes[1].Operators!.Value.Palette.Nodes()
            .Select(node => $"{node.Address} {node.Status} {node.IsLeader}"),
            Is.EquivalentTo(hub.Links.Select((link, index) => $"{link.Address} up {index == 0}")));
    }

    // The first of three nodes leads, the links between them can be cut, and two rounds are committed. The others call
    // the first, and none is called by it: what goes over its link is all that it says to them.
    private async Task<LinkedHub> Begin(Postgres server, string cluster)
    {
        server.CreateDatabase("hub");
        var job = _federation.WriteJob(keys: $"training {{ rounds = {Rounds} }}");
        Link[] links = [.. Enumerable.Range(0, 3).Select(_ => new Link()).OrderBy(link => link.Port)];
        var (files, hubs) = _federation.WriteHubNodes(3, "job = small.conf, patience = 60s",
            $"listen = \"{Link.Behind}\"\n{cluster}", server.Section("hub"), [.. links.Select(link => link.Address)]);
        var hub = new LinkedHub(job, links, []);
        foreach (var file in files)
        {
            var node = await StartNode(file);
            links[hub.Nodes.Count].Listen();
            hub.Nodes.Add(node);
            if (hub.Nodes.Count == 1)
                await LogLine.Of(node.Systems[0], "is JOINING itself");
            else
                await Leading(hub.Nodes[0]);
        }
        // One that has joined but is not up yet counts for no majority: of two, the first would be the one to stay.
        foreach (var node in hub.Nodes)
            await ClusterMember.IsUp(node);
        var begun = LogLine.Of(hub.Nodes[0].Systems[0], "Round 2 is committed");
        foreach (var hospital in SmallFederation.Hospitals)
            await StartHospital(hospital, hubs);
        await begun;
        return hub;
    }

    private async Task<Node> StartNode(string file)
    {
        var node = await Node.StartAsync(NodeFile.Read(file), TimeProvider.System);
        LogLine.Keep(node, Path.GetFileNameWithoutExtension(file), _said);
        return node;
    }

    private async Task StartHospital(string hospital, string section) =>
        LogLine.Keep(await _federation.StartHospital(hospital, section), hospital, _said);

    private static async Task EndsWithoutTheFirst(LinkedHub hub, Postgres server)
    {
        var ended = await await Task.WhenAny(
            hub.Nodes[1..].Select(node => node.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience)));

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(ended.Reason, Does.Contain(await SmallFederation.Simulated(hub.Job)));
        Assert.That(server.Scalar("hub", "SELECT epoch FROM leader"), Is.EqualTo(2L));
        Assert.That(server.Scalar("hub", "SELECT count(*) FROM journal WHERE manifest = 'round-committed/1'"),
            Is.EqualTo((long)Rounds));
    }

    private sealed record LinkedHub(string Job, Link[] Links, List<Node> Nodes) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            foreach (var node in Nodes)
                await node.DisposeAsync();
            foreach (var link in Links)
                link.Dispose();
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
