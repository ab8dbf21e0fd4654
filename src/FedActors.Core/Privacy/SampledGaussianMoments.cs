//  Moments of the likelihood ratio of a Poisson-sampled Gaussian
//      r(x) = 1 - q + q exp((2x - 1)/(2 sigma^2)) for x ~ N(0, sigma^2); all accounting needs E[r^s] and nothing else:
//      s = alpha for the Renyi divergence, s = lambda + 1 and s = -lambda for the two directions of the privacy loss.
//  Source:   Mironov, Talwar, Zhang, "Renyi differential privacy of the sampled Gaussian mechanism" (2019), 3.3.
//            Integer s: their binomial sum, with the terms that add up to 1 taken out, so that all summands are
//            positive. Other s: the trapezoidal rule on E[(1+u)^s - 1 - s u], u = r - 1, E[u] = 0, whose integrand is
//            of one sign; analytic in a strip of half-width pi sigma, hence geometric convergence (Trefethen,
//            Weideman, SIAM Review 56 (2014)).
//  Error:    ln E[r^s] within a relative 2^-40 for s in (1, 11] and for integers up to 1024; checked against
//            quadrature with 40 digits.

using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>ln E[r^s] for one sampling rate and one noise multiplier.</summary>
internal sealed class SampledGaussianMoments
{
    /// <summary>The stated relative error of a logarithm of a moment.</summary>
    public const double RelativeError = 9.094947017729282e-13;

    private const double HalfWidth = 13;

    private readonly double _rate;
    private readonly double _sigma;
    private readonly double _spacing;
    private readonly SampledGaussianLoss _loss;

    private (double HalfSquare, double Excess, double LogRatio)[] _nodes = [];
    private int _first;

    public SampledGaussianMoments(double rate, double noise)
    {
        (_rate, _sigma) = (rate, noise);
        _spacing = Math.Min(noise / 4, 0.5);
        _loss = new SampledGaussianLoss(rate, noise);
    }

    /// <summary>ln E[r^s], 0 at s = 0 and s = 1; negative between them and positive elsewhere.</summary>
    public double LogMoment(double s)
    {
        if (_rate == 1)
            return s * (s - 1) / (2 * _sigma * _sigma);
        return s >= 2 && s <= 4096 && s == Math.Floor(s) ? Binomial((int)s) : Quadrature(s);
    }

    private double Binomial(int s) =>
        BinomialExcess.LogMoment(_rate, s, k => LogExpm1(k * (k - 1.0) / (2 * _sigma * _sigma)));

    private double Quadrature(double s)
    {
        // In units of sigma the integrand's peaks are one wide and lie between 0, s/sigma and, where u is small,
        // 2/sigma; where s < 0, r >= 1 - q keeps them within the root of what that can outweigh.
        var left = s < 0 ? Math.Min(-s / _sigma, Math.Sqrt(2 * s * StableMath.Log1p(-_rate))) : 0;
        var nodes = Nodes(
            (int)Math.Floor((-left - HalfWidth) / _spacing),
            (int)Math.Ceiling((Math.Max(2, s) / _sigma + HalfWidth) / _spacing));

        var peak = double.NegativeInfinity;
        foreach (var (halfSquare, _, logRatio) in nodes)
            peak = Math.Max(peak, s * logRatio - halfSquare);

        var sum = 0.0;
        var scale = _spacing * StandardNormal.DensityAtZero;
        if (peak < 500)
        {
            foreach (var (halfSquare, excess, logRatio) in nodes)
                if (Math.Max(0, s * logRatio) - halfSquare > peak - 120)
                    sum += s * logRatio > 40
                        ? Math.Exp(s * logRatio - halfSquare)
                        : Math.Exp(-halfSquare) * Curvature(s, excess, logRatio);
            return StableMath.Log1p(scale * sum);
        }
        foreach (var (halfSquare, _, logRatio) in nodes)
            if (s * logRatio - halfSquare - peak is > -60 and var exponent)
                sum += Math.Exp(exponent);
        return peak + Math.Log(scale * sum);
    }

    /// <summary>(1 + u)^s - 1 - s u.</summary>
    private static double Curvature(double s, double u, double logRatio)
    {
        if (Math.Abs(u) > 0.05 || Math.Abs(s * u) > 0.5)
            return StableMath.Expm1(s * logRatio) - s * u;
        var term = s * (s - 1) / 2 * u * u;
        var sum = term;
        for (var k = 3; Math.Abs(term) > 1e-18 * Math.Abs(sum); k++)
        {
            term *= (s - k + 1) / k * u;
            sum += term;
        }
        return sum;
    }

    /// <summary>(t^2/2, u, ln(1 + u)) at t = spacing * (first..last), x = sigma t; kept for the next order.</summary>
    private ReadOnlySpan<(double HalfSquare, double Excess, double LogRatio)> Nodes(int first, int last)
    {
        var known = _first + _nodes.Length - 1;
        if (_nodes.Length == 0 || first < _first || last > known)
        {
            if (_nodes.Length > 0)
                (first, last) = (Math.Min(first, _first), Math.Max(last, known));
            (_first, _nodes) = (first, [.. Enumerable.Range(first, last - first + 1).Select(Node)]);
        }
        return _nodes.AsSpan(first - _first, last - first + 1);
    }

    private (double HalfSquare, double Excess, double LogRatio) Node(int index)
    {
        var t = index * _spacing;
        var (excess, logRatio) = _loss.At(t);
        return (t * t / 2, excess, logRatio);
    }

    /// <summary>ln(e^x - 1) for x above 0.</summary>
    private static double LogExpm1(double x) => x > 40 ? x : Math.Log(StableMath.Expm1(x));
}
