using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Dispatch.SysMsg;
using FedActors.Actors.Operations;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>
/// What reaches the hub's port from outside: with a member's certificate, one that does not count, or none.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[NonParallelizable]
public sealed class RedTeamTests : IAsyncDisposable
{
    private static readonly HospitalId Berlin = new("berlin");
    private static readonly HospitalId Madrid = new("madrid");
    private static readonly string[] Paths =
        ["/user/door", "/user", "/system", "/", "/remote", "/system/remoting-terminator", "/system/transports"];

    private readonly SmallFederation _federation = new();
    private readonly int _modelPort = SmallFederation.FreePort();

    private string WithModels => $"job = small.conf, model-port = {_modelPort}";

    // Where the hub meets hospitals.
    private int[] Ports => [_federation.Office.Port, _modelPort];

    public ValueTask DisposeAsync() => _federation.DisposeAsync();

    private static IEnumerable<(string What, Action<Attacker> Send)> ControlMessages()
    {
        yield return ("PoisonPill", attacker => ToAll(attacker, PoisonPill.Instance));
        yield return ("Kill", attacker => ToAll(attacker, Kill.Instance));
        yield return ("Identify", attacker => ToAll(attacker, new Identify(1)));
        yield return ("PoisonPill by selection", attacker => SelectAll(attacker, PoisonPill.Instance));
        yield return ("Kill by selection", attacker => SelectAll(attacker, Kill.Instance));
        yield return ("text", attacker => ToAll(attacker, "no message of ours"));
        yield return ("bytes", attacker => ToAll(attacker, new byte[] { 1, 2, 3 }));
        yield return ("a foreign type", attacker => ToAll(attacker, Foreign.Armed()));
        yield return ("an exception by its name",
            attacker => ToAll(attacker, new Status.Failure(new SabotageException())));
        yield return ("a frame too long", attacker => attacker.Door.Tell(new byte[2_000_000]));
        yield return ("remote deployment", attacker => attacker.System.ActorOf(
            Props.Create<Spy>().WithDeploy(Deploy.None.WithScope(new RemoteScope(Address.Parse(attacker.Hub)))),
            "spy").Tell("hello"));
        yield return ("watch", attacker => attacker.System.ActorOf(Props.Create<Watcher>(attacker.Door)));
        yield return ("suspend", attacker => Steer(attacker, new Suspend()));
        yield return ("terminate", attacker => Steer(attacker, new Terminate()));
        yield return ("recreate", attacker => Steer(attacker, new Recreate(new SabotageException())));
        yield return ("failed", attacker => Steer(attacker, new Failed(attacker.Door, new SabotageException(), 0)));
        yield return ("supervise", attacker => Steer(attacker, new Supervise(attacker.At("/user/other"), false)));
        yield return ("death watch",
            attacker => Steer(attacker, new DeathWatchNotification(attacker.Door, true, true)));
        yield return ("the hub's own answers", attacker =>
        {
            attacker.Door.Tell(new LineProtocol.Broken(default));
            attacker.Door.Tell(new LineProtocol.Challenge(Madrid, default, default, 0));
            attacker.Door.Tell(new LineProtocol.Hello(new HospitalId("nobody"), default));
            // In the door's own name: whatever it answers, it answers itself.
            attacker.Door.Tell(new LineProtocol.Hello(Madrid, default), attacker.Door);
        }
        );
    }

