using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.Versioning;
using Akka.Actor;
using Akka.Configuration;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Tests.Wire;

/// <summary>A model on its way from the hub's door to a hospital.</summary>
public sealed class ModelTransferTests : ActorTest
{
    private static readonly HospitalId Berlin = new("berlin");

    private readonly Office _office = new("berlin");
    private readonly JobPlan _plan = Plans.Small();
    private readonly ModelCache _arrived = new();

    [TearDown]
    public void CloseOffice() => _office.Dispose();

    [Test]
    public async Task A_model_that_is_cut_off_half_way_is_fetched_from_where_it_stopped()
    {
        var model = ModelOf(500_000);
        var door = Sys.ActorOf(Door.Props(HubIdentity(), TimeProvider.System));
        var models = new ModelCache();
        models.Add(model);
        var hospitals = Open(door, models);
        var wire = Sys.ActorOf(Props.Create<Wire>(door, (long)model.Bytes / 2));
        Sys.ActorOf(UplinkOf(wire, TestActor));

        hospitals.TryTell(Berlin, OfferOf(model), TestActor);
        ExpectMsg<RoundProtocol.RoundOffered>(TimeSpan.FromSeconds(60));

        Assert.That(_arrived.TryGet(model.Hash, out _), Is.True);
        // What was on its way when the line was cut comes twice; and each chunk has an envelope around it.
        const long Window = 32 * RoundProtocol.ChunkBytes;
        Assert.That(
            await wire.Ask<long>(Wire.CountWanted.Instance, TimeSpan.FromSeconds(60)),
            Is.InRange(model.Bytes, (long)(1.01 * (model.Bytes + Window))));
    }

    [Test]
    public async Task A_large_model_comes_beside_the_line_and_is_fetched_from_where_it_was_cut_off()
    {
        var model = ModelOf(1_000_000);
        using var link = new Link { CutAt = model.Bytes / 2 };
        link.Listen();
        await using var federation = Start(Link.Behind, link.Port);

        federation.Offer(model);
        ExpectMsg<RoundProtocol.RoundOffered>(TimeSpan.FromSeconds(60));

        Assert.That(_arrived.TryGet(model.Hash, out _), Is.True);
        // What the hospital had not read when it was cut comes twice.
        Assert.That(link.Carried, Is.InRange(model.Bytes, (long)(1.01 * (model.Bytes + ModelProtocol.LineBytes))));
    }

    [Test]
    public async Task A_large_model_comes_over_the_line_where_the_hubs_port_for_models_cannot_be_reached()
    {
        var model = ModelOf(500_000);
        await using var federation = Start(Link.Behind, SmallFederation.FreePort());
        var told = LogLine.Of(federation.Site, FaultNumber.ModelPortUnusable.Code());

        federation.Offer(model);
        ExpectMsg<RoundProtocol.RoundOffered>(TimeSpan.FromSeconds(60));

        Assert.That(_arrived.TryGet(model.Hash, out _), Is.True);
        await told;
    }

