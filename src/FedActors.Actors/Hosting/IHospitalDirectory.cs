using System.Collections.Concurrent;
using Akka.Actor;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Hosting;

/// <summary>Finds a hospital's agent by its id, wherever it runs: no message holds an address.</summary>
public interface IHospitalDirectory
{
    /// <summary>Sends, or returns false where the hospital is not attached.</summary>
    bool TryTell(HospitalId hospital, IWireMessage message, IActorRef sender);

    /// <summary>Bytes that training and updates of hospitals may take at once where they share one memory; where each
    /// has its own, no bound.</summary>
    long UpdateMemoryBytes => long.MaxValue;
}

/// <summary>Hospitals in this process.</summary>
public sealed class LocalHospitals : IHospitalDirectory
{
    // A thousand updates of a million numbers would be 4 GB; a few at a time keep all threads busy. What two megabytes
    // hold is still in a processor's caches when the hub adds it, and its memory goes to the next hospital.
    public long UpdateMemoryBytes => 2L << 20;

    private readonly ConcurrentDictionary<HospitalId, IActorRef> _agents = new();

    public void Attach(HospitalId hospital, IActorRef agent) => _agents[hospital] = agent;

    public void Detach(HospitalId hospital) => _agents.TryRemove(hospital, out _);

    public bool TryTell(HospitalId hospital, IWireMessage message, IActorRef sender)
    {
        if (!_agents.TryGetValue(hospital, out var agent))
            return false;
        agent.Tell(message, sender);
        return true;
    }
}
