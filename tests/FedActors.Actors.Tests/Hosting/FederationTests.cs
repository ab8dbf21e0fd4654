using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json;
using Akka.Actor;
using Akka.Configuration;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>Nodes with actor systems and certificates of their own, over TLS on loopback; in one process only for the test's sake.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FederationTests : IAsyncDisposable
{
    private static readonly string[] Hospitals = SmallFederation.Hospitals;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SmallFederation _files = new();
    private readonly List<Node> _nodes = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        _files.Dispose();
    }

    [Test]
    public async Task Nodes_train_the_model_of_the_simulation()
    {
        var hub = await StartHub();
        foreach (var hospital in Hospitals)
            await StartHospital(hospital);

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        using var result = JsonDocument.Parse(File.ReadAllText(_files.ResultFile));
        Assert.That(result.RootElement.GetProperty("modelSha256").GetString(), Is.EqualTo(await _files.SimulateAsync()));
    }

    [Test]
    [Platform(Include = "Linux")]
    [SupportedOSPlatform("linux")]
    public async Task A_hub_on_PostgreSQL_trains_the_same_model_and_leaves_no_file_of_its_own()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        var hub = await StartHub(server.Section("hub"));
        foreach (var hospital in Hospitals)
            await StartHospital(hospital);

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(server.Scalar("hub", "SELECT count(*) FROM journal WHERE manifest = 'round-committed/1'"), Is.EqualTo(3L));
        Assert.That(File.Exists(Office.PathOf("hub", "state", "state.db")), Is.False);
        Assert.That(ended.Reason, Does.Contain(await _files.SimulateAsync()));
    }

    [Test]
    [Platform(Include = "Linux")]
    [SupportedOSPlatform("linux")]
    public async Task A_database_that_dies_and_comes_back_costs_the_job_nothing()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        var hub = await StartHub(server.Section("hub"));
        await StartHospital(Hospitals[0]);
        await StartHospital(Hospitals[1]);
        server.Kill();
        await StartHospital(Hospitals[2]);
        server.Restart();

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Reason, Does.Contain(await _files.SimulateAsync()));
    }

    [Test]
    public async Task Nobody_without_a_certificate_of_this_federation_reaches_the_door_and_the_hub_stays_up()
    {
        await StartHub();
        using var other = new Office("berlin");
        var address = Edge.AddressOfDoor(Kit.Open(Office.KitOf("berlin")).Manifest.Hub);

        using (var plain = new TcpClient("127.0.0.1", Office.Port))
        {
            await plain.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: hub\r\n\r\n"u8.ToArray());
            plain.ReceiveTimeout = (int)Patience.TotalMilliseconds;
            Assert.That(() => plain.GetStream().Read(new byte[100]), Is.Zero.Or.LessThan(100), "The hub answers no HTTP.");
        }
        await WithSite("stranger", Kit.Open(other.KitOf("berlin")), other.KeyOf("berlin"), async stranger =>
            Assert.That(async () => await stranger.ActorSelection(address).ResolveOne(TimeSpan.FromSeconds(3)), Throws.InstanceOf<ActorNotFoundException>()));
        await WithSite("member", Kit.Open(Office.KitOf("berlin")), Office.KeyOf("berlin"), async member =>
            Assert.That(await member.ActorSelection(address).ResolveOne(Patience), Is.Not.Null));
    }

    private static async Task WithSite(string name, Kit kit, string keyFile, Func<ActorSystem, Task> work)
    {
        using var key = PrivateFile.Read(keyFile);
        var system = Edge.OfSite(new HospitalId(name), kit, key, TimeProvider.System, Config.Empty);
        try
        {
            await work(system);
        }
        finally
        {
            await system.Terminate();
        }
    }

    private Office Office => _files.Office;

    private Task<Node> StartHub(string node = "") => Start(_files.Hub(rounds: 3, node: node));

    private Task<Node> StartHospital(string hospital) => Start(_files.Hospital(hospital));

    private async Task<Node> Start(string file)
    {
        var node = await Node.StartAsync(NodeFile.Read(file), TimeProvider.System);
        _nodes.Add(node);
        return node;
    }
}
