using System.Collections.Immutable;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using Dropout = FedActors.Core.Rounds.Dropout;

namespace FedActors.Core.Protocol;

/// <summary>
/// Coordinator ↔ RoundSupervisor ↔ SecureAggregator, one attempt, within the hub:
/// <code>
///   coordinator          supervisor                  aggregator
///      │ ── OpenRound ──────▶ │                                   the round is durable; hospitals are asked
///      │                      │ ── BeginCollecting ──────▶ │      plain sums
///      │                      │ ── BeginSession ─────────▶ │      or secure ones, once updates are ready
///      │                      │ ◀───── SessionAdvanced ── │      ×2: U1, U2 are to be durable
///      │                      │ ── SessionDurable ───────▶ │
///      │                      │ ── GiveUp, EndCollecting ▶ │      someone declined; the deadline passed
///      │                      │ ◀────── CollectionEnded ── │      U3, with the running sum
///      │                      │ ── OpenSum ──────────────▶ │      both are durable
///      │                      │ ◀── SumOpened, SumRefused ─ │
///      │                      │ ◀───────── AggregatorLost │      it was on another node: another goes on
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

    /// <summary>Between a supervisor and the aggregator of a secure session, which may be on another node of the
    /// hub.</summary>
    public interface ISessionMessage : ISupervisionMessage;

    /// <summary>Coordinator → supervisor. Open the round, or go on with it after a crash.</summary>
    /// <param name="PreviousSum">SHA-256 of the sum that led to the model; of no bytes in the first round.</param>
    public sealed record OpenRound(
        RoundId Id, JobPlan Plan, Digest PlanHash, Digest Model, Digest PreviousSum, ImmutableArray<HospitalId> Cohort)
        : ISupervisionMessage
    {
        /// <summary>For each hospital the last committed round with its update; empty for a job whose hospitals keep no
        /// state.</summary>
        public ImmutableDictionary<HospitalId, int> LastIncluded { get; init; } =
            ImmutableDictionary<HospitalId, int>.Empty;

        /// <summary>The newest heads of the hospitals' privacy ledgers, as far as the hub has seen any.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }

    /// <summary>Supervisor → coordinator. The sum is open.</summary>
    /// <param name="ByHospitals">What the hospitals counted of the model the round began with, where they did.</param>
    public sealed record RoundEnded(
        RoundId Id, DecodedSum Sum, Digest SumHash,
        ImmutableArray<HospitalId> Survivors, ImmutableArray<Dropout> Dropped,
        DateTimeOffset OpenedAt, long BytesUp, FederatedFigures? ByHospitals = null) : ISupervisionMessage
    {
        /// <summary>Heads of privacy ledgers that were shown in the attempt, each signed by its hospital.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }

    /// <summary>Supervisor → coordinator. No sum, for a reason that is journaled.</summary>
    public sealed record RoundFailed(RoundId Id, FaultNumber Number, string Reason, ImmutableArray<Dropout> Dropped)
        : ISupervisionMessage
    {
        /// <summary>As in <see cref="RoundEnded"/>.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }

    /// <summary>Coordinator → supervisor. An operator ends the job: no sum, unless it is open already.</summary>
    public sealed record AbortRound(RoundId Id, string Reason) : ISupervisionMessage;

    /// <summary>Coordinator → supervisor. The attempt is over; <paramref name="Committed"/> is the new model, or null
    /// where it failed.</summary>
    public sealed record CloseRound(RoundId Id, Digest? Committed) : ISupervisionMessage;

    /// <summary>Supervisor → aggregator. Make this offer to its cohort, and gather their updates.</summary>
    /// <param name="LastIncluded">What <see cref="OpenRound.LastIncluded"/> says, to be told to each.</param>
    public sealed record BeginCollecting(
        RoundId Id, FixedPointCode Code, RoundProtocol.RoundOffered Offer,
        ImmutableDictionary<HospitalId, int> LastIncluded)
        : ISupervisionMessage;

    /// <summary>Supervisor → aggregator. Open a secure session, or go on with the one that <paramref name="Journal"/>
    /// tells of.</summary>
    /// <param name="Trained">Whose updates are ready: nobody else is waited for.</param>
    /// <param name="Journal">U1, U2 and U3, as far as they are durable.</param>
    /// <param name="Accumulator">The running sum, where U3 is durable; else empty.</param>
    public sealed record BeginSession(
        RoundId Id, RoundSpec Spec, ImmutableArray<HospitalId> Trained, ImmutableArray<AggregationEvent> Journal,
        ImmutableArray<byte> Accumulator) : ISessionMessage
    {
        /// <summary>As in <see cref="OpenRound"/>: no older head is taken for good.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }

    /// <summary>Aggregator → supervisor. Heads of privacy ledgers that came with updates, or with a peer's word against
    /// one.</summary>
    public sealed record LedgersShown(RoundId Id, ImmutableArray<SignedLedgerHead> Heads) : ISessionMessage;

    /// <summary>Aggregator → supervisor. U1 or U2 is to be durable before anyone hears of it.</summary>
    public sealed record SessionAdvanced(RoundId Id, AggregationEvent Fixed) : ISessionMessage;

    /// <summary>Supervisor → aggregator. It is: go on.</summary>
    public sealed record SessionDurable(RoundId Id) : ISessionMessage;

    /// <summary>Supervisor → aggregator. This hospital's update will not come.</summary>
    public sealed record GiveUp(RoundId Id, HospitalId Hospital) : ISessionMessage;

    /// <summary>Supervisor → aggregator. Count no more updates: say what is there.</summary>
    public sealed record EndCollecting(RoundId Id) : ISupervisionMessage;

    /// <summary>Aggregator → supervisor. This hospital is out of the attempt.</summary>
    public sealed record HospitalOut(RoundId Id, HospitalId Hospital, DropReason Reason, string Detail)
        : ISessionMessage
    {
        /// <summary>There was nobody to make the offer to.</summary>
        public static HospitalOut NotAttached(RoundId id, HospitalId hospital) =>
            new(id, hospital, DropReason.Silent, "It is not attached to the hub.");
    }

    /// <summary>Aggregator → supervisor. No update will be added any more.</summary>
    /// <param name="Accumulator">The running sum's bytes.</param>
    /// <param name="Name">Their SHA-256.</param>
    public sealed record CollectionEnded(
        RoundId Id, ImmutableArray<HospitalId> Complete, ImmutableArray<byte> Accumulator, Digest Name,
        long BytesReceived)
        : ISessionMessage;

    /// <summary>Supervisor → aggregator. The survivor set is durable: open this running sum of so many
    /// updates.</summary>
    /// <param name="IsRobust">Whether the bytes are what a robust rule made, and not a sum.</param>
    public sealed record OpenSum(
        RoundId Id, FixedPointCode Code, ImmutableArray<byte> Accumulator, ImmutableArray<HospitalId> Survivors,
        bool IsRobust = false)
        : ISupervisionMessage;

    /// <summary>Aggregator → supervisor.</summary>
    public sealed record SumOpened(RoundId Id, DecodedSum Sum, Digest SumHash) : ISupervisionMessage;

    /// <summary>Aggregator → supervisor. There is no sum: it contradicts itself and is given to nobody, or too few are
    /// left to open it.</summary>
    public sealed record SumRefused(RoundId Id, FaultNumber Number, string Reason) : ISessionMessage;

    /// <summary>Aggregator → supervisor. The node that it was on cannot be reached any more: another aggregator goes on
    /// from what is durable.</summary>
    public sealed record AggregatorLost(RoundId Id, string Node, string Reason) : ISupervisionMessage;
}
