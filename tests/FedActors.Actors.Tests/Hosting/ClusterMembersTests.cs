using System.Text.Json.Nodes;
using Akka.Actor;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Operations.Palette;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>A hub of one node on SQLite, whose cluster hospitals and an aggregator join.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ClusterMembersTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly SmallFederation _federation = new();
    private readonly string _hub = $"127.0.0.1:{SmallFederation.FreePort()}";
    private readonly List<Node> _nodes = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        await _federation.DisposeAsync();
    }

    [Test]
    public async Task Hospitals_among_the_hubs_nodes_and_outside_train_the_model_of_the_simulation()
    {
        var job = _federation.WriteJob();
        var hub = await StartHub("hospitals = [berlin, madrid]");
        Node[] members =
        [
            await _federation.StartHospital("berlin", Member()), await _federation.StartHospital("madrid", Member()),
        ];
        await _federation.StartHospital("paris");

        await EndsWithTheModelOf(job, hub);
        foreach (var member in members)
            await ClusterMember.IsUp(member);
        var nodes = await Ask(hub, "cluster", "show");
        Assert.That(nodes["nodes"]!.AsArray().Select(node => $"{node!["roles"]![0]} {node["status"]} {node["leads"]}"),
            Is.EquivalentTo((string[])["coordinator up true", "hospital up false", "hospital up false"]));
    }

    [Test]
    public async Task A_hospital_that_the_hub_does_not_name_gets_no_connection_among_its_nodes()
    {
        _federation.WriteJob();
        await StartHub("hospitals = [berlin]");
        var self = new HostPort("127.0.0.1", int.Parse(_hub.Split(':')[1]));

        Assert.That(await _federation.Office.IsLetInAsync(self, "berlin"), Is.True);
        Assert.That(await _federation.Office.IsLetInAsync(self, "paris"), Is.False);
    }

    /// <summary>A member speaks to the hub's own system, where no untrusted mode is: what it may not say is not
    /// read.</summary>
    [Test]
    public async Task A_hospital_among_the_hubs_nodes_steers_none_of_its_actors_and_speaks_for_no_other()
    {
        var job = _federation.WriteJob();
        var hub = await StartHub("hospitals = [berlin]");
        var kit = Kit.Open(_federation.Office.KitOf("berlin"));
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);
        var training = hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);
        var madrid = new HospitalId("madrid");
        var round = "/user/hub/desk/desk/coordinator-small/round-1-1";
        await using (var attacker = new Attacker(
            kit, _federation.Office.KeyOf("berlin"), $"akka.ssl.tcp://{Edge.ClusterSystem}@{_hub}"))
        {
            do
            {
                foreach (var path in (string[])["/user/hub", "/user/turn", "/user/door", round, "/user", "/system"])
                    foreach (var message in (object[])
                    [
                        PoisonPill.Instance, Kill.Instance, new Identify(1), "text", new byte[] { 1 },
                    new RoundProtocol.Declined(new RoundId("small", 1, 1), madrid, DropReason.Refused, "forged"),
                    new SupervisionProtocol.GiveUp(new RoundId("small", 1, 1), madrid),
                ])
                    {
                        attacker.At(path).Tell(message);
                        new ActorSelection(attacker.At("/"), path).Tell(message);
                    }
                await attacker.WhenRead(madrid);
            }
            while (!training.IsCompleted);
        }

        await EndsWithTheModelOf(job, hub);
        var rounds = await Ask(hub, "rounds", "list");
        Assert.That(rounds["failedAttempts"]!.AsArray(), Is.Empty);
        Assert.That(rounds["rounds"]!.AsArray().Select(one => one!["dropped"]!.AsArray().Count), Is.All.Zero);
    }

    [Test]
    public async Task An_aggregator_on_another_node_opens_the_same_sums()
    {
        var job = _federation.WriteJob();
        var hub = await StartHub();
        var aggregator = await StartAggregator(hub);
        var opened = LogLine.Of(aggregator.Systems[0], "Round small#3: its sum is opened here");
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);

        await EndsWithTheModelOf(job, hub);
        await opened;
    }

    [Test]
    public async Task An_aggregator_that_dies_in_the_middle_of_a_round_costs_neither_the_round_nor_its_model()
    {
        var job = _federation.WriteJob(keys: "training { rounds = 12 }");
        var hub = await StartHub();
        var aggregator = await StartAggregator(hub);
        var opened = LogLine.Of(aggregator.Systems[0], "Round small#4: its sum is opened here");
        var lost = LogLine.Of(hub.Systems[0], "is lost, the session goes on here");
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);

        await opened;
        ((ExtendedActorSystem)aggregator.Systems[0]).Abort();

        await lost;
        await EndsWithTheModelOf(job, hub);
        Assert.That((await Ask(hub, "rounds", "list"))["failedAttempts"]!.AsArray(), Is.Empty);
    }

    private Task<Node> StartHub(string cluster = "") => _federation.StartHub(
        $"job = small.conf, patience = 60s\ncluster {{ nodes = [\"{_hub}\"], self = \"{_hub}\", stable-after = 1s\n"
            + $"{cluster} }}");

    // Once the hub's leader knows it.
    private async Task<Node> StartAggregator(Node hub)
    {
        var file = _federation.Office.PathOf("hub", "aggregator.conf");
        File.WriteAllText(file, $$"""
            node {
              role = hub, data = aggregator
              identity { kit = "kit", key = "hub.key" }
              hub.cluster {
                nodes = ["{{_hub}}"], self = "127.0.0.1:{{SmallFederation.FreePort()}}", roles = [aggregator]
              }
            }
            """);
        var node = await Node.StartAsync(NodeFile.Read(file), TimeProvider.System);
        _nodes.Add(node);
        var cluster = Akka.Cluster.Cluster.Get(hub.Systems[0]);
        var isUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        hub.Systems[0].ActorOf(Props.Create<Watcher>(isUp));
        await isUp.Task.WaitAsync(Patience);
        Assert.That(cluster.State.Members.Count, Is.EqualTo(2));
        return node;
    }

    private string Member() =>
        $"attachment = member\ncluster {{ nodes = [\"{_hub}\"], self = \"127.0.0.1:{SmallFederation.FreePort()}\" }}";

    private async Task EndsWithTheModelOf(string job, Node hub)
    {
        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(_federation.ResultOf("small"), Is.EqualTo(await SmallFederation.Simulated(job)));
    }

    private static async Task<JsonNode> Ask(Node hub, string group, string name)
    {
        var request = new OperatorRequest(hub.Operators!.Value.Palette, new Dictionary<string, string>());
        await foreach (var reply in OperatorPalette.Find(group, name)!.Run(request, CancellationToken.None))
            return reply.Document;
        throw new InvalidOperationException($"'{group} {name}' gave no answer.");
    }

    /// <summary>Waits until an aggregator is up.</summary>
    private sealed class Watcher : ReceiveActor
    {
        public Watcher(TaskCompletionSource isUp)
        {
            Akka.Cluster.Cluster.Get(Context.System).Subscribe(Self, typeof(Akka.Cluster.ClusterEvent.MemberUp));
            Receive<Akka.Cluster.ClusterEvent.CurrentClusterState>(state => See(state.Members));
            Receive<Akka.Cluster.ClusterEvent.MemberUp>(up => See([up.Member]));

            void See(IEnumerable<Akka.Cluster.Member> members)
            {
                if (members.Any(member => member.HasRole(Edge.Aggregating)
                    && member.Status == Akka.Cluster.MemberStatus.Up))
                    isUp.TrySetResult();
            }
        }
    }
}
