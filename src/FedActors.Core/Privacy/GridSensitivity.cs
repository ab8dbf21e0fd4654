namespace FedActors.Core.Privacy;

/// <summary>How far rounding to the integer grid lets one unit move a sum. Grid units.</summary>
public static class GridSensitivity
{
    /// <summary>
    /// The Euclidean norm of a vector of norm <paramref name="l2"/> after its coordinates are rounded at random to one
    /// of their two neighbouring integers. Source: Kairouz, Liu, Steinke, ICML 2021 (arXiv 2102.06387), Theorem 1.
    /// </summary>
    /// <param name="l2">Norm before rounding, above 0.</param>
    /// <param name="dimension">Coordinates, at least 1.</param>
    /// <param name="beta">
    /// 0: whatever is rounded, the norm holds. In (0, 1): roundings of a larger norm are drawn again, which biases the
    /// sum a little and happens with a probability of at most beta.
    /// </param>
    public static double RoundedL2(double l2, int dimension, double beta = 0)
    {
        if (!(l2 > 0) || dimension < 1 || beta is not (>= 0 and < 1))
            throw new ArgumentException($"A norm above 0, a dimension of at least 1 and a beta in [0, 1) are needed.");
        var always = l2 + Math.Sqrt(dimension);
        if (beta == 0)
            return always;
        var conditional = l2 * l2 + dimension / 4.0 + Math.Sqrt(2 * Math.Log(1 / beta)) * (l2 + Math.Sqrt(dimension) / 2);
        return Math.Min(always, Math.Sqrt(conditional));
    }

    /// <summary>Sum of absolute coordinates of an integer vector: at most sqrt(d) times its norm, and at most the norm squared.</summary>
    public static double L1(double roundedL2, int dimension) => roundedL2 * Math.Min(Math.Sqrt(dimension), roundedL2);
}
