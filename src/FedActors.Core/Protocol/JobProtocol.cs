using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Privacy;
using FedActors.Core.Rounds;

namespace FedActors.Core.Protocol;

/// <summary>
/// Whoever runs a job ↔ Coordinator:
/// <code>
///   submitter                       coordinator            evaluator
///      │ ── StartJob ────────────────────▶ │
///      │ ◀──────── JobStarted / JobRefused │
///      │                                   │ ── EvaluateModel ──▶ │     where one is given, every few rounds
///      │                                   │ ◀── ModelEvaluated ─ │
///      │ ◀──────── RoundReported, each time│
///      │ ── AbortJob, RecordsWanted, ... ▶ │                      at any time
///      │ ◀────────── JobFinished / JobFailed │
/// </code>
/// </summary>
public static class JobProtocol
{
    public interface IJobMessage : IWireMessage;

    /// <summary>Submitter → coordinator. Train <paramref name="Plan"/>, or go on where its journal ends.</summary>
    /// <param name="Identity">The plan's hash, with whatever else must be the same for a run to go on.</param>
    public sealed record StartJob(
        JobPlan Plan, Digest Identity, ImmutableArray<HospitalId> Roster, ImmutableArray<double> InitialParameters)
            : IJobMessage
    {
        /// <summary>Heads of privacy ledgers that other jobs of this hub have seen.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }

    /// <summary>Submitter → coordinator. End the job: the open attempt is closed, then <see cref="JobFailed"/> tells
    /// so.</summary>
    public sealed record AbortJob(string Job, string Reason) : IJobMessage;

    /// <summary>Anyone → coordinator. What has the job committed?</summary>
    public sealed record RecordsWanted : IJobMessage;

    /// <summary>Coordinator → whoever asked.</summary>
    /// <param name="Failures">Attempts that ended without a sum.</param>
    public sealed record JobRecords(
        ImmutableArray<RoundRecord> Committed, ImmutableArray<FederationEvent.AttemptFailed> Failures)
        : IJobMessage;

    /// <summary>Anyone → coordinator. Where did the hospitals' privacy ledgers stand in this job?</summary>
    public sealed record LedgersWanted : IJobMessage
    {
        public static LedgersWanted Instance { get; } = new();
    }

    /// <summary>Coordinator → whoever asked. The newest heads that its journal holds.</summary>
    public sealed record LedgersSeen(ImmutableArray<SignedLedgerHead> Heads) : IJobMessage;

    /// <summary>Anyone → coordinator. The bytes of the model of this committed round: answered by the blob store, or by
    /// <see cref="NoRound"/>.</summary>
    public sealed record ModelWanted(int Round) : IJobMessage;

    /// <summary>Anyone → coordinator. What is the open round doing?</summary>
    public sealed record RoundStatusWanted : IJobMessage;

    /// <summary>Coordinator → whoever asked. There is no such round.</summary>
    public sealed record NoRound : IJobMessage;

    /// <summary>Supervisor → whoever asked.</summary>
    /// <param name="Ready">Whose update is trained.</param>
    /// <param name="Dropped">Who is out so far.</param>
    public sealed record RoundStatus(
        RoundId Id, RoundPhase Phase, DateTimeOffset OpenedAt, DateTimeOffset Deadline,
        ImmutableArray<HospitalId> Cohort,
        ImmutableArray<HospitalId> Ready, ImmutableArray<Dropout> Dropped) : IJobMessage;

    /// <summary>Coordinator → submitter. The job is durable; <paramref name="Committed"/> are the rounds it already
    /// has.</summary>
    public sealed record JobStarted(string Job, ImmutableArray<RoundRecord> Committed) : IJobMessage;

    /// <summary>Coordinator → submitter. Nothing was changed.</summary>
    public sealed record JobRefused(string Job, string Reason) : IJobMessage;

    /// <summary>Coordinator → submitter. A round is committed.</summary>
    public sealed record RoundReported(RoundRecord Record) : IJobMessage;

    /// <summary>Coordinator → submitter. An attempt ended without a sum; another follows.</summary>
    public sealed record AttemptReported(RoundId Id, FaultNumber Number, string Reason, ImmutableArray<Dropout> Dropped)
        : IJobMessage;

    /// <summary>Coordinator → submitter. No round follows any more.</summary>
    /// <param name="Round">The round that the model is of.</param>
    public sealed record JobFinished(string Job, ImmutableArray<double> Parameters, Digest Model, int Round)
        : IJobMessage;

    /// <summary>Coordinator → submitter. The job cannot go on; what was committed stays.</summary>
    public sealed record JobFailed(string Job, FaultNumber Number, string Reason) : IJobMessage;

    /// <summary>Coordinator → evaluator.</summary>
    public sealed record EvaluateModel(RoundId Id, ImmutableArray<double> Parameters) : IJobMessage;

    /// <summary>Evaluator → coordinator.</summary>
    public sealed record ModelEvaluated(RoundId Id, ModelMetrics Metrics) : IJobMessage;
}
