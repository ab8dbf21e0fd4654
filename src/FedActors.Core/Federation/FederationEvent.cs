using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Privacy;
using FedActors.Core.Rounds;

namespace FedActors.Core.Federation;

/// <summary>What the coordinator's journal holds. Past tense, with its own time; only ever added to.</summary>
public abstract record FederationEvent(DateTimeOffset At)
{
    /// <summary>A job with this plan starts from <paramref name="InitialModel"/>, whose bytes are durable.</summary>
    public sealed record JobAccepted(
        DateTimeOffset At, string Job, Digest PlanHash, ImmutableArray<HospitalId> Roster, Digest InitialModel) : FederationEvent(At);

    /// <summary>The round's model is durable under its hash and is the one the next round starts from.</summary>
    public sealed record RoundCommitted(DateTimeOffset At, RoundRecord Record) : FederationEvent(At)
    {
        /// <summary>Heads of the hospitals' privacy ledgers that were shown on the way, each signed by its hospital.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }

    /// <summary>An attempt ended without a sum; the round's next attempt may follow.</summary>
    public sealed record AttemptFailed(
        DateTimeOffset At, RoundId Id, FaultNumber Number, string Reason, ImmutableArray<Dropout> Dropped) : FederationEvent(At)
    {
        /// <summary>As in <see cref="RoundCommitted"/>.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }
}

/// <summary>What is known of a committed round. Names who is in, who is missing and why.</summary>
/// <param name="Loss">Mean training loss, over the survivors' patients, of the model the round began with.</param>
/// <param name="Metrics">The new model on held-out patients, where it was evaluated.</param>
/// <param name="Saturated">Coordinates of updates that were beyond the range, over all survivors.</param>
/// <param name="BytesUp">Payload that hospitals sent.</param>
/// <param name="BytesDown">Payload that hospitals fetch: the model, once each.</param>
/// <param name="Sum">SHA-256 of the open sum that led to the model.</param>
/// <param name="ByHospitals">The model the round began with, on the hospitals' own patients, where they evaluated it.</param>
public sealed record RoundRecord(
    RoundId Id,
    ImmutableArray<HospitalId> Included,
    ImmutableArray<Dropout> Dropped,
    Digest Model,
    double Loss,
    ModelMetrics? Metrics,
    long TotalWeight,
    long Saturated,
    long BytesUp,
    long BytesDown,
    TimeSpan Duration,
    Digest Sum,
    FederatedFigures? ByHospitals = null);
