using MathNet.Numerics;

namespace FedActors.Core.Numerics;

/// <summary>The standard normal distribution, with tails that keep their relative accuracy.</summary>
public static class StandardNormal
{
    /// <summary>1/sqrt(2 pi).</summary>
    public const double DensityAtZero = 0.39894228040143267794;

    /// <summary>Density at <paramref name="x"/>.</summary>
    public static double Density(double x) => DensityAtZero * Math.Exp(-x * x / 2);

    /// <summary>P[X &gt; <paramref name="x"/>].</summary>
    public static double UpperTail(double x) =>
        x > 5 ? Density(x) * MillsRatio(x) : SpecialFunctions.Erfc(x / Constants.Sqrt2) / 2;

    /// <summary>UpperTail(x)/Density(x), finite for x &gt; -37.</summary>
    public static double MillsRatio(double x) => x > 5 ? 1 / (x + Continued(x)) : UpperTail(x) / Density(x);

    /// <summary>1 - x MillsRatio(x), minus the slope of Mills' ratio; above 0.</summary>
    public static double MillsSlope(double x) => x > 5 ? Continued(x) / (x + Continued(x)) : 1 - x * MillsRatio(x);

    /// <summary>
    /// 1/(x+2/(x+3/(x+...))), what Laplace's continued fraction adds to x (Abramowitz and Stegun 26.2.14); beyond 5,
    /// 80 levels reach double precision.
    /// </summary>
    private static double Continued(double x)
    {
        var fraction = x;
        for (var level = 80; level >= 2; level--)
            fraction = x + level / fraction;
        return 1 / fraction;
    }
}
