using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>
/// ln r(t) = ln(1 - q + q exp((t - 1/(2 sigma))/sigma)): the log likelihood ratio of a Poisson-sampled Gaussian at
/// x = sigma t, increasing in t, and its inverse.
/// </summary>
internal readonly struct SampledGaussianLoss(double rate, double noise)
{
    /// <summary>r - 1, and ln r.</summary>
    public (double Excess, double LogRatio) At(double t)
    {
        var exponent = (t - 1 / (2 * noise)) / noise;
        var excess = rate * StableMath.Expm1(exponent);
        return (excess, exponent <= 30
            ? StableMath.Log1p(excess)
            : Math.Log(rate) + exponent + StableMath.Log1p((1 - rate) / rate * Math.Exp(-exponent)));
    }

    /// <summary>The t at which ln r is <paramref name="logRatio"/>; -infinity where it is always above.</summary>
    public double Inverse(double logRatio)
    {
        if (logRatio > 30)
            return noise * (logRatio - Math.Log(rate) + StableMath.Log1p(-(1 - rate) * Math.Exp(-logRatio))) + 1
                / (2 * noise);
        var ratio = StableMath.Expm1(logRatio) / rate;
        return ratio <= -1 ? double.NegativeInfinity : noise * StableMath.Log1p(ratio) + 1 / (2 * noise);
    }
}
