using System.Collections.Immutable;
using Akka.Actor;
using Akka.Configuration;
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
using FedActors.Core.SecureAggregation;

namespace FedActors.Actors.Hosting;

/// <summary>A hub or a hospital as a process of its own: folder, journal, actors and its edge to the network.</summary>
public sealed class Node : IAsyncDisposable
{
    private static readonly Config Logging = ConfigurationFactory.ParseString("akka.loglevel = INFO");

    private readonly NodeIdentity _identity;
    private readonly FileStream _folder;
    private readonly List<ActorSystem> _systems = [];

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
            var job = plan.Hub?.Job is { } file ? SubmissionOf(file, identity.Kit.Roster.Hospitals) : null;
            node = new Node(identity, HoldFolder(plan.Data));
            if (plan.Hub is { } hub)
                node.StartHub(plan, hub, job, clock);
            else
                node.StartHospital(plan, plan.Hospital!, patients!, clock);
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

    /// <summary>Ends when one of the node's actor systems ends: without it the node is of no use and should be started again.</summary>
    public Task WhenEnded => Task.WhenAny(_systems.Select(system => system.WhenTerminated));

    public async ValueTask DisposeAsync()
    {
        foreach (var system in _systems)
            await system.Terminate();
        _identity.Dispose();
        await _folder.DisposeAsync();
    }

    private void StartHub(NodePlan plan, HubPlan hub, JobDesk.Submit? job, TimeProvider clock)
    {
        var (kit, database) = (_identity.Kit, StateDatabase.Open(Path.Combine(plan.Data, "state.db")));
        var hospitals = new RemoteHospitals(kit.Roster.Hospitals, hub.Patience, clock);
        var (models, identity) = (new ModelCache(), new HubIdentity(_identity.SiteKey, kit.Roster));
        var system = ActorSystem.Create("fedactors", Logging.WithFallback(database.PersistenceConfig()).WithFallback(Reference.Config));
        _systems.Add(system);
        var edge = OpenEdge(() => Edge.OfHub(hub.Listen.Length > 0 ? hub.Listen : kit.Manifest.Hub.Host, kit, _identity.TlsKey, clock), kit.Manifest.Hub.Port);
        Span<byte> nonce = stackalloc byte[Digest.Size];
        SecureRandomSource.Instance.Fill(nonce);
        hospitals.Open(edge.ActorOf(Door.Props(identity, hospitals, models, new Digest(nonce)), Edge.DoorName));
        var blobs = system.ActorOf(BlobStore.Props(database.ConnectionString), "blobs");
        var services = new HubServices(hospitals, blobs, models, clock, ActorRefs.Nobody, identity);
        Desk = system.ActorOf(
            BackoffSupervisor.Props(Backoff.OnStop(
                JobDesk.Props(services, hospitals, Path.Combine(plan.Data, "results")), "desk", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(15),
                0.2, maxNrOfRetries: -1)),
            "desk");
        if (job is not null)
            Desk.Tell(job);
        HubNode self = new($"{kit.Manifest.Hub.Host}:{kit.Manifest.Hub.Port}", ["coordinator", "aggregator"], "up", IsLeader: true);
        Operators = (system, new OperatorHub(Desk, () => [self], clock));
    }

    private void StartHospital(NodePlan plan, HospitalPlan hospital, PatientTable patients, TimeProvider clock)
    {
        var (kit, database) = (_identity.Kit, StateDatabase.Open(Path.Combine(plan.Data, "state.db")));
        var me = new HospitalId(kit.Manifest.Site);
        var edge = OpenEdge(() => Edge.OfSite(kit, _identity.TlsKey, clock, Logging.WithFallback(database.PersistenceConfig())), 0);
        var security = new SiteSecurity(
            _identity.SiteKey, kit.Roster, new MaskingPolicy(), SecureRandomSource.Instance, new FileSpool(Path.Combine(plan.Data, "spool"), isFlushed: true),
            hospital.SecureSumsOnly);
        var site = new HospitalSite(me, patients, security, new FileSpool(Path.Combine(plan.Data, "own"), isFlushed: true));
        var models = new ModelCache();
        // A journal that is full or gone for a while stops the agent; it comes back with what it wrote.
        var agent = edge.ActorOf(
            BackoffSupervisor.Props(Backoff.OnStop(
                HospitalAgent.Props(site, models), "agent", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), 0.2, maxNrOfRetries: -1)),
            "hospital");
        var settings = new Uplink.Settings(
            me, _identity.SiteKey, kit.Roster.Coordinator, Edge.DoorOf(kit.Manifest.Hub, edge), hospital.Rhythm,
            SecureRandomSource.Instance, clock);
        edge.ActorOf(Uplink.Props(settings, agent, models, new ModelSpool(Path.Combine(plan.Data, "models"))), "uplink");
    }

    private ActorSystem OpenEdge(Func<ActorSystem> open, int port)
    {
        try
        {
            var edge = open();
            _systems.Add(edge);
            return edge;
        }
        // Akka wraps what the socket said.
        catch (Exception e) when (e.GetBaseException() is System.Net.Sockets.SocketException socket)
        {
            throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.PortInUse, $"The node cannot listen: {socket.Message.TrimEnd('.')}.", $"port {port}",
                "Stop what holds the port, or give node.hub.listen an address of this machine."));
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
                FaultNumber.NodeFolderInUse, "Another node runs on this folder.", folder, "Give each node a data folder of its own, or stop the other."));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.OutputUnwritable, $"The node's folder cannot be written: {e.Message.TrimEnd('.')}.",
                folder, "Give node.data a folder that this user may write."));
        }
    }

    private static PatientTable PatientsOf(NodePlan plan, HospitalId me)
    {
        var data = DataLoader.Load(plan.Hospital!.Patients, Path.GetDirectoryName(Path.GetFullPath(plan.File))!, null, isTested: false);
        return data.Hospitals.FirstOrDefault(hospital => hospital.Hospital == me)?.Train
            ?? throw new FaultException(new Fault(FaultNumber.EmptyHospital, $"The patients are not those of '{me}', whose kit this is.",
                $"{plan.File}: node.hospital.patients", $"They belong to: {string.Join(", ", data.Hospitals.Select(hospital => hospital.Hospital))}."));
    }
}
