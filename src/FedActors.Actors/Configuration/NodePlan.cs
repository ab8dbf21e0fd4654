using System.Net;
using FedActors.Actors.Data;

namespace FedActors.Actors.Configuration;

public enum NodeRole { Hub = 1, Hospital = 2 }

/// <summary>The checked content of a node file; every path is whole.</summary>
/// <param name="File">As faults name it.</param>
/// <param name="Data">Folder of journal, models and spool.</param>
/// <param name="Kit">Folder of certificates and members.</param>
/// <param name="Key">File of the private key.</param>
/// <param name="Hub">Null for a hospital.</param>
/// <param name="Hospital">Null for a hub.</param>
public sealed record NodePlan(string File, NodeRole Role, string Data, string Kit, string Key, HubPlan? Hub, HospitalPlan? Hospital);

/// <param name="Listen">Address, or empty for the host that the kit names.</param>
/// <param name="Job">A job file, or null.</param>
/// <param name="Patience">How long a hospital may be away.</param>
/// <param name="Management">Where operators reach the hub; null where they do not.</param>
public sealed record HubPlan(string Listen, string? Job, TimeSpan Patience, ManagementPlan? Management);

/// <param name="Listen">A loopback address: nobody logs in there.</param>
/// <param name="Port">Null for the one after the kit's.</param>
public sealed record ManagementPlan(IPAddress Listen, int? Port);

/// <param name="Rhythm">From one sign of life to the next.</param>
/// <param name="SecureSumsOnly">No plain update leaves this hospital.</param>
/// <param name="Patients">Where its patients are, and how they become a table.</param>
public sealed record HospitalPlan(TimeSpan Rhythm, bool SecureSumsOnly, DataPlan Patients);
