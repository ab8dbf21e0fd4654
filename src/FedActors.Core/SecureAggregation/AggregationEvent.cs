using System.Collections.Immutable;
using FedActors.Core.Identity;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

/// <summary>What the hub writes before it announces: three sets, each fixed once.</summary>
public abstract record AggregationEvent(Digest Session)
{
    /// <summary>U1 is fixed.</summary>
    /// <param name="Adverts">Sorted by hospital.</param>
    public sealed record KeysFixed(Digest Session, ImmutableArray<Advertise> Adverts) : AggregationEvent(Session);

    /// <summary>U2 is fixed.</summary>
    /// <param name="Sharers">Sorted by hospital, each with the statement of its <see cref="Shares"/>.</param>
    public sealed record SharesFixed(Digest Session, ImmutableArray<Sharer> Sharers) : AggregationEvent(Session);

    /// <summary>A member of U2 and the digest of what it shared.</summary>
    public readonly record struct Sharer(HospitalId Hospital, Digest Statement);

    /// <summary>U3 is fixed: no other set will ever be announced. The accumulator is durable already.</summary>
    /// <param name="Survivors">Sorted.</param>
    /// <param name="Accumulator">SHA-256 of the sum of the masked vectors.</param>
    public sealed record SurvivorSetFixed(Digest Session, ImmutableArray<HospitalId> Survivors, Digest Accumulator)
        : AggregationEvent(Session);
}

/// <summary>What the hub does about a message, or at the end of a phase.</summary>
public abstract record SessionDecision
{
    /// <summary>Agreed.</summary>
    /// <param name="Journal">To be durable before anything of the next phase is sent.</param>
    public sealed record Accepted(ImmutableArray<AggregationEvent> Journal) : SessionDecision
    {
        internal static Accepted Nothing { get; } = new([]);
    }

    /// <summary>Refused.</summary>
    /// <param name="Why">Code, culprit and sentence.</param>
    /// <param name="Ends">The session is aborted; else it goes on without the message.</param>
    public sealed record Rejected(Refusal Why, bool Ends) : SessionDecision;
}

/// <summary>Where the hub's side of a session stands.</summary>
public enum AggregationPhase
{
    /// <summary>Collecting keys.</summary>
    Advertising = 1,

    /// <summary>Collecting sealed shares.</summary>
    Sharing = 2,

    /// <summary>Collecting masked vectors.</summary>
    Masking = 3,

    /// <summary>Collecting signatures on the survivors.</summary>
    Agreeing = 4,

    /// <summary>Collecting released shares.</summary>
    Unmasking = 5,

    /// <summary>The sum is open.</summary>
    Opened = 6,

    /// <summary>Over without a sum.</summary>
    Aborted = 7,
}

/// <summary>A hospital that is not in the sum, since when, and why.</summary>
public sealed record Dropout(HospitalId Hospital, AggregationPhase Phase, AbortCode Reason);

/// <summary>The sum of the survivors' residues, and whose it is.</summary>
/// <param name="Residues">Little-endian words.</param>
/// <param name="Hash">SHA-256 of the residues.</param>
/// <param name="Survivors">Exactly whose updates it sums, sorted.</param>
public sealed record OpenedSum(ReadOnlyMemory<byte> Residues, Digest Hash, ImmutableArray<HospitalId> Survivors);
