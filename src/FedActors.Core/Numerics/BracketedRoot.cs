namespace FedActors.Core.Numerics;

/// <summary>
/// Root of a monotone function inside a bracket: inverse quadratic steps where they are safe, halving where not.
/// Source: Chandrupatla, Advances in Engineering Software 28 (1997).
/// </summary>
public static class BracketedRoot
{
    /// <summary>
    /// The end of the last bracket at which <paramref name="function"/> is at most 0; the other end, where it is above
    /// 0, is within a relative <paramref name="tolerance"/>. The answer was evaluated, not interpolated.
    /// </summary>
    /// <param name="function">Changes sign once between the ends.</param>
    /// <param name="above">An end where the function is above 0.</param>
    /// <param name="notAbove">An end where it is at most 0; may be the larger or the smaller of the two.</param>
    /// <param name="tolerance">Relative, at least 1e-15.</param>
    public static double NotAbove(Func<double, double> function, double above, double notAbove, double tolerance)
    {
        var (a, b) = (above, notAbove);
        var (fa, fb) = (function(a), function(b));
        if (!(fa > 0) || !(fb <= 0))
            throw new ArgumentException(
                $"The function is {fa} at {a} and {fb} at {b}: above 0 and at most 0 are needed.");

        var t = 0.5;
        for (var evaluations = 0; Math.Abs(b - a) > tolerance * Math.Max(Math.Abs(a), Math.Abs(b))
            && evaluations < 300; evaluations++)
        {
            var x = a + t * (b - a);
            if (x == a || x == b)
                break;
            var fx = function(x);
            // c is the end that is given up, or the one before it.
            var (c, fc) = fx > 0 == fa > 0 ? (a, fa) : (b, fb);
            if (fx > 0 != fa > 0)
                (b, fb) = (a, fa);
            (a, fa) = (x, fx);

            var (xi, phi) = ((a - b) / (c - b), (fa - fb) / (fc - fb));
            t = phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi
                ? fa / (fb - fa) * (fc / (fb - fc)) + (c - a) / (b - a) * (fa / (fc - fa)) * (fb / (fc - fb))
                : 0.5;
            var least = Math.Min(0.5, tolerance * Math.Max(Math.Abs(a), Math.Abs(b)) / (2 * Math.Abs(b - a)));
            t = double.IsNaN(t) ? 0.5 : Math.Clamp(t, least, 1 - least);
        }
        return fa <= 0 ? a : b;
    }
}
