using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Event;
using Akka.Pattern;
using FedActors.Actors.Configuration;
using FedActors.Actors.Data;
using FedActors.Actors.Operations;
using FedActors.Actors.Operations.Palette;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Storage;
using FedActors.Actors.Wire;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Participation;
using FedActors.Core.SecureAggregation;

namespace FedActors.Actors.Hosting;

/// <summary>A hub or a hospital as a process of its own: folder, journal, actors and its edge to the network.</summary>
public sealed class Node : IAsyncDisposable
{
    private static readonly Config Logging = ConfigurationFactory.ParseString("akka.loglevel = INFO");

    private readonly NodeIdentity _identity;
    private readonly FileStream _folder;
    private readonly List<ActorSystem> _systems = [];
    private PrivacyLedgerFile? _ledger;
    private ModelPort? _models;

    private Node(NodeIdentity identity, FileStream folder) => (_identity, _folder) = (identity, folder);

    /// <summary>The hub's job desk; nobody at a hospital.</summary>
    public IActorRef Desk { get; private set; } = ActorRefs.Nobody;

    /// <summary>Starts what a node file describes.</summary>
    /// <exception cref="FaultException">It would be insecure, or cannot do its work: nothing was started.</exception>
    public static async Task<Node> StartAsync(NodePlan plan, TimeProvider clock)
    {
        var identity = NodeIdentity.Open(plan, clock);
        Node? node = null;
        try
        {
            // Before a folder is touched or a port opened: what is wrong with job or patients is told at once.
            var patients = plan.Hospital is null ? null : PatientsOf(plan, new HospitalId(identity.Kit.Manifest.Site));
            var policy = patients is null ? null : PolicyOf(plan.Hospital!, patients.Train);
            var job = plan.Hub?.Job is { } file ? SubmissionOf(file, identity.Kit.Roster.Hospitals) : null;
            node = new Node(identity, HoldFolder(plan.Data));
            if (plan.Hub is { } hub)
                node.StartHub(plan, hub, job, clock);
            else
                node.StartHospital(plan, plan.Hospital!, patients!, policy, clock);
            return node;
        }
        catch
        {
            await (node?.DisposeAsync() ?? ValueTask.CompletedTask);
            identity.Dispose();
            throw;
        }
    }

    public Kit Kit => _identity.Kit;

    /// <summary>What operators have here, and the actor system it runs in; null at a hospital.</summary>
    public (ActorSystem System, OperatorHub Palette)? Operators { get; private set; }

    internal IReadOnlyList<ActorSystem> Systems => _systems;

    /// <summary>Ends when one of the node's actor systems ends: without it the node is of no use and should be started
    /// again.</summary>
    public Task WhenEnded => Task.WhenAny(_systems.Select(system => system.WhenTerminated));

    public async ValueTask DisposeAsync()
    {
        foreach (var system in _systems)
            await system.Terminate();
        await (_models?.DisposeAsync() ?? ValueTask.CompletedTask);
        _ledger?.Dispose();
        _identity.Dispose();
        await _folder.DisposeAsync();
    }

    private void StartHub(NodePlan plan, HubPlan hub, JobDesk.Submit? job, TimeProvider clock)
    {
        var kit = _identity.Kit;
        if (hub.Cluster?.Hospitals.FirstOrDefault(one => !kit.Roster.Contains(one)) is { } stranger
            && stranger != default)
            throw new FaultException(new Fault(FaultNumber.UnknownHospital,
                $"'{stranger}' is no hospital of this federation.", $"{plan.File}: node.hub.cluster.hospitals",
                $"There are: {string.Join(", ", kit.Roster.Hospitals)}."));
        var identity = new HubIdentity(_identity.SiteKey, kit.Roster);
        if (hub.Cluster is { } cluster && !cluster.Roles.Contains(Edge.Coordinating))
        {
            OpenCluster(cluster, clock, Logging).ActorOf(AggregatorHost.Props(identity), Edge.AggregatorsName);
            return;
        }
        var database = StateDatabase.Open(plan.Storage, plan.Data);
        var config = Logging.WithFallback(database.PersistenceConfig());
        var system = hub.Cluster is null
            ? OpenEdge(() => ActorSystem.Create(Edge.ClusterSystem, config.WithFallback(Reference.Config)), 0)
            : OpenCluster(hub.Cluster, clock, config);
        var address = hub.Door ?? DoorOf(kit);
        var (listen, shelf, modelPort) = (hub.ListenBeside(address), new ModelShelf(), hub.ModelPortBeside(address));
        var edge = OpenEdge(() => Edge.OfHub(listen, address, kit, _identity.TlsKey, clock, Logging),
            address.Port);
        if (modelPort > 0)
            _models = Listen(
                () => ModelPort.Open(listen, modelPort, kit, _identity.TlsKey, shelf, clock, edge.Log), modelPort,
                "node.hub.model-port another");
        var door = edge.ActorOf(Door.Props(identity, clock, shelf), Edge.DoorName);
        var settings = new HubLeader.Settings(
            database, door, identity, hub.Patience, job, Path.Combine(plan.Data, "results"), clock);
        if (hub.Cluster is null)
        {
            Desk = system.ActorOf(HubLeader.Props(settings), "hub");
            Desk.Tell(HubLeader.Lead.Instance);
        }
        else
        {
            Desk = system.ActorOf(HubLeader.Props(settings with { Aggregator = () => AggregatorOf(system) }), "hub");
            system.ActorOf(Porch.Props(door), Edge.DoorName);
            if (hub.Cluster.Roles.Contains(Edge.Aggregating))
                system.ActorOf(AggregatorHost.Props(identity), Edge.AggregatorsName);
            system.ActorOf(ClusterSingletonManager.Props(
                HubTurn.Props(Desk), HubLeader.Resign.Instance,
                ClusterSingletonManagerSettings.Create(system).WithRole(Edge.Coordinating)), "turn");
        }
        Operators = (system, new OperatorHub(Desk, () => NodesOf(system, hub, address), clock));
    }

