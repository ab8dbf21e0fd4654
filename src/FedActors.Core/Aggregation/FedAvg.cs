//  FedAvg
//      next = parameters + mean update, the mean weighted by patients.
//  Source:   McMahan et al., AISTATS 2017, algorithm 1. The server's half of FedProx too: Li et al., MLSys 2020,
//            algorithm 2, whose proximal term is the hospital's.

using System.Numerics.Tensors;

namespace FedActors.Core.Aggregation;

/// <summary>Federated averaging.</summary>
public sealed class FedAvg : IAggregationStrategy
{
    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum)
    {
        NextModel.CheckLengths(parameters, state, sum, stateLength: 0);
        var next = new double[parameters.Length];
        TensorPrimitives.Add(parameters, sum.Mean.Span, next);
        return NextModel.Finite(next);
    }
}
