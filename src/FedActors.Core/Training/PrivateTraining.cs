//  What a hospital computes in a round under differential privacy
//      A step draws patients by Poisson sampling, sums their clipped gradients, rounds to a grid, adds discrete
//      Gaussian noise, and
//      divides by the public rate times the public number of patients: DP-SGD.
//      patient-local:        several steps w -= rate * (noisy gradient + (l2 / N) w), all the noise in each; update = w
//      - w0.
//      patient-distributed:  one sum with this hospital's share of the noise, as whole numbers; the hub makes the step.
//      hospital:             the update of ordinary training, clipped as one contribution, with a share of the noise.
//  Source:   Abadi et al., "Deep learning with differential privacy", CCS 2016, Algorithm 1; Kairouz, Liu, Steinke,
//            ICML 2021.
//  Leaves:   what was released, and what follows from it: no count, loss, norm or batch size. Proof: PrivateTraining.md

using System.Numerics.Tensors;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Training;

/// <summary>The functions a hospital runs once its ledger is charged. Each call is a release: called again, it draws
/// other noise.</summary>
public static class PrivateTraining
{
    /// <summary>Trains for a round with all the noise inside the hospital.</summary>
    /// <param name="grid">With one share; its dimension is the model's.</param>
    /// <param name="nominalPatients">The hospital's public number of patients, at least 1.</param>
    /// <param name="random">The operating system's generator.</param>
    /// <param name="update">Length <see cref="IModel.ParameterCount"/>; overwritten.</param>
    /// <param name="scratch">This worker's own.</param>
    /// <returns>Whether all weights stayed finite, which follows from what was released; else the update holds
    /// zeros.</returns>
    public static bool Local(
        JobPlan plan, NoisyGrid grid, IPerPatientModel model, ReadOnlySpan<double> parameters, PatientTable patients,
        long nominalPatients,
        IRandomSource random, Span<double> update, TrainingScratch scratch)
    {
        var local = scratch.Parameters(parameters.Length);
        parameters.CopyTo(local);
        // Only a proximal term looks back at where the round started.
        var start = plan.Training.Algorithm == Algorithm.FedProx ? parameters.ToArray() : [];
        using var noise = grid.Open(random);
        var steps = new Steps(plan, grid, model, patients, 1 / (plan.Privacy.SamplingRate * nominalPatients), noise,
            start, scratch);
        if (model is INoisilyDescendingModel own && plan.Training.Algorithm != Algorithm.FedProx)
        {
            own.Descend(local, steps);
        }
        else
        {
            for (var step = 0; step < steps.Count; step++)
                steps.Take(steps.Next(), local);
        }
        TensorPrimitives.Subtract(local, parameters, update);
        if (TensorPrimitives.IsFiniteAll<double>(update))
            return true;
        update.Clear();
        return false;
    }

    /// <summary>One sum with noise, on the grid: all of the noise, or this hospital's share where the grid counts
    /// several.</summary>
    /// <param name="parameters">The round's model; length <see cref="IModel.ParameterCount"/>.</param>
    /// <param name="patients">May be empty: then noise alone is released.</param>
    /// <param name="random">The operating system's generator.</param>
    /// <param name="released">Length <see cref="IModel.ParameterCount"/>; overwritten.</param>
    public static void Release(
        JobPlan plan, NoisyGrid grid, IPerPatientModel model, ReadOnlySpan<double> parameters, PatientTable patients,
        IRandomSource random,
        Span<long> released, TrainingScratch scratch)
    {
        using var noise = grid.Open(random);
        Release(plan, grid, model, parameters, patients, noise, released, scratch);
    }

    internal static void Release(
        JobPlan plan, NoisyGrid grid, IPerPatientModel model, ReadOnlySpan<double> parameters, PatientTable patients,
        NoiseStream noise, Span<long> released, TrainingScratch scratch) =>
        Release(plan, grid, model, parameters, Draw(plan, patients, noise, scratch), noise, released, scratch);

    private static void Release(
        JobPlan plan, NoisyGrid grid, IPerPatientModel model, ReadOnlySpan<double> parameters, PatientBatch batch,
        NoiseStream noise, Span<long> released, TrainingScratch scratch)
    {
        var sum = scratch.Sum(parameters.Length);
        model.ClippedGradientSum(parameters, batch, plan.Privacy.Clip, sum);
        grid.Release(sum, plan.SecureAggregation.WeightCap, noise, released);
    }

    private static PatientBatch Draw(JobPlan plan, PatientTable patients, NoiseStream noise, TrainingScratch scratch)
    {
        if (plan.Privacy.SamplingRate == 1)
            return PatientBatch.All(patients);
        var drawn = scratch.Order(patients.Units);
        var count = scratch.Sampling(plan.Privacy.SamplingRate).Draw(noise.Words, patients.Units, drawn);
        return PatientBatch.OfUnits(patients, drawn[..count], scratch.Rows(patients.Rows));
    }

    /// <summary>A whole hospital's update as one contribution: clipped to the plan's norm, with this hospital's share
    /// of the noise.</summary>
    /// <param name="update">Of ordinary training; clipped in place. One that is not finite counts as nothing.</param>
    /// <param name="random">The operating system's generator.</param>
    /// <param name="released">As long as <paramref name="update"/>; overwritten.</param>
    public static void ReleaseUpdate(
        JobPlan plan, NoisyGrid grid, Span<double> update, IRandomSource random, Span<long> released)
    {
        NormClipping.Clip(update, plan.Privacy.Clip);
        grid.Release(update, mostUnits: 1, random, released);
    }

    /// <summary>The steps of one round inside a hospital.</summary>
    /// <param name="perPatient">One over the public rate times the public number of patients.</param>
    private sealed class Steps(
        JobPlan plan, NoisyGrid grid, IPerPatientModel model, PatientTable patients, double perPatient,
        NoiseStream noise, double[] start, TrainingScratch scratch) : INoisySteps
    {
        private readonly double _keep = 1 - plan.Training.LearningRate * plan.Training.L2 / plan.Patients;

        public int Count => plan.Training.LocalSteps;

        public double Clip => plan.Privacy.Clip;

        public PatientBatch Next() => Draw(plan, patients, noise, scratch);

        public void Take(PatientBatch batch, Span<double> parameters)
        {
            var released = scratch.Released(parameters.Length);
            var gradient = scratch.Gradient(parameters.Length);
            Release(plan, grid, model, parameters, batch, noise, released, scratch);
            grid.ToReals(released, gradient);
            TensorPrimitives.Multiply(gradient, perPatient, gradient);
            LocalTraining.Step(plan.Training, plan.Patients, model, start, drift: default, parameters, gradient);
        }

        public void Take(ReadOnlySpan<float> sums, Span<float> weights, bool penalised) => grid.Step(
            sums, plan.SecureAggregation.WeightCap, noise, weights, penalised ? _keep : 1,
            plan.Training.LearningRate * perPatient);

        public void Take(ReadOnlySpan<double> sums, Span<float> weights, bool penalised) => grid.Step(
            sums, plan.SecureAggregation.WeightCap, noise, weights, penalised ? _keep : 1,
            plan.Training.LearningRate * perPatient);
    }
}