    private ActorSystem OpenCluster(ClusterPlan cluster, TimeProvider clock, Config more) => OpenEdge(
        () => Edge.OfCluster(cluster, _identity.Kit, _identity.TlsKey, clock, more), cluster.Self.Port);

    // Another node than this one, which has the round to lead; always the same where there are several.
    private static RemoteNode? AggregatorOf(ActorSystem system)
    {
        var cluster = Cluster.Get(system);
        var found = cluster.State.Members
            .Where(member => member.HasRole(Edge.Aggregating)
                && !member.UniqueAddress.Equals(cluster.SelfUniqueAddress) && IsThere(member))
            .OrderBy(member => member.Address, Member.AddressOrdering).FirstOrDefault();
        return found is null ? null : new RemoteNode(Edge.AggregatorsOf(found.Address, system), () => IsThere(found));

        bool IsThere(Member member) => cluster.State.Members.Any(one => one.Status == MemberStatus.Up
            && one.UniqueAddress.Equals(member.UniqueAddress)) && !cluster.State.Unreachable.Contains(member);
    }

    private void StartHospital(
        NodePlan plan, HospitalPlan hospital, HospitalData patients, HospitalPolicy? policy, TimeProvider clock)
    {
        var (kit, database) = (_identity.Kit, StateDatabase.Open(plan.Storage, plan.Data));
        var me = new HospitalId(kit.Manifest.Site);
        var config = Logging.WithFallback(database.PersistenceConfig());
        var edge = hospital.Cluster is { } cluster
            ? OpenCluster(cluster, clock, config)
            : OpenEdge(() => Edge.OfSite(kit, _identity.TlsKey, clock, config), 0);
        var security = new SiteSecurity(
            // Under noise another set is opened for a model only with fresh noise, which is charged anew.
            _identity.SiteKey, kit.Roster, new MaskingPolicy(ReleaseAgainUnderNoise: true), SecureRandomSource.Instance,
            new FileSpool(Path.Combine(plan.Data, "spool"), isFlushed: true),
            hospital.SecureSumsOnly);
        var site = new HospitalSite(
            me, patients.Train, security, new FileSpool(Path.Combine(plan.Data, "own"), isFlushed: true),
            patients.Test.Rows > 0 ? patients.Test : null)
        {
            Privacy = policy is null ? null : OpenLedger(edge, hospital, policy, clock),
        };
        var models = new ModelCache();
        // A journal that is full or gone for a while stops the agent; it comes back with what it wrote.
        var agent = edge.ActorOf(
            BackoffSupervisor.Props(Backoff.OnStop(
                HospitalAgent.Props(site, models), "agent", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), 0.2,
                maxNrOfRetries: -1)),
            "hospital");
        var settings = new Uplink.Settings(
            me, _identity.SiteKey, kit.Roster.Coordinator, [.. Hubs().Select(hub => Edge.DoorOf(hub, edge))],
            hospital.Rhythm,
            SecureRandomSource.Instance, clock)
        {
            Streams = new ModelFetch(kit, _identity.TlsKey, clock),
        };
        edge.ActorOf(Uplink.Props(settings, agent, models, new ModelSpool(Path.Combine(plan.Data, "models"))),
            "uplink");