    [Test]
    public async Task A_member_cannot_stop_the_hub_and_what_it_sends_has_no_effect()
    {
        var job = _federation.WriteJob();
        var hub = await _federation.StartHub("job = small.conf");
        var kit = Kit.Open(_federation.Office.KitOf("berlin"));
        await using (var line = await SiteLine.Attach(_federation.Office, "madrid"))
        {
            foreach (var (what, send) in ControlMessages().Concat(InAnothersName(line)))
            {
                await using var attacker = new Attacker(kit, _federation.Office.KeyOf("berlin"));
                send(attacker);
                var read = attacker.WhenRead(Madrid);
                await line.ProveAlive(what);
                await read.WaitAsync(TimeSpan.FromSeconds(20));
                await line.ProveAlive(what);
            }
        }

        // And all of it once more, again and again, while the federation trains.
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);
        var training = hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), TimeSpan.FromSeconds(90));
        await using (var attacker = new Attacker(kit, _federation.Office.KeyOf("berlin")))
        {
            do
            {
                foreach (var (_, send) in ControlMessages().Where(attack => attack.What != "remote deployment"))
                    send(attacker);
                await attacker.WhenRead(Madrid);
            }
            while (!training.IsCompleted);
        }
        var ended = await training;

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(_federation.ResultOf("small"), Is.EqualTo(await SmallFederation.Simulated(job)));
        Assert.That(Effects.Count, Is.Zero, "Nothing that was sent was made or started in the hub's process.");
    }

    // What berlin can send in madrid's name: what it signs itself, and what it heard madrid say.
    private static IEnumerable<(string What, Action<Attacker> Send)> InAnothersName(SiteLine madrid)
    {
        yield return ("a message signed by the wrong hospital", attacker =>
        {
            using var key = SiteKey.Own(ECDsa.Create(ECCurve.NamedCurves.nistP256));
            var forger = new LineEnd(
                madrid.Sent[0].Session, Madrid, isHospital: true, key, key.Public, 1 << 20);
            IWireMessage[] forged =
                [new LineProtocol.Attach(default), Declined(Madrid), new LineProtocol.Pulse(long.MaxValue)];
            foreach (var message in forged)
                Send(attacker, forger.Seal(1, WireSerializer.ManifestOf(message), WireSerializer.Write(message)));
        }
        );
        yield return ("everything madrid said, once more", attacker => Send(attacker, madrid.Sent));
        yield return ("what madrid said, as if it were something else", attacker =>
        {
            foreach (var said in madrid.Sent.TakeLast(3))
                Send(attacker,
                [
                    said with { Number = said.Number + 1 },
                    said with { Conversation = 1 },
                    said with { Manifest = "declined/1" },
                    said with { Parts = 0 },
                    said with { Hospital = Berlin },
                    said with { Session = Digest.Of("another session"u8) },
                    said with { IsUp = false },
                ]);
        }
        );
    }

    [TestCase("no certificate")]
    [TestCase("of itself")]
    [TestCase("of another federation")]
    [TestCase("no more valid")]
    [TestCase("not yet valid")]
    [TestCase("revoked")]
    [TestCase("of a hub")]
    [TestCase("of a name that is not in the roster")]
    [TestCase("with a key that the roster does not have")]
    public async Task Who_has_a_certificate_that_does_not_count_is_not_let_in_and_the_hub_stays_up(string kind)
    {
        var office = _federation.Office;
        using var other = new Office("berlin");
        using var old = Kit.Open(office.KitOf("berlin")).Certificate;
        if (kind == "revoked")
        {
            File.Move(office.KeyOf("berlin"), office.KeyOf("berlin") + ".old");
            var request = FederationOffice.Request(office.PathOf("berlin"), "berlin");
            office.Federation.Sign(request, isRotation: true, TimeSpan.FromDays(1));
            office.Federation.Package("hub", office.KitOf("hub"));
        }
        _federation.WriteJob();
        await _federation.StartHub(WithModels);
        var now = TimeProvider.System.GetUtcNow();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var berlins = PrivateFile.Read(office.KeyOf("berlin") + (kind == "revoked" ? ".old" : ""));
        using var rootKey = PrivateFile.Read(office.PathOf("office", Path.ChangeExtension(Kit.SiteRootFile, ".key")));
        using var root = Kit.Open(office.KitOf("hub")).SiteRoot.CopyWithPrivateKey(rootKey);
        using var certificate = kind switch
        {
            "no certificate" => null,
            "of itself" => Certificates.NewRoot("berlin", key, now, TimeSpan.FromDays(1)),
            "of another federation" => CertificateOf(other),
            "no more valid" => Own(Leaf("berlin", berlins, null, now, TimeSpan.FromMinutes(-1)), berlins),
            "not yet valid" => Own(Leaf("berlin", berlins, null, now.AddDays(9)), berlins),
            "revoked" => Own(old, berlins),
            "of a hub" => Own(Leaf("berlin", berlins, "127.0.0.1", now), berlins),
            "of a name that is not in the roster" => Own(Leaf("rome", key, null, now), key),
            _ => Own(Leaf("berlin", key, null, now), key),
        };

        foreach (var port in Ports)
            Assert.That(await IsLetIn(port, certificate), Is.False);
        await using var line = await SiteLine.Attach(office, "madrid");
        await line.ProveAlive(kind);

        X509Certificate2 Leaf(string name, ECDsa own, string? host, DateTimeOffset at, TimeSpan? lifetime = null) =>
            Certificates.NewLeaf(name, new PublicKey(own), host, root, at, lifetime ?? TimeSpan.FromDays(1));
    }

    [Test]
    public async Task A_members_certificate_is_let_in()
    {
        _federation.WriteJob();
        await _federation.StartHub(WithModels);
        using var certificate = CertificateOf(_federation.Office);

        foreach (var port in Ports)
            Assert.That(await IsLetIn(port, certificate), Is.True);
    }

    [Test]
    public async Task Who_speaks_in_clear_is_cut_off_and_the_hub_stays_up()
    {
        _federation.WriteJob();
        await _federation.StartHub(WithModels);

        foreach (var port in Ports)
        {
            using var plain = new TcpClient("127.0.0.1", port);
            await plain.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: hub\r\n\r\n"u8.ToArray());
            Assert.That(await Answer(plain.GetStream()), Does.Not.Contain("HTTP"));
        }
        await using var line = await SiteLine.Attach(_federation.Office, "madrid");
        await line.ProveAlive("a stray HTTP request");
    }

    // In TLS 1.3 a server's refusal comes after the client believes it is through. Who is let in and says nothing is
    // left waiting.
    private async Task<bool> IsLetIn(int port, X509Certificate2? certificate)
    {
        using var hub = Kit.Open(_federation.Office.KitOf("hub")).Certificate;
        using var socket = new TcpClient("127.0.0.1", port);
        await using var stream = new SslStream(
            socket.GetStream(), false, (_, shown, _, _) => shown?.GetCertHashString() == hub.GetCertHashString());
        try
        {
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "127.0.0.1",
                ClientCertificates = certificate is null ? [] : [certificate],
                LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate!,
            });
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            return await stream.ReadAsync(new byte[1], patience.Token) > 0;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return false;
        }
    }

    private static async Task<string> Answer(NetworkStream stream)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var bytes = new byte[100];
        try
        {
            return System.Text.Encoding.Latin1.GetString(bytes, 0, await stream.ReadAsync(bytes, patience.Token));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static X509Certificate2 CertificateOf(Office office)
    {
        using var key = PrivateFile.Read(office.KeyOf("berlin"));
        return Own(Kit.Open(office.KitOf("berlin")).Certificate, key);
    }

    private static X509Certificate2 Own(X509Certificate2 certificate, ECDsa key) => certificate.CopyWithPrivateKey(key);

    private static RoundProtocol.Declined Declined(HospitalId hospital) =>
        new(new RoundId("small", 1, 1), hospital, DropReason.Refused, "");

    private static void Send(Attacker attacker, IEnumerable<LineProtocol.Envelope> pieces)
    {
        foreach (var piece in pieces)
            attacker.Door.Tell(piece);
    }

    private static void ToAll(Attacker attacker, object message)
    {
        foreach (var path in Paths)
            attacker.At(path).Tell(message);
    }

    private static void SelectAll(Attacker attacker, object message)
    {
        foreach (var path in Paths.Concat(["/user/*", "/user/door/../*", "/system/*"]))
            attacker.System.ActorSelection(attacker.Hub + path).Tell(message);
    }

    private static void Steer(Attacker attacker, ISystemMessage message)
    {
        foreach (var path in Paths)
            ((IInternalActorRef)attacker.At(path)).SendSystemMessage(message);
    }

    private static class Effects
    {
        public static int Count;
    }

    /// <summary>Made in the hub's process by whoever reads it there.</summary>
    public sealed class Foreign
    {
        private string _name = "";

        public static Foreign Armed() => new() { _name = "gadget" };

        public string Name
        {
            get => _name;
            set
            {
                if (value == "gadget")
                    Interlocked.Increment(ref Effects.Count);
                _name = value;
            }
        }
    }

    /// <summary>As an exception, made by its type's name.</summary>
    public sealed class SabotageException : Exception
    {
        public SabotageException() { }

        public SabotageException(string message) : base(message) => Interlocked.Increment(ref Effects.Count);
    }

    public sealed class Spy : ReceiveActor
    {
        public Spy()
        {
            Interlocked.Increment(ref Effects.Count);
            ReceiveAny(_ => { });
        }
    }

    private sealed class Watcher : ReceiveActor
    {
        public Watcher(IActorRef door)
        {
            Context.Watch(door);
            ReceiveAny(_ => { });
        }
    }
}
