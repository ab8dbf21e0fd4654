//  Analytic Gaussian mechanism
//      The exact (epsilon, delta) curve of Gaussian noise on a sum of sensitivity 1, and its inversion.
//  Source:   Balle, Wang, "Improving the Gaussian mechanism for differential privacy", ICML 2018, Theorem 8.
//            With mu = 1/sigma, b = epsilon/mu - mu/2, a = b + mu and Mills' ratio R:
//            delta = Phi(-b) - e^epsilon Phi(-a) = phi(b) (R(b) - R(a)), and R(b) - R(a) = integral of 1 - x R(x) from
//            b to a,
//            which loses nothing where mu is small.
//  Error:    sigma, epsilon and delta are rounded up, by a relative 1e-13 at most beyond double rounding (epsilon near
//            0: 1e-13 mu).

using FedActors.Core.Numerics;
using MathNet.Numerics.Integration;

namespace FedActors.Core.Privacy;

/// <summary>Noise of standard deviation sigma on a sum that one unit moves by at most 1, released once without
/// sampling.</summary>
public static class AnalyticGaussian
{
    private const double RoundUp = 1 + 5.7e-14;

    private static readonly GaussLegendreRule Rule = new(0, 1, 12);

    /// <summary>The least sigma that is (<paramref name="epsilon"/>, <paramref name="delta"/>)-private.</summary>
    /// <exception cref="FaultException">A target is outside <see cref="PrivacyRange"/>.</exception>
    public static double Sigma(double epsilon, double delta)
    {
        PrivacyRange.Require([.. PrivacyRange.Epsilon(epsilon), .. PrivacyRange.Delta(delta)]);
        var target = Math.Log(delta);
        var (low, high) = (1.0, 1.0);
        while (LogDelta(epsilon, 1 / low) <= target)
            low /= 2;
        while (LogDelta(epsilon, 1 / high) > target)
            high *= 2;
        return BracketedRoot.NotAbove(sigma => LogDelta(epsilon, 1 / sigma) - target, low, high, 1e-15) * RoundUp;
    }

    /// <summary>The least epsilon at <paramref name="delta"/>, at least 0.</summary>
    /// <param name="mu">1/sigma; several releases of noise sigma_i are one of mu = sqrt(sum of 1/sigma_i^2). Above
    /// 0.</param>
    /// <exception cref="FaultException">Delta is not in (0, 1).</exception>
    public static double Epsilon(double mu, double delta)
    {
        PrivacyRange.Require(PrivacyRange.Delta(delta));
        RequireMu(mu);
        var target = Math.Log(delta);
        if (LogDelta(0, mu) <= target)
            return 0;
        var high = mu * mu / 2 + mu * Math.Sqrt(-2 * target);
        while (LogDelta(high, mu) > target)
            high *= 2;
        return BracketedRoot.NotAbove(epsilon => LogDelta(epsilon, mu) - target, 0, high, 1e-15) * RoundUp + 1e-13 * mu;
    }

    /// <summary>The least delta at <paramref name="epsilon"/> ≥ 0.</summary>
    /// <param name="mu">As for <see cref="Epsilon"/>.</param>
    public static double Delta(double epsilon, double mu)
    {
        if (!(epsilon >= 0))
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "An epsilon is at least 0.");
        RequireMu(mu);
        // b is off by a few units in the last place of epsilon/mu and of mu, and delta by b times that.
        var (b, larger) = (epsilon / mu - mu / 2, epsilon / mu + mu / 2);
        return Math.Min(1, Math.Exp(LogDelta(epsilon, mu)) * (RoundUp + 4.5e-16 * Math.Abs(b) * larger));
    }

    private static double LogDelta(double epsilon, double mu)
    {
        var b = epsilon / mu - mu / 2;
        var a = epsilon / mu + mu / 2;
        if (mu >= 1 && b < 0)
            return Math.Log(StandardNormal.UpperTail(b) - StandardNormal.Density(b) * StandardNormal.MillsRatio(a));
        var difference = mu >= 1
            ? StandardNormal.MillsRatio(b) - StandardNormal.MillsRatio(a)
            : mu * Enumerable.Range(0, Rule.Order)
                .Sum(i => Rule.Weights[i] * StandardNormal.MillsSlope(b + mu * Rule.Abscissas[i]));
        return -b * b / 2 + Math.Log(StandardNormal.DensityAtZero * difference);
    }

    private static void RequireMu(double mu)
    {
        if (mu is not (> 0 and < 1e9))
            throw new ArgumentOutOfRangeException(nameof(mu), mu, "mu = 1/sigma is above 0 and below 1e9.");
    }
}
