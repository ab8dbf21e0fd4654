using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Event;
using Akka.Remote.Transport.DotNetty;
using FedActors.Actors.Configuration;
using FedActors.Actors.Provisioning;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Actors.Wire;

/// <summary>
/// Actor systems that face the network: nothing is read from it but our own messages, no deployment, no selection, no
/// control message, and TLS with both sides' certificates from the kit's roots.
/// </summary>
public static class Edge
{
    public const string HubSystem = "fedactors-edge";
    public const string SiteSystem = "fedactors-site";
    public const string ClusterSystem = "fedactors";
    public const string DoorName = "door";

    /// <summary>The role of nodes that may lead.</summary>
    public const string Coordinating = "coordinator";

    /// <summary>The hub's edge, which hospitals call.</summary>
    /// <param name="listen">The address to listen at.</param>
    /// <param name="door">Where hospitals call.</param>
    public static ActorSystem OfHub(string listen, HostPort door, Kit kit, ECDsa key, TimeProvider clock) => Create(
        HubSystem,
        ConfigurationFactory.ParseString($$"""
            akka.remote {
              dot-netty.tcp {
                hostname = "{{listen}}"
                public-hostname = "{{door.Host}}"
                port = {{door.Port}}
              }
            }
            """),
        kit, key, isHub: true, clock, Config.Empty);

    /// <summary>
    /// A hospital's system. Akka has to listen somewhere: on loopback, at a port of the machine's choice.
    /// </summary>
    /// <param name="more">What the hospital's actors need besides: journal and dispatchers.</param>
    public static ActorSystem OfSite(Kit kit, ECDsa key, TimeProvider clock, Config more) => Create(
        SiteSystem,
        ConfigurationFactory.ParseString($$"""
            akka.remote.dot-netty.tcp {
              hostname = "127.0.0.1"
              port = 0
              # What the hub files the connection under. It leads nowhere (RFC 2606), since nobody calls here, and is new at
              # every start: who knew it could call under the same name, and take over what is meant for this hospital.
              public-hostname = "{{NewName()}}.invalid"
              public-port = 1
            }
            """),
        kit, key, isHub: false, clock, more);

    /// <summary>The hub's door, as a site reaches it.</summary>
    public static IActorRef DoorOf(HostPort hub, ActorSystem site) =>
        ((ExtendedActorSystem)site).Provider.ResolveActorRef(
        $"akka.ssl.tcp://{HubSystem}@{hub.Host}:{hub.Port}/user/{DoorName}");

    /// <summary>
    /// A hub's own system, where it has several nodes: a cluster that only the holders of the hub's key can join. No
    /// edge: they are one site, and what a node of it may do, all may. JSON and deployment are refused here as well.
    /// </summary>
    /// <param name="more">What the hub's actors need besides.</param>
    public static ActorSystem OfCluster(ClusterPlan plan, Kit kit, ECDsa key, TimeProvider clock, Config more)
    {
        var seeds = string.Join(", ", plan.Nodes.Select(node => $"\"akka.ssl.tcp://{ClusterSystem}@{node}\""));
        var config = ConfigurationFactory.ParseString($$"""
            akka {
              actor.provider = cluster
              remote {
                log-remote-lifecycle-events = off
                dot-netty.tcp { hostname = "{{plan.Self.Host}}", port = {{plan.Self.Port}}, enable-ssl = on,
                    connection-timeout = 5s, tcp-reuse-addr = on }
              }
              cluster {
                # All of them: a first node that knew no other would begin a hub of its own after a restart.
                seed-nodes = [{{seeds}}]
                roles = ["{{Coordinating}}"]
                min-nr-of-members = {{plan.Nodes.Length / 2 + 1}}
                downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
                split-brain-resolver { active-strategy = keep-majority,
                    stable-after = {{plan.StableAfter.TotalMilliseconds}}ms }
              }
            }
            """).WithFallback(more).WithFallback(ClusterSingleton.DefaultConfig()).WithFallback(Reference.Config);
        return ActorSystem.Create(ClusterSystem, ActorSystemSetup.Create(
            BootstrapSetup.Create().WithConfig(config), Tls(kit, key, isPeerHub: true, clock)));
    }

    private static ActorSystem Create(
        string name, Config own, Kit kit, ECDsa key, bool isHub, TimeProvider clock, Config more)
    {
        var config = own.WithFallback(ConfigurationFactory.ParseString("""
            akka {
              actor {
                provider = remote
                serializers {
                  proto = "FedActors.Actors.Wire.RefusingProtobuf, FedActors.Actors"
                  akka-containers = "FedActors.Actors.Wire.RefusingSelections, FedActors.Actors"
                  akka-misc = "FedActors.Actors.Wire.RefusingControl, FedActors.Actors"
                  primitive = "FedActors.Actors.Wire.RefusingPrimitives, FedActors.Actors"
                  akka-system-msg = "FedActors.Actors.Wire.RefusingSystemMessages, FedActors.Actors"
                }
              }
              remote {
                untrusted-mode = on
                log-remote-lifecycle-events = off
                # A hub that is away is tried again soon; a hospital is never called.
                retry-gate-closed-for = 2s
                # Also how long a handshake may take. Where it is cut short on a machine with much to do, the hub has only half
                # of a connection to a hospital, and answers it no more.
                dot-netty.tcp { enable-ssl = on, connection-timeout = 15s, tcp-reuse-addr = on }
              }
            }
            """)).WithFallback(more).WithFallback(Reference.Config);
        return ActorSystem.Create(name,
            ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), Tls(kit, key, !isHub, clock)));
    }

    private static DotNettySslSetup Tls(Kit kit, ECDsa key, bool isPeerHub, TimeProvider clock)
    {
        var own = kit.Certificate.CopyWithPrivateKey(key);
        return new DotNettySslSetup(own, suppressValidation: false, requireMutualAuthentication: true,
            validateCertificateHostname: false,
            (certificate, _, peer, _, log) =>
            {
                var refusal = certificate is null ? "it shows no certificate"
                    : Refusal(kit, certificate, isPeerHub, clock.GetUtcNow());
                if (refusal is not null)
                    log.Warning("{0} is not let in: {1}", peer, refusal);
                return refusal is null;
            });
    }

    // A certificate counts if its root, its dates and its usage do, and if its key is the one the roster has for its
    // name.
    private static string? Refusal(Kit kit, X509Certificate2 certificate, bool isHub, DateTimeOffset now)
    {
        if (kit.FaultOf(certificate, isHub, now, "") is { } fault)
            return fault.ToString();
        var name = Certificates.NameOf(certificate);
        var expected = isHub ? kit.Roster.Coordinator : HospitalId.IsValid(name)
            ? kit.Roster.KeyOf(new HospitalId(name))
            : null;
        return expected is not null && expected.Equals(Certificates.KeyOf(certificate))
            ? null
            : $"the roster does not name '{name}' with this key";
    }

    private static string NewName()
    {
        Span<byte> name = stackalloc byte[16];
        SecureRandomSource.Instance.Fill(name);
        return Convert.ToHexStringLower(name);
    }
}
