using System.Collections.Immutable;
using System.Net;
using FedActors.Actors.Wire;
using FedActors.Core;

namespace FedActors.Actors.Configuration;

/// <summary>Reads a node file over the defaults of <c>reference.conf</c>; nothing of Akka's own settings can be changed
/// there.</summary>
public static class NodeFile
{
    /// <exception cref="FaultException">Everything that is wrong with the file, told together.</exception>
    public static NodePlan Read(string path)
    {
        if (!File.Exists(path))
            throw new FaultException(new Fault(FaultNumber.NodeFileMissing, $"There is no file '{path}'.", path,
                "Give the path of a node file; hocon/coordinator.conf and hocon/hospital.conf are ones to begin with."));
        var faults = new List<Fault>();
        var own = Parse(path);
        var node = HoconReader.Of(own.WithFallback(Reference.Config), "node", path, faults);
        foreach (var key in HoconReader.Of(own.Root.AtKey("root"), "root", path, []).Keys.Where(key => key != "node"))
            faults.Add(
                new Fault(FaultNumber.UnknownKey, $"There is no key '{key}' here.", $"{path}: {key}",
                    "A node file holds one section: node { ... }."));
        var role = Names.Read<NodeRole>(node, "role");
        var identity = node.Section("identity");
        var plan = new NodePlan(
            path, role, PathOf(node, "data"), PathOf(identity, "kit"), PathOf(identity, "key"),
            StorageSection.Read(node.Section("storage"), text => Resolve(path, text)),
            role == NodeRole.Hub ? ReadHub(node.Section("hub")) : null,
            role == NodeRole.Hospital ? ReadHospital(node.Section("hospital")) : null);
        identity.Done();
        if (plan is { Hub.Cluster.Nodes.Length: > 1, Storage.Provider: StorageProvider.Sqlite }
            && plan.Hub.Cluster.Roles.Contains(Edge.Coordinating))
            node.Report(FaultNumber.HubNeedsServer,
                "A hub of several nodes cannot keep its journal in a file of one of them.",
                node.PathOf("storage.provider"),
                "Set provider = postgresql, the same database for every node of the hub.");
        var other = role == NodeRole.Hub ? "hospital" : "hub";
        if (own.HasPath($"node.{other}"))
            node.Report(FaultNumber.NotAllowedTogether, $"A {Names.Of(role)} has no section '{other}'.",
                node.PathOf(other), "Take it out, or set the other role.");
        node.Section(other);
        node.Done();
        return faults.Count == 0 ? plan : throw new FaultException(faults);

        string PathOf(HoconReader reader, string key)
        {
            var text = reader.Text(key);
            if (text.Length == 0 && !reader.IsFaulty(key))
                reader.Report(FaultNumber.MissingKey, "No path is given.", reader.PathOf(key),
                    "Write one, relative to this file.");
            return Resolve(path, text);
        }

        HubPlan ReadHub(HoconReader reader)
        {
            var job = reader.Text("job", "");
            var hub = new HubPlan(
                ReadListen(reader), job.Length == 0 ? null : Resolve(path, job),
                reader.Duration("patience", TimeSpan.FromSeconds(5), TimeSpan.FromDays(1)),
                ReadManagement(reader.Section("management")),
                reader.Text("door", "") is { Length: > 0 } door ? HostPort.Read(reader, "door", door) : null,
                ReadCluster(reader.Section("cluster")), ReadPort(reader, "model-port"));
            reader.Done();
            return hub;
        }

        ManagementPlan? ReadManagement(HoconReader reader)
        {
            var listen = reader.Text("listen");
            var isAddress = IPAddress.TryParse(listen == "localhost" ? "127.0.0.1" : listen, out var address);
            if (!reader.IsFaulty("listen") && (!isAddress || !IPAddress.IsLoopback(address!)))
                reader.Report(FaultNumber.EndpointNotProtected,
                    $"The management endpoint would listen on '{listen}', and asks nobody who they are.",
                    reader.PathOf("listen"),
                    "Write 127.0.0.1, and reach it from another machine through 'ssh -L 7072:127.0.0.1:7072 HUB'.");
            var port = ReadPort(reader, "port");
            reader.Done();
            return port == 0 ? null : new ManagementPlan(address ?? IPAddress.Loopback, port);
        }

        // Null where the node chooses it; 0 where there is none.
        static int? ReadPort(HoconReader reader, string key) => reader.Text(key) switch
        {
            "auto" => null,
            "off" => 0,
            _ => (int)reader.Integer(key, 1, 65_535),
        };

        ClusterPlan? ReadCluster(HoconReader reader)
        {
            var isHub = role == NodeRole.Hub;
            var nodes = reader.Texts("nodes").Select(text =>
                HostPort.Read(reader, "nodes", text)).OfType<HostPort>().Distinct().ToImmutableArray();
            var self = reader.Text("self", "") is { Length: > 0 } text ? HostPort.Read(reader, "self", text) : null;
            var plan = new ClusterPlan(
                nodes, self ?? new HostPort("", 0), ReadListen(reader),
                reader.Duration("stable-after", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)),
                isHub ? ReadRoles(reader) : [Edge.Hospital], isHub ? reader.Hospitals("hospitals") : []);
            reader.Done();
            if (nodes.IsEmpty && self is null)
                return null;
            if (nodes.Length is 0 or 2)
                reader.Report(FaultNumber.HubOfTwoNodes, nodes.IsEmpty
                        ? "No node is listed that may lead the hub."
                        : "A hub of 2 nodes stands still more often than one: losing one leaves no majority.",
                    reader.PathOf("nodes"), "List one node, or three and more.");
            var leads = plan.Roles.Contains(Edge.Coordinating);
            if (leads && (self is null || !nodes.Contains(self)))
                reader.Report(FaultNumber.NodeNotOfHub, $"'{self}' is none of the hub's nodes.",
                    reader.PathOf("self"), "Write this node's own address as it stands in nodes.");
            else if (!leads && (self is null || nodes.Contains(self)))
                reader.Report(FaultNumber.NodeOfItsOwn, self is null ? "This node has no address in the cluster."
                        : $"'{self}' is a node that may lead the hub, and this one may not.",
                    reader.PathOf("self"), "Write host:port at which the other nodes reach this one.");
            return plan;
        }

