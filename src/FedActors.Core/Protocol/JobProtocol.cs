using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
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
///      │ ◀────────── JobFinished / JobFailed │
/// </code>
/// </summary>
public static class JobProtocol
{
    public interface IJobMessage : IWireMessage;

    /// <summary>Submitter → coordinator. Train <paramref name="Plan"/>, or go on where its journal ends.</summary>
    /// <param name="Identity">The plan's hash, with whatever else must be the same for a run to go on.</param>
    public sealed record StartJob(
        JobPlan Plan, Digest Identity, ImmutableArray<HospitalId> Roster, ImmutableArray<double> InitialParameters) : IJobMessage;

    /// <summary>Coordinator → submitter. The job is durable; <paramref name="Committed"/> are the rounds it already has.</summary>
    public sealed record JobStarted(string Job, ImmutableArray<RoundRecord> Committed) : IJobMessage;

    /// <summary>Coordinator → submitter. Nothing was changed.</summary>
    public sealed record JobRefused(string Job, string Reason) : IJobMessage;

    /// <summary>Coordinator → submitter. A round is committed.</summary>
    public sealed record RoundReported(RoundRecord Record) : IJobMessage;

    /// <summary>Coordinator → submitter. An attempt ended without a sum; another follows.</summary>
    public sealed record AttemptReported(RoundId Id, FaultNumber Number, string Reason) : IJobMessage;

    /// <summary>Coordinator → submitter. No round follows any more.</summary>
    /// <param name="Round">The round that the model is of.</param>
    public sealed record JobFinished(string Job, ImmutableArray<double> Parameters, Digest Model, int Round) : IJobMessage;

    /// <summary>Coordinator → submitter. The job cannot go on; what was committed stays.</summary>
    public sealed record JobFailed(string Job, FaultNumber Number, string Reason) : IJobMessage;

    /// <summary>Coordinator → evaluator.</summary>
    public sealed record EvaluateModel(RoundId Id, ImmutableArray<double> Parameters) : IJobMessage;

    /// <summary>Evaluator → coordinator.</summary>
    public sealed record ModelEvaluated(RoundId Id, ModelMetrics Metrics) : IJobMessage;
}
