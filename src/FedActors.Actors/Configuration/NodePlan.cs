using System.Collections.Immutable;
using System.Net;
using FedActors.Actors.Data;
using FedActors.Core.Identity;

namespace FedActors.Actors.Configuration;

public enum NodeRole { Hub = 1, Hospital = 2 }

/// <summary>The checked content of a node file; every path is whole.</summary>
/// <param name="File">As faults name it.</param>
/// <param name="Data">Folder of journal, models and spool.</param>
/// <param name="Kit">Folder of certificates and members.</param>
/// <param name="Key">File of the private key.</param>
/// <param name="Storage">Where journal and models are kept.</param>
/// <param name="Hub">Null for a hospital.</param>
/// <param name="Hospital">Null for a hub.</param>
public sealed record NodePlan(
    string File, NodeRole Role, string Data, string Kit, string Key, StoragePlan Storage, HubPlan? Hub,
    HospitalPlan? Hospital);

/// <param name="Listen">Address, or empty for the host that the kit names.</param>
/// <param name="Job">A job file, or null.</param>
/// <param name="Patience">How long a hospital may be away.</param>
/// <param name="Management">Where operators reach the hub; null where they do not.</param>
/// <param name="Door">Where hospitals call this node; null for what the kit names.</param>
/// <param name="Cluster">The hub's cluster; null for a hub that nobody joins.</param>
/// <param name="ModelPort">Where hospitals fetch large models; 0: nowhere; null: the second after that which they
/// call.</param>
public sealed record HubPlan(string Listen, string? Job, TimeSpan Patience, ManagementPlan? Management, HostPort? Door,
    ClusterPlan? Cluster, int? ModelPort)
{
    /// <summary>Where it listens, for hospitals that call at <paramref name="door"/>; 0: nowhere.</summary>
    public int ModelPortBeside(HostPort door) => ModelPort ?? door.Port + 2;

    /// <summary>The address it listens at, for the same.</summary>
    public string ListenBeside(HostPort door) => Listen.Length > 0 ? Listen : door.Host;
}

/// <param name="Listen">A loopback address: nobody logs in there.</param>
/// <param name="Port">Null for the one after that which hospitals call.</param>
public sealed record ManagementPlan(IPAddress Listen, int? Port);

/// <summary>A hub that others are members of: its nodes that may lead, one of which does, and whoever joins
/// them.</summary>
/// <param name="Nodes">Where those that may lead meet one another: one, or three and more.</param>
/// <param name="Self">This node's address; one of them, where this node may lead.</param>
/// <param name="Listen">Address to listen at, or empty for that of <paramref name="Self"/>.</param>
/// <param name="StableAfter">How long nodes must have been out of reach before the majority goes on without
/// them.</param>
/// <param name="Roles">What this node does there: coordinator, aggregator, hospital.</param>
/// <param name="Hospitals">At a hub: the hospitals that may be members.</param>
public sealed record ClusterPlan(ImmutableArray<HostPort> Nodes, HostPort Self, string Listen, TimeSpan StableAfter,
    ImmutableArray<string> Roles, ImmutableArray<HospitalId> Hospitals);

/// <summary>How a hospital reaches its hub.</summary>
public enum Attachment
{
    /// <summary>It calls the hub's edge; nothing reaches it but what comes back on that call.</summary>
    Outbound = 1,

    /// <summary>It is a member of the hub's cluster.</summary>
    Member = 2,
}

/// <param name="Hubs">Where the hub's nodes are called, in turn; none: where the kit says.</param>
/// <param name="Rhythm">From one sign of life to the next.</param>
/// <param name="SecureSumsOnly">No plain update leaves this hospital.</param>
/// <param name="Patients">Where its patients are, and how they become a table.</param>
/// <param name="Privacy">Null where it takes part in no job with noise.</param>
/// <param name="Cluster">The hub's cluster, where the hospital is a member of it; else null.</param>
public sealed record HospitalPlan(ImmutableArray<HostPort> Hubs, TimeSpan Rhythm, bool SecureSumsOnly,
    DataPlan Patients, PrivacyFiles? Privacy = null, ClusterPlan? Cluster = null);

/// <param name="Policy">The data officer's file.</param>
/// <param name="Ledger">What the patients of its scope have lost so far.</param>
public sealed record PrivacyFiles(string Policy, string Ledger);
