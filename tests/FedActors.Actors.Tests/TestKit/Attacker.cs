using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Remote.Transport.DotNetty;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// What the holder of a site's kit and key can make of them: an actor system that the hub lets in, with Akka's own
/// serializers and frames of any length.
/// </summary>
public sealed class Attacker : IAsyncDisposable
{
    private readonly ECDsa _key;

    /// <param name="hub">Which of the hub's systems; left out: its edge.</param>
    public Attacker(Kit kit, string keyFile, string? hub = null)
    {
        _key = PrivateFile.Read(keyFile);
        Hub = hub ?? $"akka.ssl.tcp://{Edge.HubSystem}@{kit.Manifest.Hub.Host}:{kit.Manifest.Hub.Port}";
        var config = ConfigurationFactory.ParseString("""
            akka {
              loglevel = OFF
              stdout-loglevel = OFF
              loggers = []
              coordinated-shutdown.exit-clr = off
              actor {
                provider = remote
                serializers.wire = "FedActors.Actors.Wire.WireSerializer, FedActors.Actors"
                serialization-bindings { "FedActors.Core.Protocol.IWireMessage, FedActors.Core" = wire }
              }
              remote {
                retry-gate-closed-for = 100ms
                flush-wait-on-shutdown = 0s
                dot-netty.tcp {
                  enable-ssl = on
                  hostname = "127.0.0.1"
                  port = 0
                  maximum-frame-size = 4000000b
                  send-buffer-size = 8000000b
                  receive-buffer-size = 8000000b
                }
              }
            }
            """);
        var tls = new DotNettySslSetup(kit.Certificate.CopyWithPrivateKey(_key), suppressValidation: true);
        var setup = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), tls);
        System = ActorSystem.Create("attacker", setup);
    }

    public ActorSystem System { get; }

    public string Hub { get; }

    public IActorRef Door => At("/user/" + Edge.DoorName);

    /// <summary>
    /// Whatever is at this path of the hub's edge: no question is asked, so that none can be refused.
    /// </summary>
    public IActorRef At(string path) => ((ExtendedActorSystem)System).Provider.ResolveActorRef(Hub + path);

    /// <summary>Returns when the hub has read everything sent before, or has cut the connection.</summary>
    public async Task WhenRead(HospitalId member)
    {
        while (true)
        {
            try
            {
                await Door.Ask<LineProtocol.Challenge>(
                    new LineProtocol.Hello(member, default), TimeSpan.FromMilliseconds(300));
                return;
            }
            catch (AskTimeoutException)
            {
                // Cut, and gated for a moment. A door that never answers again is for the test to find.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await System.Terminate();
        _key.Dispose();
    }
}
