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
        var conditional = l2 * l2 + dimension / 4.0 + Math.Sqrt(2 * Math.Log(1 / beta))
            * (l2 + Math.Sqrt(dimension) / 2);
        return Math.Min(always, Math.Sqrt(conditional));
    }

    /// <summary>
    /// How far one unit moves a sum of clipped contributions that was added up in doubles: every addition rounds, and
    /// the rounding of all later ones may differ. With u = 2^-53, the computed sum of n contributions of norm at most c
    /// is within n u n c of the exact one, one more rounding each for scaling to the grid included in (n + 2)^2, and
    /// that twice, for each of the two neighbours. Source: Higham, "Accuracy and Stability of Numerical Algorithms",
    /// 2002, (4.4); the attack it closes: Casacuberta, Shoemate, Vadhan, Wagaman, "Widespread underestimation of
    /// sensitivity", CCS 2022.
    /// </summary>
    /// <param name="clip">Norm of one contribution at most, above 0.</param>
    /// <param name="mostUnits">Units in a sum at most: a public bound, at least 1, at most 2^25.</param>
    public static double Summed(double clip, int mostUnits)
    {
        if (!(clip > 0) || mostUnits is < 1 or > 1 << 25)
            throw new ArgumentException("A clip above 0 and a bound on the units from 1 to 2^25 are needed.");
        var roundings = mostUnits + 2.0;
        return clip * (1 + roundings * roundings * 2.2204460492503131e-16);
    }

    /// <summary>Sum of absolute coordinates of an integer vector: at most sqrt(d) times its norm, and at most the norm
    /// squared.</summary>
    public static double L1(double roundedL2, int dimension) => roundedL2 * Math.Min(Math.Sqrt(dimension), roundedL2);
}
