using System.Collections.Immutable;
using System.Net;
using FedActors.Actors.Data;

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
/// <param name="Cluster">The hub's other nodes; null for a hub of one.</param>
public sealed record HubPlan(string Listen, string? Job, TimeSpan Patience, ManagementPlan? Management, HostPort? Door,
    ClusterPlan? Cluster);

/// <param name="Listen">A loopback address: nobody logs in there.</param>
/// <param name="Port">Null for the one after that which hospitals call.</param>
public sealed record ManagementPlan(IPAddress Listen, int? Port);

/// <summary>A hub of several nodes, one of which leads.</summary>
/// <param name="Nodes">Where they meet one another: three or more, this one among them.</param>
/// <param name="Self">This node's.</param>
/// <param name="StableAfter">How long nodes must have been out of reach before the majority goes on without
/// them.</param>
public sealed record ClusterPlan(ImmutableArray<HostPort> Nodes, HostPort Self, TimeSpan StableAfter);

/// <param name="Hubs">Where the hub's nodes are called, in turn; none: where the kit says.</param>
/// <param name="Rhythm">From one sign of life to the next.</param>
/// <param name="SecureSumsOnly">No plain update leaves this hospital.</param>
/// <param name="Patients">Where its patients are, and how they become a table.</param>
/// <param name="Privacy">Null where it takes part in no job with noise.</param>
public sealed record HospitalPlan(ImmutableArray<HostPort> Hubs, TimeSpan Rhythm, bool SecureSumsOnly,
    DataPlan Patients, PrivacyFiles? Privacy = null);

/// <param name="Policy">The data officer's file.</param>
/// <param name="Ledger">What the patients of its scope have lost so far.</param>
public sealed record PrivacyFiles(string Policy, string Ledger);