        // The one difference between a hospital among the hub's nodes and one that calls from outside.
        IEnumerable<HostPort> Hubs() => hospital.Cluster is { } joined ? joined.Nodes
            : hospital.Hubs.IsEmpty ? [DoorOf(kit)] : hospital.Hubs;
    }

    private static HostPort DoorOf(Kit kit) => new(kit.Manifest.Hub.Host, kit.Manifest.Hub.Port);

    // The oldest of those that are up leads, as the cluster's singleton has it.
    private static ImmutableArray<HubNode> NodesOf(ActorSystem system, HubPlan hub, HostPort door)
    {
        if (hub.Cluster is null)
            return [new HubNode($"{door}", [Edge.Coordinating, "aggregator"], "up", IsLeader: true)];
        var members = Cluster.Get(system).State.Members;
        var oldest = members.Where(member => member.Status == MemberStatus.Up && member.HasRole(Edge.Coordinating))
            .Order(Member.AgeOrdering).FirstOrDefault();
        return
        [
            .. members.Select(member => new HubNode(
                $"{member.Address.Host}:{member.Address.Port}", [.. member.Roles],
                member.Status.ToString().ToLowerInvariant(),
                member.Equals(oldest))),
        ];
    }

    // A ledger that cannot be had stops no job without noise; each job with noise is declined, with this reason.
    private SitePrivacy OpenLedger(ActorSystem edge, HospitalPlan hospital, HospitalPolicy policy, TimeProvider clock)
    {
        _ledger = PrivacyLedgerFile.Open(hospital.Privacy!.Ledger, policy.Scope, isFlushed: true, out var refusal);
        if (refusal is not null)
            edge.Log.Error("Every job with noise is declined: {Refusal} {Fix} It is {Ledger}", refusal, refusal.Fix,
                hospital.Privacy.Ledger);
        return new SitePrivacy(policy, _ledger, refusal, SecureRandomSource.Instance, clock,
            hospital.Patients.Schema.Patient);
    }

    private ActorSystem OpenEdge(Func<ActorSystem> open, int port)
    {
        var edge = Listen(open, port, "node.hub.listen an address of this machine");
        _systems.Add(edge);
        return edge;
    }

    private static T Listen<T>(Func<T> open, int port, string orElse)
    {
        try
        {
            return open();
        }
        // Akka wraps what the socket said.
        catch (Exception e) when (e.GetBaseException() is System.Net.Sockets.SocketException socket)
        {
            throw new FaultException(ExitCode.Failed,
                new Fault(FaultNumber.PortInUse, $"The node cannot listen: {socket.Message.TrimEnd('.')}.",
                    $"port {port}", $"Stop what holds the port, or give {orElse}."));
        }
    }

    private static JobDesk.Submit SubmissionOf(string file, ImmutableArray<HospitalId> members)
    {
        FederationJob.Read(file, members);
        return new JobDesk.Submit(File.ReadAllText(file), file, IsAtStart: true);
    }

    private static FileStream HoldFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return FolderLock.Hold(folder) ?? throw new FaultException(ExitCode.Failed, new Fault(
                FaultNumber.NodeFolderInUse, "Another node runs on this folder.", folder,
                "Give each node a data folder of its own, or stop the other."));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(ExitCode.Failed,
                new Fault(FaultNumber.OutputUnwritable,
                    $"The node's folder cannot be written: {e.Message.TrimEnd('.')}.",
                folder, "Give node.data a folder that this user may write."));
        }
    }

    private static HospitalPolicy? PolicyOf(HospitalPlan hospital, PatientTable patients)
    {
        if (hospital.Privacy is not { } privacy)
            return null;
        var policy = PolicyFile.Read(privacy.Policy);
        return policy.Misjudges(patients.Units) is { } fault
            ? throw new FaultException(fault with { Where = $"{privacy.Policy}: policy.{fault.Where}" })
            : policy;
    }

    private static HospitalData PatientsOf(NodePlan plan, HospitalId me)
    {
        var data =
            DataLoader.Load(plan.Hospital!.Patients, Path.GetDirectoryName(Path.GetFullPath(plan.File))!, null,
                isTested: false);
        return data.Hospitals.FirstOrDefault(hospital => hospital.Hospital == me)
            ?? throw new FaultException(
                new Fault(FaultNumber.EmptyHospital, $"The patients are not those of '{me}', whose kit this is.",
                $"{plan.File}: node.hospital.patients",
                $"They belong to: {string.Join(", ", data.Hospitals.Select(hospital => hospital.Hospital))}."));
    }
}
