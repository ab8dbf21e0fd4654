using System.Numerics.Tensors;

namespace FedActors.Core.Aggregation;

/// <summary>What every strategy asks of what it is given, and of the model it gives back.</summary>
internal static class NextModel
{
    public static void CheckLengths(
        ReadOnlySpan<double> parameters, ReadOnlySpan<double> state, AggregatedUpdate sum, int stateLength)
    {
        if (sum.Mean.Length != parameters.Length)
            throw new ArgumentException($"A mean of {sum.Mean.Length} does not update {parameters.Length} parameters.",
                nameof(sum));
        if (state.Length != stateLength)
            throw new ArgumentException($"A state of {state.Length} where the strategy keeps {stateLength}.",
                nameof(state));
    }

    /// <exception cref="FaultException">FA-4004: a weight is not finite.</exception>
    public static double[] Finite(double[] next) =>
        TensorPrimitives.IsFiniteAll<double>(next) ? next : throw NotFinite();

    public static FaultException NotFinite() => new(ExitCode.Failed, new Fault(
        FaultNumber.NotFinite,
        "The next model has weights that are not finite: training has diverged.",
        "",
        "Lower training.learning-rate or training.local-steps, or check the scaling of the features."));
}
