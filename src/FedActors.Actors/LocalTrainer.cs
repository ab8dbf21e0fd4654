using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using FedActors.Core.Training;

namespace FedActors.Actors;

/// <summary>
/// Trains, encodes and masks, on threads of its own, so that neither a deadline nor a heartbeat ever waits for a
/// gradient. Parent: HospitalAgent. Children: none.
/// </summary>
public sealed class LocalTrainer : ReceiveActor
{
    /// <summary>Agent → trainer.</summary>
    public sealed record Train(RoundProtocol.RoundOffered Offer, GlobalModel Model)
        : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. The encoded update, the agent's own from now on.</summary>
    public sealed record Trained(RoundId Id, byte[] Update) : INoSerializationVerificationNeeded;

    /// <summary>Agent → trainer. A step of a session that is work; session and update are the trainer's until it
    /// answers.</summary>
    public abstract record SessionStep(HospitalMasking Masking, byte[] Update) : INoSerializationVerificationNeeded;

    /// <summary>Agree on keys with the others, and share this hospital's secrets among them.</summary>
    public sealed record Share(HospitalMasking Masking, SecureAggregationProtocol.Roster1 Roster, byte[] Update)
        : SessionStep(Masking, Update);

    /// <summary>Mask the update and keep it.</summary>
    public sealed record Seal(
        Digest Session, HospitalMasking Masking, SecureAggregationProtocol.Inbox Inbox, byte[] Update, ISpool Spool)
        : SessionStep(Masking, Update);

    /// <summary>Trainer → agent. What the session decided.</summary>
    /// <param name="Update">The update, the agent's again; empty where it was masked: then the spool keeps it.</param>
    public sealed record Stepped(HospitalMasking Masking, byte[] Update, MaskingDecision Decision)
        : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. Weights or loss are not finite.</summary>
    public sealed record Diverged(RoundId Id) : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. The hospital's ledger does not allow the release: nothing was computed.</summary>
    public sealed record Refused(RoundId Id, PrivacyRefusal Reason) : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. What the hospital must remember of the round could not be written: nothing of it may
    /// leave.</summary>
    public sealed record StateNotKept(RoundId Id, string Reason) : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. The masked update could not be kept: nothing of it may leave.</summary>
    public sealed record NotKept(HospitalMasking Masking, string Reason) : INoSerializationVerificationNeeded;

    /// <summary>Agent → trainer. Which model follows from this round's and its open sum?</summary>
    /// <param name="SumHash">What the session's result says of <paramref name="Sum"/>.</param>
    /// <param name="Models">Remembers the answer for this process: where many hospitals ask, it is computed
    /// once.</param>
    public sealed record Follow(
        RoundProtocol.RoundOffered Offer, GlobalModel Model, ImmutableArray<byte> Sum, Digest SumHash, int Parties,
        ModelCache Models)
        : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. That one; null where none does.</summary>
    public sealed record Followed(RoundId Id, Digest? Next) : INoSerializationVerificationNeeded;

    // Scratch belongs to no hospital and to no thread: ten thousand hospitals train on two cores, and a pool has more
    // threads than that. There are as many benches as ever trained at one moment.
    private static readonly ConcurrentBag<Workbench> Benches = [];

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HospitalSite _site;
    private Prepared? _prepared;

    public LocalTrainer(HospitalSite site)
    {
        _site = site;
        Receive<Train>(task => Sender.Tell(Run(task)));
        Receive<Share>(task => Sender.Tell(new Stepped(task.Masking, task.Update, task.Masking.Receive(task.Roster))));
        Receive<Seal>(task => Sender.Tell(MaskAndKeep(task)));
        Receive<Follow>(task => Sender.Tell(new Followed(task.Offer.Id, NextOf(task))));
    }

    public static Props Props(HospitalSite site) =>
        Akka.Actor.Props.Create<LocalTrainer>(site).WithDispatcher("fedactors.training-dispatcher");

    private static object MaskAndKeep(Seal task)
    {
        var decision = task.Masking.Receive(task.Inbox, task.Update);
        if (decision is not MaskingDecision.Accepted { Journal.IsEmpty: false })
            return new Stepped(task.Masking, task.Update, decision);
        try
        {
            task.Spool.Write(task.Session, task.Update);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            UpdateBuffers.Return(task.Update);
            return new NotKept(task.Masking, e.Message);
        }
        return new Stepped(task.Masking, [], decision);
    }

    private Digest? NextOf(Follow task)
    {
        var step = new ModelStep(task.Offer.PlanHash, task.Offer.Model, task.SumHash, task.Parties);
        if (task.Models.NextOf(step) is { } known)
            return known;
        var next = Compute(task);
        if (next is not null)
            task.Models.Remember(step, next.Value);
        return next;
    }

    private Digest? Compute(Follow task)
    {
        var (plan, model, code) = PreparedFor(task.Offer);
        if (task.Sum.Length != code.Bytes || Digest.Of(task.Sum.AsSpan()) != task.SumHash
            || code.Decode(task.Sum.AsSpan(), task.Parties) is not { } sum)
            return null;
        try
        {
            return NextGlobalModel.Of(AggregationStrategies.Create(plan, model), task.Model, sum).Hash;
        }
        catch (FaultException)
        {
            // The hub finds the same and ends the job; there is no model to train on.
            return null;
        }
    }

