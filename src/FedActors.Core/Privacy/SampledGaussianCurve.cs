//  One Poisson-sampled Gaussian release
//      Its exact (epsilon, delta) curve, from that of the same release without sampling.
//  Source:   Li, Qardaji, Su, ASIACCS 2012, and Balle, Barthe, Gaboardi, NeurIPS 2018, Theorem 8, tight for a unit that is added
//            or removed: delta at ln(1 + q (e^epsilon - 1)) is q times the delta at epsilon without sampling.
//  Error:    rounded up, by a relative 1e-12 at most beyond AnalyticGaussian.

using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>A single release at a rate below 1: no grid, whatever the size of delta.</summary>
/// <param name="rate">In (0, 1).</param>
/// <param name="noise">The noise multiplier.</param>
internal readonly struct SampledGaussianCurve(double rate, double noise)
{
    private const double RoundUp = 1 + 1e-12;

    /// <summary>The least epsilon at <paramref name="delta"/>, at least 0.</summary>
    public double Epsilon(double delta)
    {
        if (delta >= rate)
            return 0;
        var whole = AnalyticGaussian.Epsilon(1 / noise, delta / rate);
        return RoundUp * (whole > 30 ? whole + Math.Log(rate + (1 - rate) * Math.Exp(-whole)) : StableMath.Log1p(rate * StableMath.Expm1(whole)));
    }

    /// <summary>The least delta at <paramref name="epsilon"/>.</summary>
    public double Delta(double epsilon)
    {
        // e^epsilon - 1 + rate, over rate.
        var whole = epsilon > 30
            ? epsilon - Math.Log(rate) + StableMath.Log1p(-(1 - rate) * Math.Exp(-epsilon))
            : StableMath.Log1p(StableMath.Expm1(epsilon) / rate);
        return Math.Min(rate, RoundUp * rate * AnalyticGaussian.Delta(whole * (1 - 1e-15), 1 / noise));
    }
}
