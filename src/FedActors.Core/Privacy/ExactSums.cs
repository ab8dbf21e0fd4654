//  Exact sums in single precision
//      An accumulator that starts at 1.5 2^k and never leaves [2^k, 2^(k+1)] holds whole units of 2^(k-23). A fused
//      multiply-add rounds its own product to that unit and adds it: a sum is that of the rounded contributions,
//      exactly, in
//      any order.
//  Source:   the constant is Dekker's; that such sums do not depend on order: Demmel, Nguyen, "Parallel reproducible
//            summation", IEEE Trans. Computers 2015.
//  Size:     nothing beside the sum.
//  Error:    half a unit a coordinate and contribution, at most clip 2^-15; the clip is lowered by what that can add to
//            a
//            norm.
//  Proof:    ExactSums.md

using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Adds clipped gradients in single precision so that one of them moves the sum by no more than the
/// clip.</summary>
internal readonly struct ExactSums
{
    /// <summary>Contributions of one sum; more of them are added up in double precision.</summary>
    public const int MostRows = 128;

    /// <summary>Coordinates at most: beyond, rounding would take a quarter of the clip and more.</summary>
    public const int MostDimension = 1 << 26;

    // A factor below this would be rounded coarsely: what is so far beyond the clip counts as nothing.
    private const double LeastFactor = 1e-30;

    private const double Most = 1L << 60;

    private readonly int _dimension;
    private readonly double _clip;

    /// <param name="clip">Norm of a contribution at most, rounding included; from 2^-60 to 2^60.</param>
    /// <param name="dimension">Coordinates, at most <see cref="MostDimension"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Outside these.</exception>
    public ExactSums(double clip, int dimension)
    {
        if (!(clip >= 1 / Most) || clip > Most)
            throw new ArgumentOutOfRangeException(nameof(clip), clip,
                "A clip in single precision is from 2^-60 to 2^60.");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimension, MostDimension);
        // 2^(k-1) holds as many clips as there are contributions.
        var k = Math.ILogB(MostRows) + 1 + Math.ILogB(clip) + (Math.ScaleB(1, Math.ILogB(clip)) < clip ? 1 : 0);
        Unit = Math.ScaleB(1, k - 23);
        Start = (float)Math.ScaleB(1.5, k);
        _dimension = dimension;
        _clip = (clip - Math.Sqrt(dimension) * Unit / 2) * (1 - 1.0 / (1 << 20));
    }

    /// <summary>What an accumulator starts from, and what is taken off at the end.</summary>
    public float Start { get; }

    /// <summary>Contributions are whole multiples of it.</summary>
    public double Unit { get; }

    /// <summary>
    /// What the second factors of a contribution's products go to <see cref="ActivationKernels.ScaleToOdd"/> with; 0
    /// where it counts as nothing.
    /// </summary>
    /// <param name="norm">Of the contribution, as computed in double precision.</param>
    public float Factor(double norm)
    {
        var factor = NormClipping.Factor(norm, _clip, _dimension);
        return factor < LeastFactor ? 0 : (float)factor;
    }
}
