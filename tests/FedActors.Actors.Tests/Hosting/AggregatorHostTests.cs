using Akka.Actor;
using Akka.TestKit;
using FedActors.Actors.Hosting;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>Whoever is let in among a hub's nodes reaches the host: only the hub's key opens anything there.</summary>
public sealed class AggregatorHostTests : ActorTest
{
    private static readonly Digest Nonce = Digest.Of("nonce"u8);

    private readonly HubIdentity _hub = ThrowawayConsortium.Of([new("a"), new("b"), new("c")]).Hub;
    private TestProbe _caller = null!;
    private IActorRef _host = ActorRefs.Nobody;

    [SetUp]
    public void Start()
    {
        _caller = CreateTestProbe();
        _host = Sys.ActorOf(AggregatorHost.Props(_hub));
    }

    [Test]
    public void Who_signs_with_the_hubs_key_gets_a_seat_that_shows_itself()
    {
        _caller.Send(_host, Attach(Call(), _hub.Key));

        Assert.That(_caller.ExpectMsg<LineProtocol.Pulse>().Heard, Is.EqualTo(1));
        Assert.That(_caller.LastSender.Path.Parent, Is.EqualTo(_host.Path));
    }

    [Test]
    public void Who_signs_with_another_key_gets_nothing()
    {
        using var hospital = SiteKey.Create(SecureRandomSource.Instance);
        _caller.Send(_host, Attach(Call(), hospital));

        ExpectNothing();
    }

    [Test]
    public void What_opened_a_session_opens_no_other()
    {
        var attach = Attach(Call(), _hub.Key);
        _caller.Send(_host, attach);
        _caller.ExpectMsg<LineProtocol.Pulse>();
        var other = CreateTestProbe();

        other.Send(_host, attach);

        other.Send(_host, new LineProtocol.Hello(AggregatorHost.LineName, Nonce));
        other.ExpectMsg<LineProtocol.Challenge>();
        other.ExpectNoMsg(TimeSpan.FromMilliseconds(20));
    }

    [Test]
    public void A_session_of_another_start_is_not_known()
    {
        var attach = Attach(Call(), _hub.Key);
        _host = Sys.ActorOf(AggregatorHost.Props(_hub));
        _caller.Send(_host, attach);

        ExpectNothing();
    }

    [Test]
    public void A_session_that_does_not_begin_with_its_nonce_does_not_begin()
    {
        var end = EndOf(Call(), _hub.Key);
        var message = new SupervisionProtocol.SessionDurable(new("job", 1, 1));
        _caller.Send(_host, end.Seal(0, WireSerializer.ManifestOf(message), WireSerializer.Write(message)).Single());

        ExpectNothing();
    }

    [Test]
    public void Another_name_than_the_lines_own_gets_no_answer()
    {
        _caller.Send(_host, new LineProtocol.Hello(new HospitalId("berlin"), Nonce));

        ExpectNothing();
    }

    private Digest Call()
    {
        _caller.Send(_host, new LineProtocol.Hello(AggregatorHost.LineName, Nonce));
        var challenge = _caller.ExpectMsg<LineProtocol.Challenge>();
        Assert.That(_hub.Key.Public.Verifies(challenge.Statement(), challenge.Signature), Is.True);
        return LineProtocol.SessionOf(AggregatorHost.LineName, Nonce, challenge.HubNonce);
    }

    // The host has read all that came before when it answers a call.
    private void ExpectNothing()
    {
        Call();
        _caller.ExpectNoMsg(TimeSpan.FromMilliseconds(20));
    }

    private static LineEnd EndOf(Digest session, SiteKey key) =>
        new(session, AggregatorHost.LineName, isHospital: true, key, key.Public, 1 << 20);

    private static LineProtocol.Envelope Attach(Digest session, SiteKey key)
    {
        var attach = new LineProtocol.Attach(Nonce);
        return EndOf(session, key).Seal(0, WireSerializer.ManifestOf(attach), WireSerializer.Write(attach)).Single();
    }
}
