using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Event;
using Akka.Remote;
using Akka.Remote.Transport.DotNetty;
using FedActors.Actors.Configuration;
using FedActors.Actors.Provisioning;
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
    public const string AggregatorsName = "aggregators";

    /// <summary>The role of nodes that may lead.</summary>
    public const string Coordinating = "coordinator";

    /// <summary>The role of nodes that open secure sums for the one that leads.</summary>
    public const string Aggregating = "aggregator";

    /// <summary>The role of hospitals among a hub's nodes.</summary>
    public const string Hospital = "hospital";

    // Only our own messages are read, whoever sends them: RefusingSerializer says why.
    private const string Refusing = """
        akka.actor.serializers {
          proto = "FedActors.Actors.Wire.RefusingProtobuf, FedActors.Actors"
          akka-misc = "FedActors.Actors.Wire.RefusingControl, FedActors.Actors"
          primitive = "FedActors.Actors.Wire.RefusingPrimitives, FedActors.Actors"
          akka-system-msg = "FedActors.Actors.Wire.RefusingSystemMessages, FedActors.Actors"
        }
        """;

    /// <summary>The hub's edge, which hospitals call.</summary>
    /// <param name="listen">The address to listen at.</param>
    /// <param name="door">Where hospitals call.</param>
    /// <param name="more">What the hub says in its log.</param>
    public static ActorSystem OfHub(
        string listen, HostPort door, Kit kit, ECDsa key, TimeProvider clock, Config more) => Create(
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
        Tls(key, new Admission(kit, IsHubWelcome: false, kit.Roster.Hospitals, clock)), more);

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
        Tls(key, new Admission(kit, IsHubWelcome: true, [], clock)), more);

    /// <summary>The hub's door, as a site reaches it: at the hub's edge, or among its nodes where the site is a member
    /// there.</summary>
    public static IActorRef DoorOf(HostPort hub, ActorSystem site) =>
        ((ExtendedActorSystem)site).Provider.ResolveActorRef(
        $"akka.ssl.tcp://{(site.Name == ClusterSystem ? ClusterSystem : HubSystem)}@{hub}/user/{DoorName}");

    /// <summary>Where a node of a hub opens secure sums for another.</summary>
    public static IActorRef AggregatorsOf(Address node, ActorSystem hub) =>
        ((ExtendedActorSystem)hub).Provider.ResolveActorRef($"{node}/user/{AggregatorsName}");

    /// <summary>
    /// Ends the connection between a hospital and the hub's edge, at either end: the next message begins a new one.
    /// Among the nodes of a hub the cluster decides who is still connected.
    /// </summary>
    public static void HangUp(ActorSystem system, Address peer)
    {
        if (system is ExtendedActorSystem { Provider: RemoteActorRefProvider remote } && peer.System != ClusterSystem)
            remote.Quarantine(peer, null);
    }

    /// <summary>
    /// A hub's own system, where others are members of it: a cluster that the holders of the hub's key can join, and
    /// those hospitals that <paramref name="plan"/> names. Nothing is read here but the cluster's own messages and
    /// what hub and hospitals say at a line's ends, which is signed.
    /// </summary>
    /// <param name="more">What the actors need besides.</param>
    public static ActorSystem OfCluster(ClusterPlan plan, Kit kit, ECDsa key, TimeProvider clock, Config more)
    {
        var seeds = string.Join(", ", plan.Nodes.Select(node => $"\"akka.ssl.tcp://{ClusterSystem}@{node}\""));
        var roles = string.Join(", ", plan.Roles.Select(role => $"\"{role}\""));
        var config = ConfigurationFactory.ParseString($$"""
            akka {
              actor.provider = cluster
              remote {
                log-remote-lifecycle-events = off
                dot-netty.tcp {
                  hostname = "{{(plan.Listen.Length > 0 ? plan.Listen : plan.Self.Host)}}"
                  public-hostname = "{{plan.Self.Host}}"
                  port = {{plan.Self.Port}}
                  enable-ssl = on
                  connection-timeout = 5s
                  tcp-reuse-addr = on
                }
              }
              cluster {
                # All of them: a first node that knew no other would begin a hub of its own after a restart.
                seed-nodes = [{{seeds}}]
                roles = [{{roles}}]
                # A first handshake that was cut short may leave half of a connection, over which nobody joins: the node ends,
                # and with the next start begins new ones.
                shutdown-after-unsuccessful-join-seed-nodes = 60s
                # Hospitals and aggregators neither lead nor have a say in who does.
                role.{{Coordinating}}.min-nr-of-members = {{plan.Nodes.Length / 2 + 1}}
                downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
                split-brain-resolver { active-strategy = keep-majority, keep-majority.role = "{{Coordinating}}",
                    stable-after = {{plan.StableAfter.TotalMilliseconds}}ms }
              }
            }
            """).WithFallback(Refusing).WithFallback(more).WithFallback(ClusterSingleton.DefaultConfig())
            .WithFallback(Reference.Config);
        // A hospital does not know which others the hub lets in: they are members of the federation all the same.
        var hospitals = kit.IsHub ? plan.Hospitals : kit.Roster.Hospitals;
        return ActorSystem.Create(ClusterSystem, ActorSystemSetup.Create(
            BootstrapSetup.Create().WithConfig(config),
            Tls(key, new Admission(kit, IsHubWelcome: true, hospitals, clock))));
    }

    private static ActorSystem Create(string name, Config own, DotNettySslSetup tls, Config more)
    {
        var config = own.WithFallback(ConfigurationFactory.ParseString("""
            akka {
              actor {
                provider = remote
                serializers.akka-containers = "FedActors.Actors.Wire.RefusingSelections, FedActors.Actors"
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
            """)).WithFallback(Refusing).WithFallback(more).WithFallback(Reference.Config);
        return ActorSystem.Create(name, ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), tls));
    }

    private static DotNettySslSetup Tls(ECDsa key, Admission admission) => new(
        admission.Kit.Certificate.CopyWithPrivateKey(key), suppressValidation: false, requireMutualAuthentication: true,
        validateCertificateHostname: false,
        (certificate, _, peer, _, log) =>
        {
            var refusal = admission.RefusalOf(certificate);
            if (refusal is not null)
                log.Warning("{0} is not let in: {1}", peer, refusal);
            return refusal is null;
        });

    private static string NewName()
    {
        Span<byte> name = stackalloc byte[16];
        SecureRandomSource.Instance.Fill(name);
        return Convert.ToHexStringLower(name);
    }
}
