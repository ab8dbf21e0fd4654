//  FedAvgM
//      v = momentum * v + mean update;  next = parameters + rate * v.
//  Source:   Hsu, Qi, Brown, "Measuring the Effects of Non-Identical Data Distribution for Federated Visual
//            Classification", arXiv:1909.06335, section 4.3; there the update is parameters minus local model, here its
//            negative.
//  State:    v, d numbers, from zero.

using System.Numerics.Tensors;

namespace FedActors.Core.Aggregation;

/// <summary>Federated averaging with momentum at the server.</summary>
/// <param name="rate">Step of the server, above 0.</param>
/// <param name="momentum">In [0, 1).</param>
public sealed class FedAvgM(double rate, double momentum) : IAggregationStrategy
{
    /// <inheritdoc />
    public double[] FirstState(int parameters) => new double[parameters];

    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum)
    {
        NextModel.CheckLengths(parameters, state, sum, parameters.Length);
        TensorPrimitives.MultiplyAdd(state, momentum, sum.Mean.Span, state);
        var next = new double[parameters.Length];
        TensorPrimitives.MultiplyAdd(state, rate, parameters, next);
        return NextModel.Finite(next);
    }
}
