using Akka.Configuration;
using FedActors.Actors.Storage;
using FedActors.Core.Identity;

namespace FedActors.Simulation;

/// <summary>
/// Where a simulation keeps things: the hub's journal and blobs in one file, the hospitals' journals in another, as they
/// would be on other machines, and a spool for each hospital. Or all of it in memory.
/// </summary>
public sealed class SimulationStorage
{
    public const string MemoryJournal = "akka.persistence.journal.inmem";

    private readonly StateDatabase _hub;
    private readonly StateDatabase _hospitals;
    private readonly string? _spool;

    private SimulationStorage(StateDatabase hub, StateDatabase hospitals, string? spool) => (_hub, _hospitals, _spool) = (hub, hospitals, spool);

    public static SimulationStorage InMemory { get; } = new(StateDatabase.InMemory, StateDatabase.InMemory, null);

    /// <exception cref="Core.FaultException">The folder's databases cannot be opened.</exception>
    public static SimulationStorage In(string folder) => new(
        StateDatabase.Open(Path.Combine(folder, "state.db")), StateDatabase.Open(Path.Combine(folder, "hospitals.db")),
        Path.Combine(folder, "spool"));

    public StateDatabase Hub => _hub;

    public string HospitalJournal => _spool is null ? MemoryJournal : "hospital-journal";

    public Config PersistenceConfig() => _spool is null
        ? _hub.PersistenceConfig()
        : _hub.PersistenceConfig().WithFallback(_hospitals.JournalConfig(HospitalJournal));

    public ISpool SpoolOf(HospitalId hospital) => Spool(hospital, "masked");

    /// <summary>Where a hospital keeps what a job lets it remember.</summary>
    public ISpool OwnOf(HospitalId hospital) => Spool(hospital, "state");

    private ISpool Spool(HospitalId hospital, string extension) =>
        _spool is null ? new MemorySpool() : new FileSpool(Path.Combine(_spool, hospital.ToString()), isFlushed: false, extension);
}
