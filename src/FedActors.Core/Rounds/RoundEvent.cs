using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Rounds;

/// <summary>What a round's journal holds. Past tense, with its own time; only ever added to.</summary>
public abstract record RoundEvent(DateTimeOffset At)
{
    /// <summary>The cohort is invited to train from <paramref name="Model"/>; its updates count until
    /// <paramref name="Deadline"/>.</summary>
    public sealed record Opened(
        DateTimeOffset At, RoundId Id, Digest PlanHash, Digest Model, ImmutableArray<HospitalId> Cohort,
        DateTimeOffset Deadline)
        : RoundEvent(At);

    /// <summary>U1: exactly these keys. Known to every hospital from now on.</summary>
    public sealed record KeysFixed(DateTimeOffset At, AggregationEvent.KeysFixed Keys) : RoundEvent(At);

    /// <summary>U2: exactly these hospitals shared their secrets.</summary>
    public sealed record SharesFixed(DateTimeOffset At, AggregationEvent.SharesFixed Shares) : RoundEvent(At);

    /// <summary>U3: exactly these updates are in the accumulator, whose bytes are durable under
    /// <paramref name="Accumulator"/>. The attempt cannot open another set.</summary>
    public sealed record SurvivorSetFixed(
        DateTimeOffset At, ImmutableArray<HospitalId> Survivors, ImmutableArray<Dropout> Dropped, Digest Accumulator,
        long BytesUp)
        : RoundEvent(At);

    /// <summary>The attempt ended without a sum.</summary>
    public sealed record Aborted(DateTimeOffset At, FaultNumber Number, string Reason, ImmutableArray<Dropout> Dropped)
        : RoundEvent(At);
}

/// <summary>A hospital that is not in a round's sum: where it was lost, and why.</summary>
public sealed record Dropout(HospitalId Hospital, RoundPhase Phase, DropReason Reason, string Detail);
