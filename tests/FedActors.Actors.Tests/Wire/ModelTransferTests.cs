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
        var hospitals = Open(door, model);
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

    // Both ends in one process, over TLS on loopback. Memory: that of the process beyond the model that arrives.
    [Test]
    [Explicit("It measures, and wants a quiet machine.")]
    [Platform(Include = "Linux")]
    [SupportedOSPlatform("linux")]
    public async Task What_a_model_of_400_MB_takes_over_TLS()
    {
        var model = ModelOf(50_000_000);
        var (hub, site) = (Kit.Open(_office.KitOf("hub")), Kit.Open(_office.KitOf("berlin")));
        using var hubKey = PrivateFile.Read(_office.KeyOf("hub"));
        using var siteKey = PrivateFile.Read(_office.KeyOf("berlin"));
        var address = new HostPort("127.0.0.1", _office.Port);
        var hubEdge = Edge.OfHub("127.0.0.1", address, hub, hubKey, TimeProvider.System, Config.Empty);
        var siteEdge = Edge.OfSite(site, siteKey, TimeProvider.System, Config.Empty);
        var door = hubEdge.ActorOf(Door.Props(HubIdentity(), TimeProvider.System), Edge.DoorName);
        try
        {
            // The second one finds all code compiled.
            foreach (var next in (GlobalModel[])[ModelOf(5_000_000), model])
            {
                var hospitals = Open(door, next);
                var uplink = siteEdge.ActorOf(UplinkOf(Edge.DoorOf(address, siteEdge), TestActor));
                GC.Collect();
                await File.WriteAllTextAsync("/proc/self/clear_refs", "5");
                var (before, cpu) = (Environment.WorkingSet, Environment.CpuUsage.TotalTime);
                var watch = Stopwatch.StartNew();
                hospitals.TryTell(Berlin, OfferOf(next), TestActor);
                ExpectMsg<RoundProtocol.RoundOffered>(TimeSpan.FromMinutes(5));
                var (seconds, used) = (watch.Elapsed.TotalSeconds, Environment.CpuUsage.TotalTime - cpu);
                TestContext.Progress.WriteLine(
                    $"{next.Bytes / 1e6:F0} MB in {seconds:F2} s, {next.Bytes / 1e6 / seconds:F0} MB/s; CPU time of "
                        + $"both ends {used.TotalSeconds:F2} s; memory of both ends beyond the model that arrived "
                        + $"{(Peak() - before - next.Bytes) / 1e6:F0} MB");
                await uplink.GracefulStop(TimeSpan.FromSeconds(10));
            }
        }
        finally
        {
            await Task.WhenAll(hubEdge.Terminate(), siteEdge.Terminate());
        }

        static long Peak() => 1024 * long.Parse(File.ReadAllLines("/proc/self/status")
            .Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', '\t')[^2]);
    }

    private RemoteHospitals Open(IActorRef door, GlobalModel model)
    {
        var (hospitals, models) = (new RemoteHospitals([Berlin], TimeSpan.FromMinutes(10), TimeProvider.System),
            new ModelCache());
        models.Add(model);
        hospitals.Open(door);
        door.Tell(new Door.Open(hospitals, models, Digest.Of(Guid.NewGuid().ToByteArray()), Epoch: 0));
        return hospitals;
    }

    private Props UplinkOf(IActorRef door, IActorRef agent) => Uplink.Props(
        new Uplink.Settings(
            Berlin, SiteKey.Own(PrivateFile.Read(_office.KeyOf("berlin"))), RosterOf("berlin").Coordinator, [door],
            TimeSpan.FromMilliseconds(300), SecureRandomSource.Instance, TimeProvider.System),
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
