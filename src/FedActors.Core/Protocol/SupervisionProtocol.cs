using System.Collections.Immutable;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Rounds;

namespace FedActors.Core.Protocol;

/// <summary>
/// Coordinator ↔ RoundSupervisor ↔ SecureAggregator, one attempt, within the hub:
/// <code>
///   coordinator          supervisor                  aggregator
///      │ ── OpenRound ──────▶ │ ── BeginCollecting ──────▶ │      the round is durable; hospitals are asked
///      │                      │ ── GiveUp, EndCollecting ▶ │      someone declined; the deadline passed
///      │                      │ ◀────── CollectionEnded ── │
///      │                      │ ── OpenSum ──────────────▶ │      the survivor set and the running sum are durable
///      │                      │ ◀── SumOpened, SumRefused ─ │
///      │ ◀─ RoundEnded/Failed │
///      │ ── CloseRound ─────▶ │                                   the model is durable, the round committed
/// </code>
/// </summary>
public static class SupervisionProtocol
{
    public interface ISupervisionMessage : IWireMessage
    {
        RoundId Id { get; }
    }

    /// <summary>Coordinator → supervisor. Open the round, or go on with it after a crash.</summary>
    public sealed record OpenRound(RoundId Id, JobPlan Plan, Digest PlanHash, Digest Model, ImmutableArray<HospitalId> Cohort)
        : ISupervisionMessage;

    /// <summary>Supervisor → coordinator. The sum is open.</summary>
    public sealed record RoundEnded(
        RoundId Id, DecodedSum Sum, ImmutableArray<HospitalId> Survivors, ImmutableArray<Dropout> Dropped, DateTimeOffset OpenedAt,
        long BytesUp) : ISupervisionMessage;

    /// <summary>Supervisor → coordinator. No sum, for a reason that is journaled.</summary>
    public sealed record RoundFailed(RoundId Id, FaultNumber Number, string Reason, ImmutableArray<Dropout> Dropped) : ISupervisionMessage;

    /// <summary>Coordinator → supervisor. The attempt is over; <paramref name="Committed"/> is the new model, or null where it failed.</summary>
    public sealed record CloseRound(RoundId Id, Digest? Committed) : ISupervisionMessage;

    /// <summary>Supervisor → aggregator. Gather the updates of <paramref name="Cohort"/>.</summary>
    public sealed record BeginCollecting(RoundId Id, FixedPointCode Code, ImmutableArray<HospitalId> Cohort) : ISupervisionMessage;

    /// <summary>Supervisor → aggregator. This hospital's update will not come.</summary>
    public sealed record GiveUp(RoundId Id, HospitalId Hospital) : ISupervisionMessage;

    /// <summary>Supervisor → aggregator. Count no more updates: say what is there.</summary>
    public sealed record EndCollecting(RoundId Id) : ISupervisionMessage;

    /// <summary>Aggregator → supervisor. What this hospital sent cannot be counted.</summary>
    public sealed record UpdateRefused(RoundId Id, HospitalId Hospital, string Reason) : ISupervisionMessage;

    /// <summary>Aggregator → supervisor. No update will be added any more.</summary>
    /// <param name="Accumulator">The running sum's bytes.</param>
    /// <param name="Name">Their SHA-256.</param>
    public sealed record CollectionEnded(
        RoundId Id, ImmutableArray<HospitalId> Complete, ImmutableArray<byte> Accumulator, Digest Name, long BytesReceived)
        : ISupervisionMessage;

    /// <summary>Supervisor → aggregator. The survivor set is durable: open this running sum of so many updates.</summary>
    public sealed record OpenSum(RoundId Id, FixedPointCode Code, ImmutableArray<byte> Accumulator, ImmutableArray<HospitalId> Survivors)
        : ISupervisionMessage;

    /// <summary>Aggregator → supervisor.</summary>
    public sealed record SumOpened(RoundId Id, DecodedSum Sum) : ISupervisionMessage;

    /// <summary>Aggregator → supervisor. The sum contradicts itself and is given to nobody.</summary>
    public sealed record SumRefused(RoundId Id, string Reason) : ISupervisionMessage;
}
