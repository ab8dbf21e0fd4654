//  FedAdam, FedYogi, FedAdagrad
//      m = beta1 m + (1 - beta1) u        u the mean update
//      v = v + u²                                        FedAdagrad
//      v = v - (1 - beta2) u² sign(v - u²)               FedYogi
//      v = beta2 v + (1 - beta2) u²                      FedAdam
//      next = parameters + rate m / (sqrt(v) + tau)
//  Source:   Reddi et al., "Adaptive Federated Optimization", ICLR 2021, algorithm 2; v starts at tau², its least
//            allowed,
//            and FedAdagrad has beta1 = 0, as in the paper's section 5.
//  State:    m, from zero (none where beta1 = 0), then v: 2d or d numbers.

namespace FedActors.Core.Aggregation;

/// <summary>How the second moment follows the squared updates.</summary>
public enum SecondMoment
{
    /// <summary>Their sum.</summary>
    Adagrad,

    /// <summary>An average that moves by at most its share of the update.</summary>
    Yogi,

    /// <summary>A moving average.</summary>
    Adam,
}

/// <summary>Adaptive optimisers at the server, with each coordinate's step divided by the size of its past
/// updates.</summary>
/// <param name="moment">Which of the three.</param>
/// <param name="rate">Step of the server, above 0.</param>
/// <param name="beta1">In [0, 1).</param>
/// <param name="beta2">In [0, 1).</param>
/// <param name="tau">Degree of adaptivity, above 0.</param>
public sealed class FederatedAdaptive(SecondMoment moment, double rate, double beta1, double beta2, double tau)
    : IAggregationStrategy
{
    /// <inheritdoc />
    public double[] FirstState(int parameters)
    {
        var state = new double[parameters * (HasMomentum ? 2 : 1)];
        state.AsSpan(state.Length - parameters).Fill(tau * tau);
        return state;
    }

    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum)
    {
        var d = parameters.Length;
        NextModel.CheckLengths(parameters, state, sum, d * (HasMomentum ? 2 : 1));
        var update = sum.Mean.Span;
        var second = state[^d..];
        var next = new double[d];
        for (var i = 0; i < d; i++)
        {
            var m = update[i];
            if (HasMomentum)
                m = state[i] = beta1 * state[i] + (1 - beta1) * m;
            second[i] = Second(second[i], update[i] * update[i]);
            next[i] = parameters[i] + rate * m / (Math.Sqrt(second[i]) + tau);
        }
        return NextModel.Finite(next);
    }

    private bool HasMomentum => beta1 > 0;

    private double Second(double v, double square) => moment switch
    {
        SecondMoment.Adagrad => v + square,
        SecondMoment.Yogi => v > square ? v - (1 - beta2) * square : v < square ? v + (1 - beta2) * square : v,
        _ => beta2 * v + (1 - beta2) * square,
    };
}
