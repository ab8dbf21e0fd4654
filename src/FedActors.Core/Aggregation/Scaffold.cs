//  SCAFFOLD
//      hospital i, K steps:    y -= eta (g_i(y) - c_i + c)
//                              c_i' = c_i - c + (x - y) / (K eta)
//      server:                 x' = x + rate * mean(y - x)
//                              c' = c + sum over survivors of w_i (c_i' - c_i),  w_i the hospital's share of all
//                              patients
//  Source:   Karimireddy et al., ICML 2020, algorithm 1 with option II; means weighted by patients, as the objective
//            is.
//  One sum:  c_i' - c_i = -c - (y - x)/(K eta) holds nothing but public numbers and the update, the same K and eta for
//  all. So
//            the control's sum follows from the updates' sum, and none of it is sent a second time: half the bytes,
//            nothing
//            more for a secure sum to hide, and whatever protects the update protects the control.
//  Keeps:    the server's c = sum of w_i c_i over all hospitals, up to the rounding of the sum's fixed point, because a
//            hospital
//            makes c_i' from the update as it is sent: after saturation.
//  State:    c, d numbers, from zero. A hospital keeps c_i, from zero.

using System.Numerics.Tensors;

namespace FedActors.Core.Aggregation;

/// <summary>Stochastic controlled averaging: corrects each hospital's drift by what it and the federation moved
/// before.</summary>
public sealed class Scaffold : IAggregationStrategy
{
    private readonly double _rate;
    private readonly double _drift;
    private readonly double _patients;

    /// <param name="rate">Step of the server, above 0.</param>
    /// <param name="localSteps">K, at least 1.</param>
    /// <param name="localRate">eta, above 0.</param>
    /// <param name="patients">Training patients over all hospitals, at least 1.</param>
    public Scaffold(double rate, int localSteps, double localRate, long patients)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patients, 1);
        (_rate, _drift, _patients) = (rate, -1 / (localSteps * localRate), patients);
    }

    /// <inheritdoc />
    public double[] FirstState(int parameters) => new double[parameters];

    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum)
    {
        NextModel.CheckLengths(parameters, state, sum, parameters.Length);
        var share = sum.Weight / _patients;
        var mean = sum.Mean.Span;
        var next = new double[parameters.Length];
        for (var i = 0; i < next.Length; i++)
        {
            next[i] = parameters[i] + _rate * mean[i];
            state[i] += share * (_drift * mean[i] - state[i]);
        }
        return NextModel.Finite(next);
    }

    /// <summary>A hospital's control after a round.</summary>
    /// <param name="own">c_i; overwritten with c_i'.</param>
    /// <param name="server">c, as the round's model carries it.</param>
    /// <param name="sent">The update as it leaves the hospital.</param>
    /// <param name="localSteps">K.</param>
    /// <param name="localRate">eta.</param>
    public static void Advance(
        Span<double> own, ReadOnlySpan<double> server, ReadOnlySpan<double> sent, int localSteps, double localRate)
    {
        TensorPrimitives.Subtract(own, server, own);
        TensorPrimitives.MultiplyAdd(sent, -1 / (localSteps * localRate), own, own);
    }
}
