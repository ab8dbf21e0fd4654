using Akka.Actor;
using Akka.Configuration;
using FedActors.Actors.Configuration;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// A hospital's line to its hub without the hospital: it attaches, and asks for what the hub does not have.
/// </summary>
public sealed class SiteLine : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ActorSystem _system;
    private readonly SiteKey _key;
    private readonly Inbox _inbox;
    private readonly LineEnd _end;
    private readonly IActorRef _door;
    private int _asked;

    private SiteLine(ActorSystem system, SiteKey key, LineEnd end, IActorRef door) =>
        (_system, _key, _inbox, _end, _door) = (system, key, Inbox.Create(system), end, door);

    /// <summary>Every piece that was sent, as who listened would have it.</summary>
    public List<LineProtocol.Envelope> Sent { get; } = [];

    public static async Task<SiteLine> Attach(Office office, string site)
    {
        var kit = Kit.Open(office.KitOf(site));
        var me = new HospitalId(site);
        var tlsKey = PrivateFile.Read(office.KeyOf(site));
        var key = SiteKey.Own(PrivateFile.Read(office.KeyOf(site)));
        var system = Edge.OfSite(kit, tlsKey, TimeProvider.System, Config.Empty);
        var (door, nonce) = (Edge.DoorOf(new HostPort(kit.Manifest.Hub.Host, kit.Manifest.Hub.Port), system),
            Digest.Of(Guid.NewGuid().ToByteArray()));
        var challenge = await door.Ask<LineProtocol.Challenge>(new LineProtocol.Hello(me, nonce), Patience);
        var session = LineProtocol.SessionOf(me, nonce, challenge.HubNonce);
        var end = new LineEnd(session, me, isHospital: true, key, kit.Roster.Coordinator, 1 << 20);
        var line = new SiteLine(system, key, end, door);
        line.Say(new LineProtocol.Attach(nonce));
        return line;
    }

    /// <summary>
    /// Returns when the hub has answered within this session: its door never stopped, and never began anew.
    /// </summary>
    public async Task ProveAlive(string afterWhat)
    {
        var model = Digest.Of(BitConverter.GetBytes(++_asked));
        Say(new ModelProtocol.ModelWanted(model, 0, 1));
        while (true)
        {
            object answer;
            try
            {
                answer = await _inbox.ReceiveAsync(Patience);
            }
            catch (TimeoutException)
            {
                Assert.Fail($"After {afterWhat} the door gave no answer.");
                return;
            }
            if (answer is Status.Failure or LineProtocol.Broken)
                Assert.Fail($"After {afterWhat}: {answer}.");
            if (answer is LineProtocol.Envelope piece && _end.Open(piece) is LineStep.Whole whole
                && WireSerializer.Read(whole.Manifest, whole.Bytes) is ModelProtocol.ModelMissing missing
                && missing.Model == model)
                return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _system.Terminate();
        _key.Dispose();
    }

    private void Say(IWireMessage message)
    {
        foreach (var piece in _end.Seal(0, WireSerializer.ManifestOf(message), WireSerializer.Write(message)))
        {
            Sent.Add(piece);
            _door.Tell(piece, _inbox.Receiver);
        }
    }
}