        ImmutableArray<string> ReadRoles(HoconReader reader)
        {
            string[] known = [Edge.Coordinating, Edge.Aggregating];
            var roles = reader.Texts("roles").Distinct().ToImmutableArray();
            foreach (var unknown in roles.Except(known))
                reader.Report(FaultNumber.UnknownName, $"'{unknown}' is no role of a hub's node.",
                    reader.PathOf("roles"), $"Known: {string.Join(", ", known)}.");
            if (roles.IsEmpty && !reader.IsFaulty("roles"))
                reader.Report(FaultNumber.MissingKey, "A node without a role does nothing.", reader.PathOf("roles"),
                    $"Write one or both of {string.Join(", ", known)}.");
            return roles;
        }

        static string ReadListen(HoconReader reader)
        {
            var listen = reader.Text("listen", "");
            if (listen.Any(c => char.IsWhiteSpace(c) || c is '"' or '/' or ':'))
                reader.Report(FaultNumber.ValueOutOfRange, $"'{listen}' is no address.", reader.PathOf("listen"),
                    "Write a host name or an IPv4 address, without a port.");
            return listen;
        }

        HospitalPlan ReadHospital(HoconReader reader)
        {
            var attachment = Names.Read<Attachment>(reader, "attachment");
            var cluster = ReadCluster(reader.Section("cluster"));
            var hospital = new HospitalPlan(
                [.. reader.Texts("hub").Select(text => HostPort.Read(reader, "hub", text)).OfType<HostPort>()],
                reader.Duration("rhythm", TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(1)),
                reader.Switch("secure-sums-only"),
                DataSection.Read(reader.Section("patients")), ReadPrivacy(reader.Section("privacy")), cluster);
            reader.Done();
            if (attachment == Attachment.Member && cluster is null)
                reader.Report(FaultNumber.MissingKey, "A member of the hub's cluster must know its nodes.",
                    reader.PathOf("cluster.nodes"), "Write the hub's nodes there, and this node's address in self.");
            else if (attachment == Attachment.Outbound && cluster is not null)
                reader.Report(FaultNumber.NotAllowedTogether, "A hospital that calls from outside is in no cluster.",
                    reader.PathOf("cluster"), "Take the section out, or set attachment = member.");
            if (attachment == Attachment.Member && !hospital.Hubs.IsEmpty)
                reader.Report(FaultNumber.NotAllowedTogether, "A member reaches the hub at cluster.nodes.",
                    reader.PathOf("hub"), "Take the key out, or set attachment = outbound.");
            return hospital;
        }

        PrivacyFiles? ReadPrivacy(HoconReader reader)
        {
            var (policy, ledger) = (reader.Text("policy", ""), reader.Text("ledger", ""));
            reader.Done();
            if (policy.Length == 0 != (ledger.Length == 0))
                reader.Report(FaultNumber.MissingKey, "A policy and a ledger go together: one holds jobs to the other.",
                    reader.PathOf(policy.Length == 0 ? "policy" : "ledger"),
                    "Name both files, or neither: then the hospital declines every job with noise.");
            return policy.Length == 0 || ledger.Length == 0
                ? null
                : new PrivacyFiles(Resolve(path, policy), Resolve(path, ledger));
        }
    }

    private static string Resolve(string file, string path) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, path);

    private static Akka.Configuration.Config Parse(string path)
    {
        try
        {
            return JobFile.Parse(File.ReadAllText(path), path);
        }
        catch (FaultException e)
        {
            throw new FaultException(e.Faults.Select(fault => fault with { Number = FaultNumber.NodeFileUnreadable }));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(
                new Fault(FaultNumber.NodeFileUnreadable, "The file cannot be read.", path,
                    "See that this user may read it."));
        }
    }
}
