//  What a hospital computes in a round
//      fedavg:  E steps w -= rate * (gradient of the mean log loss of the batch + (l2 / N) w, bias free); update = w -
//               w0.
//      fedprox: the gradient has mu (w - w0) beside it.   scaffold: it has c - c_i beside it (Scaffold.cs).
//      newton:  update = gradient, then packed Hessian, of the mean log loss over all its patients; l2 is the hub's to
//               add.
//  Source:   McMahan et al., AISTATS 2017 (FedAvg); Li et al., MLSys 2020, section 3 (FedProx). The penalty is (l2 /
//            2N)|w|² beside a mean over a batch, N all training
//            patients of the federation, so that its sum over the federation is the (l2/2)|w|² of the pooled objective.
//  Batches:  each pass over the patients follows a new permutation; the last batch of a pass takes what is left.

using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Security.Cryptography;
using System.Text;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Core.Training;

/// <summary>How a hospital's training ended.</summary>
public abstract record LocalOutcome
{
    private LocalOutcome() { }

    /// <summary>The update is written and finite.</summary>
    /// <param name="Loss">Mean log loss, in nats, of the incoming model on the hospital's training rows.</param>
    public sealed record Trained(double Loss) : LocalOutcome;

    /// <summary>The loss, a gradient or a weight left the finite numbers; the update span holds zeros.</summary>
    public sealed record Diverged : LocalOutcome
    {
        public static Diverged Instance { get; } = new();
    }
}

/// <summary>The pure function a hospital runs: same plan, model, patients and seed, same bits.</summary>
public static class LocalTraining
{
    /// <summary>Coordinates of an update: d + d(d+1)/2 for Newton, else those of the d that are shared.</summary>
    public static int UpdateLength(TrainingPlan plan, IModel model) =>
        plan.Algorithm == Algorithm.Newton ? model.ParameterCount + PackedUpper.Length(model.ParameterCount)
        : plan.LocalLayers.IsEmpty ? model.ParameterCount
        : SharedLayers.LengthOf(plan, model);

    /// <summary>Numbers a hospital keeps of its own from round to round: SCAFFOLD's control, or its local
    /// layers.</summary>
    public static int OwnLength(TrainingPlan plan, IModel model) =>
        plan.Algorithm == Algorithm.Scaffold ? model.ParameterCount
        : plan.LocalLayers.IsEmpty ? 0
        : SharedLayers.LengthOf(plan, model, local: true);

    /// <summary>What a hospital keeps before its first round.</summary>
    /// <param name="parameters">The round's model.</param>
    /// <returns>Length <see cref="OwnLength"/>.</returns>
    public static double[] FirstOwn(TrainingPlan plan, IModel model, ReadOnlySpan<double> parameters)
    {
        var own = new double[OwnLength(plan, model)];
        if (plan.Algorithm != Algorithm.Scaffold)
            SharedLayers.Gather(plan, model, parameters, own, local: true);
        return own;
    }