    private Prepared PreparedFor(RoundProtocol.RoundOffered offer) =>
        _prepared is not null && ReferenceEquals(_prepared.Plan, offer.Plan)
        && _prepared.Code.Parties == offer.Cohort.Length
            && _prepared.Evaluates == FederatedEvaluation.IsDue(offer.Plan, offer.Id.Round)
            ? _prepared
            : _prepared = Prepared.For(offer.Plan, offer.Id.Round, offer.Cohort.Length);

    private object Run(Train task)
    {
        var bench = Benches.TryTake(out var idle) ? idle : new Workbench();
        try
        {
            return Run(task, bench);
        }
        finally
        {
            Benches.Add(bench);
        }
    }

    private object Run(Train task, Workbench bench)
    {
        var (id, plan) = (task.Offer.Id, task.Offer.Plan);
        var (_, model, code) = PreparedFor(task.Offer);
        if (plan.Privacy.Mode != PrivacyMode.Off)
            return PrivateRound.Run(_site, task.Offer, task.Model.Parameters.AsSpan(), model, code, bench.Scratch);
        var values = bench.Values(code.Values);
        var (kept, own) = plan.Training.KeepsOwnState ? OwnFor(task, model) : (OwnState.Empty, []);
        var outcome = LocalTraining.Run(
            plan.Training, plan.Patients, model, task.Model.Parameters.AsSpan(), _site.Patients,
            LocalTraining.BatchSeed(plan.Seed, _site.Hospital, id.Round), values[..^1], bench.Scratch,
            new LocalMemory(task.Model.State.AsSpan(), own));
        if (outcome is not LocalOutcome.Trained trained)
            return new Diverged(id);
        var saturated = code.Saturate(values[..^1]);
        if (plan.Training.Algorithm == Algorithm.Scaffold)
            Scaffold.Advance(own, task.Model.State.AsSpan(), values[..^1], plan.Training.LocalSteps,
                plan.Training.LearningRate);
        if (plan.Training.KeepsOwnState && Keep(task.Offer, kept.Trained(id.Round, own)) is { } failure)
            return new StateNotKept(id, failure);
        values[^1] = Math.Min(trained.Loss, code.Range);
        var counts = Evaluate(plan, model, task.Model.Parameters.AsSpan(), code);
        return new Trained(id, Encode(plan.Training.Robust is not null, code, values, saturated, counts));
    }

    private byte[] Encode(
        bool isSingle, FixedPointCode code, ReadOnlySpan<double> values, int saturated, ReadOnlySpan<long> counts)
    {
        byte[] update;
        if (isSingle)
        {
            var single = RoundCode.SingleOf(code);
            single.Encode(values, _site.Patients.Rows, saturated, update = UpdateBuffers.Rent(single.Bytes));
        }
        else
        {
            code.Encode(values, _site.Patients.Rows, saturated, update = UpdateBuffers.Rent(code.Bytes), counts);
        }
        return update;
    }

    // The hospital's own values as of the last round that counted, and the state they stand in.
    private (OwnState Kept, double[] Own) OwnFor(Train task, IModel model)
    {
        var (plan, length) = (task.Offer.Plan.Training, LocalTraining.OwnLength(task.Offer.Plan.Training, model));
        var stored = _site.Own!.Read(task.Offer.PlanHash) is { } bytes
            ? OwnState.FromBytes(bytes, length)
            : OwnState.Empty;
        var kept = (stored ?? OwnState.Empty).Settle(task.Offer.LastIncluded);
        if (kept.Round != task.Offer.LastIncluded)
            _log.Warning("{Hospital} has lost what it kept after round {Round}, and begins anew", _site.Hospital,
                task.Offer.LastIncluded);
        return (kept,
            kept.Kept.IsEmpty ? LocalTraining.FirstOwn(plan, model, task.Model.Parameters.AsSpan()) : [.. kept.Kept]);
    }

    private string? Keep(RoundProtocol.RoundOffered offer, OwnState state)
    {
        try
        {
            _site.Own!.Write(offer.PlanHash, state.ToBytes());
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private ReadOnlySpan<long> Evaluate(
        JobPlan plan, IModel model, ReadOnlySpan<double> parameters, FixedPointCode code)
    {
        if (code.Counts == 0)
            return [];
        var counts = new long[code.Counts];
        FederatedEvaluation.Count(plan, model, parameters, _site.EvaluationPatients ?? _site.Patients, code, counts);
        return counts;
    }

    private sealed class Workbench
    {
        private double[] _values = [];

        public TrainingScratch Scratch { get; } = new();

        public Span<double> Values(int length)
        {
            if (_values.Length < length)
                _values = new double[length];
            return _values.AsSpan(0, length);
        }
    }

    // What a plan asks for, made once and not once a round.
    private sealed record Prepared(JobPlan Plan, IModel Model, FixedPointCode Code)
    {
        public bool Evaluates => Code.Counts > 0;

        public static Prepared For(JobPlan plan, int round, int parties)
        {
            var model = ModelCatalog.Create(plan.Model);
            return new Prepared(plan, model,
                RoundCode.Of(plan, round, parties, LocalTraining.UpdateLength(plan.Training, model)));
        }
    }
}