    // Both ends in one process, over TLS on loopback. Memory: that of the process beyond the model that arrives.
    [Test]
    [Explicit("It measures, and wants a quiet machine.")]
    [Platform(Include = "Linux")]
    [SupportedOSPlatform("linux")]
    public async Task What_a_model_of_400_MB_takes_over_TLS([Values] bool isByStream)
    {
        await using var federation = Start("127.0.0.1", isByStream ? 0 : null);
        // The second one finds all code compiled.
        foreach (var next in (GlobalModel[])[ModelOf(5_000_000), ModelOf(50_000_000)])
        {
            GC.Collect();
            await File.WriteAllTextAsync("/proc/self/clear_refs", "5");
            var (before, cpu) = (Environment.WorkingSet, Environment.CpuUsage.TotalTime);
            var watch = Stopwatch.StartNew();
            federation.Offer(next);
            ExpectMsg<RoundProtocol.RoundOffered>(TimeSpan.FromMinutes(5));
            var (seconds, used) = (watch.Elapsed.TotalSeconds, Environment.CpuUsage.TotalTime - cpu);
            Assert.That(_arrived.TryGet(next.Hash, out _), Is.True);
            TestContext.Progress.WriteLine(
                $"{next.Bytes / 1e6:F0} MB in {seconds:F2} s, {next.Bytes / 1e6 / seconds:F0} MB/s; CPU time of "
                    + $"both ends {used.TotalSeconds:F2} s; memory of both ends beyond the model that arrived "
                    + $"{(Peak() - before - next.Bytes) / 1e6:F0} MB");
        }

        static long Peak() => 1024 * long.Parse(File.ReadAllLines("/proc/self/status")
            .Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', '\t')[^2]);
    }

    /// <summary>Hub and hospital with actor systems of their own, over TLS.</summary>
    /// <param name="listen">Where the hub's port for models listens.</param>
    /// <param name="port">0: one of the machine's choice; null: there is none.</param>
    private Federation Start(string listen, int? port)
    {
        var (hub, site) = (Kit.Open(_office.KitOf("hub")), Kit.Open(_office.KitOf("berlin")));
        var (hubKey, siteKey) = (PrivateFile.Read(_office.KeyOf("hub")), PrivateFile.Read(_office.KeyOf("berlin")));
        var (address, shelf) = (new HostPort("127.0.0.1", _office.Port), new ModelShelf());
        var hubEdge = Edge.OfHub("127.0.0.1", address, hub, hubKey, TimeProvider.System, Config.Empty);
        var siteEdge = Edge.OfSite(site, siteKey, TimeProvider.System, Config.Empty);
        var models = port is { } open
            ? ModelPort.Open(listen, open, hub, hubKey, shelf, TimeProvider.System, hubEdge.Log)
            : null;
        var door = hubEdge.ActorOf(Door.Props(HubIdentity(), TimeProvider.System, shelf), Edge.DoorName);
        var cache = new ModelCache();
        var hospitals = Open(door, cache);
        siteEdge.ActorOf(UplinkOf(
            Edge.DoorOf(address, siteEdge), TestActor, new ModelFetch(site, siteKey, TimeProvider.System)));
        return new Federation(hubEdge, siteEdge, models, model =>
        {
            cache.Add(model);
            hospitals.TryTell(Berlin, OfferOf(model), TestActor);
        });
    }

    private sealed record Federation(ActorSystem Hub, ActorSystem Site, ModelPort? Models, Action<GlobalModel> Offer)
        : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Task.WhenAll(Hub.Terminate(), Site.Terminate());
            await (Models?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    private static RemoteHospitals Open(IActorRef door, ModelCache models)
    {
        var hospitals = new RemoteHospitals([Berlin], TimeSpan.FromMinutes(10), TimeProvider.System);
        hospitals.Open(door);
        door.Tell(new Door.Open(hospitals, models, Digest.Of(Guid.NewGuid().ToByteArray()), Epoch: 0));
        return hospitals;
    }

    private Props UplinkOf(IActorRef door, IActorRef agent, ModelFetch? streams = null) => Uplink.Props(
        new Uplink.Settings(
            Berlin, SiteKey.Own(PrivateFile.Read(_office.KeyOf("berlin"))), RosterOf("berlin").Coordinator, [door],
            TimeSpan.FromMilliseconds(300), SecureRandomSource.Instance, TimeProvider.System)
        {
            Streams = streams,
        },
        agent, _arrived, new ModelSpool(_office.PathOf("berlin", "models")));

    private HubIdentity HubIdentity() => new(SiteKey.Own(PrivateFile.Read(_office.KeyOf("hub"))), RosterOf("hub"));

    private Roster RosterOf(string site) => Kit.Open(_office.KitOf(site)).Roster;

    private RoundProtocol.RoundOffered OfferOf(GlobalModel model) =>
        new(new RoundId("small", 1, 1), _plan, PlanHash.Of(_plan), model.Hash, [Berlin]);

    // As large as that through what its strategy remembers.
    private GlobalModel ModelOf(int numbers) => GlobalModel.Of(
        new double[ModelCatalog.Create(_plan.Model).ParameterCount].ToImmutableArray(),
        [.. Enumerable.Range(0, numbers).Select(i => (double)i)]);

    /// <summary>
    /// Between a hospital and the door: counts the bytes of pieces that go down, and drops everything once, after so
    /// many, until the hospital calls anew. Parent: the test. Children: none.
    /// </summary>
    private sealed class Wire : ReceiveActor
    {
        public sealed record CountWanted : INoSerializationVerificationNeeded
        {
            public static CountWanted Instance { get; } = new();
        }

        private IActorRef _uplink = ActorRefs.Nobody;
        private long _count;
        private long _cutAt;
        private bool _isCut;

        public Wire(IActorRef door, long cutAt)
        {
            _cutAt = cutAt;
            Receive<CountWanted>(_ => Sender.Tell(_count));
            Receive<LineProtocol.Hello>(hello =>
            {
                (_uplink, _isCut) = (Sender, false);
                door.Tell(hello);
            });
            Receive<LineProtocol.Envelope>(piece =>
            {
                if (piece.IsUp)
                {
                    if (!_isCut)
                        door.Tell(piece);
                    return;
                }
                // Sent is sent, whether it arrives or not.
                _count += piece.Bytes.Length;
                if (_count >= _cutAt)
                    (_isCut, _cutAt) = (true, long.MaxValue);
                if (!_isCut)
                    _uplink.Tell(piece);
            });
            ReceiveAny(message =>
            {
                if (!_isCut)
                    _uplink.Tell(message);
            });
        }
    }
}