    /// <summary>
    /// Seeds the batch order of one hospital in one round: the first 8 bytes, little-endian, of the SHA-256 of the
    /// job's seed (8 bytes, little-endian), the round (4 bytes, little-endian) and the hospital's name in ASCII.
    /// </summary>
    public static ulong BatchSeed(long jobSeed, HospitalId hospital, int round)
    {
        Span<byte> text = stackalloc byte[12 + 64];
        BinaryPrimitives.WriteInt64LittleEndian(text, jobSeed);
        BinaryPrimitives.WriteInt32LittleEndian(text[8..], round);
        var length = 12 + Encoding.ASCII.GetBytes(hospital.ToString(), text[12..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text[..length], hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    /// <summary>Trains on one hospital's patients.</summary>
    /// <param name="totalPatients">Training patients over all hospitals, <see cref="JobPlan.Patients"/>.</param>
    /// <param name="parameters">The round's model; length <see cref="IModel.ParameterCount"/>.</param>
    /// <param name="patients">At least one row.</param>
    /// <param name="batchSeed">From <see cref="BatchSeed"/>; without effect where a batch holds all patients.</param>
    /// <param name="update">Length <see cref="UpdateLength"/>; overwritten.</param>
    /// <param name="scratch">This worker's own.</param>
    /// <param name="memory">What the plan's strategy remembers, and what this hospital does; local layers are
    /// overwritten.</param>
    /// <exception cref="ArgumentException">A length does not fit, or there are no patients.</exception>
    public static LocalOutcome Run(
        TrainingPlan plan,
        long totalPatients,
        IModel model,
        ReadOnlySpan<double> parameters,
        PatientTable patients,
        ulong batchSeed,
        Span<double> update,
        TrainingScratch scratch,
        LocalMemory memory = default)
    {
        if (memory.Own.Length != OwnLength(plan, model))
            throw new ArgumentException(
                $"{memory.Own.Length} numbers of the hospital's own where {OwnLength(plan, model)} belong.",
                nameof(memory));
        if (update.Length != UpdateLength(plan, model))
            throw new ArgumentException(
                $"An update of {update.Length} coordinates where {UpdateLength(plan, model)} belong.", nameof(update));
        var loss = plan.Algorithm == Algorithm.Newton
            ? Differentiate(model, parameters, patients, update)
            : plan.LocalLayers.IsEmpty
            ? Descend(plan, totalPatients, model, parameters, patients, batchSeed, update, scratch, memory)
            : DescendWithOwnLayers(plan, totalPatients, model, parameters, patients, batchSeed, update, scratch,
                memory.Own);
        if (double.IsFinite(loss) && TensorPrimitives.IsFiniteAll<double>(update))
            return new LocalOutcome.Trained(loss);
        update.Clear();
        return LocalOutcome.Diverged.Instance;
    }

    private static double Differentiate(
        IModel model, ReadOnlySpan<double> parameters, PatientTable patients, Span<double> update)
    {
        if (model is not ISecondOrderModel secondOrder)
            throw new ArgumentException("Newton needs a model with a Hessian.", nameof(model));
        var d = model.ParameterCount;
        return secondOrder.LossGradientAndHessian(parameters, PatientBatch.All(patients), update[..d], update[d..]);
    }

    // The round's model with the hospital's own layers in it; only what is shared goes into the update.
    private static double DescendWithOwnLayers(
        TrainingPlan plan,
        long totalPatients,
        IModel model,
        ReadOnlySpan<double> parameters,
        PatientTable patients,
        ulong batchSeed,
        Span<double> update,
        TrainingScratch scratch,
        Span<double> own)
    {
        var start = scratch.Start(parameters.Length);
        var moved = scratch.Moved(parameters.Length);
        parameters.CopyTo(start);
        SharedLayers.Scatter(plan, model, own, start, local: true);
        var loss = Descend(plan, totalPatients, model, start, patients, batchSeed, moved, scratch, default);
        SharedLayers.Gather(plan, model, moved, update, local: false);
        SharedLayers.Gather(plan, model, scratch.Parameters(parameters.Length), own, local: true);
        return TensorPrimitives.IsFiniteAll<double>(own) ? loss : double.NaN;
    }

    private static double Descend(
        TrainingPlan plan,
        long totalPatients,
        IModel model,
        ReadOnlySpan<double> parameters,
        PatientTable patients,
        ulong batchSeed,
        Span<double> update,
        TrainingScratch scratch,
        LocalMemory memory)
    {
        var drift = memory.Own.IsEmpty ? default : scratch.Drift(parameters.Length);
        if (!drift.IsEmpty)
            TensorPrimitives.Subtract(memory.Server, memory.Own, drift);
        var local = scratch.Parameters(parameters.Length);
        parameters.CopyTo(local);
        var batches = new BatchOrder(patients, plan.BatchSize, batchSeed, scratch.Order(patients.Rows));
        var incomingLoss = double.NaN;
        if (model is IDescendingModel own && drift.IsEmpty && plan.Algorithm != Algorithm.FedProx)
        {
            incomingLoss = model.Loss(parameters, PatientBatch.All(patients));
            own.Descend(local, batches, plan.LocalSteps, plan.LearningRate, plan.L2 / totalPatients);
        }
        else
        {
            // What is overwritten in the end holds gradients until then: of a large model every vector counts.
            var gradient = update;
            if (!batches.IsFull)
                incomingLoss = model.Loss(parameters, PatientBatch.All(patients));
            for (var step = 0; step < plan.LocalSteps; step++)
            {
                var loss = model.LossAndGradient(local, batches.Next(), gradient);
                if (step == 0 && batches.IsFull)
                    incomingLoss = loss;
                Step(plan, totalPatients, model, parameters, drift, local, gradient);
            }
        }
        TensorPrimitives.Subtract(local, parameters, update);
        return incomingLoss;
    }

    /// <summary>local -= rate * (gradient + (l2 / N) local, the bias free, + what the strategy adds); the gradient is
    /// overwritten.</summary>
    internal static void Step(
        TrainingPlan plan,
        long totalPatients,
        IModel model,
        ReadOnlySpan<double> start,
        ReadOnlySpan<double> drift,
        Span<double> local,
        Span<double> gradient)
    {
        var decay = plan.L2 / totalPatients;
        foreach (var view in model.Views)
        {
            if (!view.Penalised)
                continue;
            var into = gradient.Slice(view.Offset, view.Length);
            TensorPrimitives.MultiplyAdd(local.Slice(view.Offset, view.Length), decay, into, into);
        }
        if (plan.Algorithm == Algorithm.FedProx)
        {
            TensorPrimitives.MultiplyAdd(local, plan.ProximalMu, gradient, gradient);
            TensorPrimitives.MultiplyAdd(start, -plan.ProximalMu, gradient, gradient);
        }
        if (!drift.IsEmpty)
            TensorPrimitives.Add(gradient, drift, gradient);
        TensorPrimitives.MultiplyAdd(gradient, -plan.LearningRate, local, local);
    }
}

/// <summary>What is remembered from earlier rounds while a hospital trains.</summary>
/// <param name="server">The strategy's state, as the round's model carries it.</param>
/// <param name="own">The hospital's own, length <see cref="LocalTraining.OwnLength"/>.</param>
public readonly ref struct LocalMemory(ReadOnlySpan<double> server, Span<double> own)
{
    /// <summary>The strategy's state; SCAFFOLD's is its control.</summary>
    public ReadOnlySpan<double> Server { get; } = server;

    /// <summary>SCAFFOLD's control of this hospital, or its local layers.</summary>
    public Span<double> Own { get; } = own;
}
