using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using FedActors.Core.Training;

namespace FedActors.Actors;

/// <summary>
/// Trains, encodes and masks, on threads of its own, so that neither a deadline nor a heartbeat ever waits for a gradient.
/// Parent: HospitalAgent. Children: none.
/// </summary>
public sealed class LocalTrainer : ReceiveActor
{
    /// <summary>Agent → trainer.</summary>
    public sealed record Train(RoundProtocol.RoundOffered Offer, ImmutableArray<double> Parameters) : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. The encoded update, the agent's own from now on.</summary>
    public sealed record Trained(RoundId Id, byte[] Update) : INoSerializationVerificationNeeded;

    /// <summary>Agent → trainer. Mask the update and keep it; session and update are the trainer's until it answers.</summary>
    public sealed record Seal(Digest Session, HospitalMasking Masking, SecureAggregationProtocol.Inbox Inbox, byte[] Update, ISpool Spool)
        : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. What the session decided; where it masked, the bytes are kept.</summary>
    public sealed record Sealed(Seal Task, MaskingDecision Decision) : INoSerializationVerificationNeeded;

    /// <summary>Trainer → agent. Weights or loss are not finite.</summary>
    public sealed record Diverged(RoundId Id) : INoSerializationVerificationNeeded;

    // Scratch belongs to the thread, not to the hospital: ten thousand hospitals in one process train on two cores.
    [ThreadStatic] private static TrainingScratch? _scratch;
    [ThreadStatic] private static double[]? _values;

    private readonly HospitalSite _site;
    private Prepared? _prepared;

    public LocalTrainer(HospitalSite site)
    {
        _site = site;
        Receive<Train>(task => Sender.Tell(Run(task)));
        Receive<Seal>(task =>
        {
            var decision = task.Masking.Receive(task.Inbox, task.Update);
            if (decision is MaskingDecision.Accepted { Journal.IsEmpty: false })
                task.Spool.Write(task.Session, task.Update);
            Sender.Tell(new Sealed(task, decision));
        });
    }

    public static Props Props(HospitalSite site) =>
        Akka.Actor.Props.Create<LocalTrainer>(site).WithDispatcher("fedactors.training-dispatcher");

    private object Run(Train task)
    {
        var (id, plan) = (task.Offer.Id, task.Offer.Plan);
        if (_prepared is null || !ReferenceEquals(_prepared.Plan, plan) || _prepared.Code.Parties != task.Offer.Cohort.Length)
            _prepared = Prepared.For(plan, task.Offer.Cohort.Length);
        var (model, code) = (_prepared.Model, _prepared.Code);
        if (_values is null || _values.Length < code.Values)
            _values = new double[code.Values];
        var values = _values.AsSpan(0, code.Values);
        var outcome = LocalTraining.Run(
            plan.Training, plan.Patients, model, task.Parameters.AsSpan(), _site.Patients,
            LocalTraining.BatchSeed(plan.Seed, _site.Hospital, id.Round), values[..^1], _scratch ??= new TrainingScratch());
        if (outcome is not LocalOutcome.Trained trained)
            return new Diverged(id);
        var saturated = code.Saturate(values[..^1]);
        values[^1] = Math.Min(trained.Loss, code.Range);
        var update = new byte[code.Bytes];
        code.Encode(values, _site.Patients.Rows, saturated, update);
        return new Trained(id, update);
    }

    // What a plan asks for, made once and not once a round.
    private sealed record Prepared(JobPlan Plan, IModel Model, FixedPointCode Code)
    {
        public static Prepared For(JobPlan plan, int parties)
        {
            var model = ModelCatalog.Create(plan.Model);
            return new Prepared(plan, model, RoundCode.Of(plan, parties, LocalTraining.UpdateLength(plan.Training, model)));
        }
    }
}
