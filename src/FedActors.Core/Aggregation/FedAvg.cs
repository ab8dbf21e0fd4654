//  FedAvg
//      next = parameters + mean update, the mean weighted by patients.
//  Source:   McMahan et al., AISTATS 2017, algorithm 1.

using System.Numerics.Tensors;

namespace FedActors.Core.Aggregation;

/// <summary>Federated averaging.</summary>
public sealed class FedAvg : IAggregationStrategy
{
    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, AggregatedUpdate sum)
    {
        if (sum.Mean.Length != parameters.Length)
            throw new ArgumentException($"A mean of {sum.Mean.Length} does not update {parameters.Length} parameters.", nameof(sum));
        var next = new double[parameters.Length];
        TensorPrimitives.Add(parameters, sum.Mean.Span, next);
        return TensorPrimitives.IsFiniteAll<double>(next) ? next : throw NextModel.NotFinite();
    }
}
