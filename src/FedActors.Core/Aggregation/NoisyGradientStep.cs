//  From a noisy sum to an update
//      patient-distributed: update = -rate * (clip / q * mean + (l2 / N) w), mean the sum of the hospitals' clipped
//      gradients with
//      noise over their public patients, in clips. hospital: update = clip * mean over the hospitals in the sum.
//  Source:   Abadi et al., CCS 2016, Algorithm 1, the divisor public. All of it follows from what was released.

using System.Numerics.Tensors;
using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Core.Aggregation;

/// <summary>
/// Hands another strategy the update that a noisy sum amounts to, so that momentum or an adaptive optimiser only ever
/// sees what was released.
/// </summary>
public sealed class NoisyGradientStep(JobPlan plan, IModel model, IAggregationStrategy inner) : IAggregationStrategy
{
    /// <inheritdoc />
    public double[] FirstState(int parameters) => inner.FirstState(parameters);

    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum)
    {
        if (sum.Mean.Length != parameters.Length)
            throw new ArgumentException($"A mean of {sum.Mean.Length} does not update {parameters.Length} parameters.",
                nameof(sum));
        var update = new double[parameters.Length];
        if (plan.Privacy.Mode == PrivacyMode.Hospital)
        {
            TensorPrimitives.Multiply(sum.Mean.Span, plan.Privacy.Clip, update);
            return inner.Next(parameters, state, sum with { Mean = update });
        }
        TensorPrimitives.Multiply(sum.Mean.Span, plan.Privacy.Clip / plan.Privacy.SamplingRate, update);
        var decay = plan.Training.L2 / plan.Patients;
        foreach (var view in model.Views)
        {
            var into = update.AsSpan(view.Offset, view.Length);
            if (view.Penalised)
                TensorPrimitives.MultiplyAdd(parameters.Slice(view.Offset, view.Length), decay, into, into);
        }
        TensorPrimitives.Multiply(update, -plan.Training.LearningRate, update);
        return inner.Next(parameters, state, sum with { Mean = update });
    }
}
