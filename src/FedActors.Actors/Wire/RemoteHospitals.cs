using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>
/// Hospitals on other nodes, behind the hub's <see cref="Door"/>. What is said to one that is away for a moment waits
/// for it; one that stays away counts as not attached, so that no round waits for it.
/// </summary>
/// <param name="members">Whom the roster names.</param>
/// <param name="patience">How long a hospital may be away.</param>
public sealed class RemoteHospitals(ImmutableArray<HospitalId> members, TimeSpan patience, TimeProvider clock)
    : IHospitalDirectory
{
    private readonly DateTimeOffset _start = clock.GetUtcNow();
    private readonly ConcurrentDictionary<HospitalId, DateTimeOffset> _heard = new();
    private IActorRef _door = ActorRefs.Nobody;

    public ImmutableArray<HospitalId> Members => members;

    /// <summary>Those that an operator leaves out of the rounds: as if they were away.</summary>
    public ImmutableHashSet<HospitalId> Suspended { get; set; } = [];

    /// <summary>Set once, before the first round.</summary>
    public void Open(IActorRef door) => _door = door;

    /// <summary>When a hospital was last heard, or null.</summary>
    public DateTimeOffset? LastHeard(HospitalId hospital) => _heard.TryGetValue(hospital, out var at) ? at : null;

    /// <summary>Whether it was heard a moment ago.</summary>
    public bool IsAttached(HospitalId hospital) => LastHeard(hospital) is { } at && clock.GetUtcNow() - at <= patience
        && !Suspended.Contains(hospital);

    public bool TryTell(HospitalId hospital, IWireMessage message, IActorRef sender)
    {
        if (!members.Contains(hospital) || Suspended.Contains(hospital)
            || clock.GetUtcNow() - (LastHeard(hospital) ?? _start) > patience)
            return false;
        _door.Tell(new Door.Say(hospital, message), sender);
        return true;
    }

    internal void Hear(HospitalId hospital) => _heard[hospital] = clock.GetUtcNow();
}
