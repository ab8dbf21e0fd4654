//  Clipping to a Euclidean norm
//      Shrinks one unit's contribution until its norm is at most the clip; what cannot be measured contributes nothing.
//  Source:   Abadi et al., "Deep learning with differential privacy", CCS 2016, Algorithm 1.
//  Size:     in place.
//  Error:    the exact norm of the result is at most the clip, rounding of the computed norm included; a contribution
//            that
//            is shrunk ends within a relative (d + 8) 2^-52 below it.

using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Bounds what one unit can add to a sum, whatever its data are.</summary>
public static class NormClipping
{
    private const double MinNormal = 2.2250738585072014e-308;

    /// <summary>
    /// The factor in (0, 1] that brings a contribution of this norm to the clip, or 0 where the norm is not a finite
    /// number.
    /// </summary>
    /// <param name="norm">As computed from <paramref name="dimension"/> squares; its rounding is allowed for.</param>
    /// <param name="clip">Above 0, finite, in the contribution's units.</param>
    /// <param name="dimension">Summands of the norm, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The clip or the dimension is not such a number.</exception>
    public static double Factor(double norm, double clip, int dimension)
    {
        var safe = Safe(clip, dimension);
        if (!double.IsFinite(norm) || norm < 0)
            return 0;
        return norm <= safe ? 1 : safe / norm;
    }

    /// <summary>The same of each lane.</summary>
    internal static Vector512<double> Factor(Vector512<double> norms, double clip, int dimension)
    {
        var safe = Vector512.Create(Safe(clip, dimension));
        var factor = Vector512.ConditionalSelect(
            Vector512.LessThanOrEqual(norms, safe), Vector512<double>.One, safe / norms);
        // No comparison holds of what is not a number.
        return factor & Vector512.GreaterThanOrEqual(norms, Vector512<double>.Zero)
            & Vector512.LessThanOrEqual(norms, Vector512.Create(double.MaxValue));
    }

    // A sum of d squares is off by (d + 2)/2 units in the last place of its root at most, each product by one more.
    private static double Safe(double clip, int dimension)
    {
        RequireClip(clip);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        return clip * (1 - (dimension + 8.0) * 2.2204460492503131e-16);
    }

    /// <summary>Clips <paramref name="contribution"/> in place.</summary>
    /// <returns>False where a coordinate is not finite: then all of them are set to 0.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The clip is not a finite number above 0.</exception>
    public static bool Clip(Span<double> contribution, double clip)
    {
        RequireClip(clip);
        if (contribution.IsEmpty)
            return true;
        // Squares of coordinates beyond 1e154 or below 1e-154 leave the range of doubles: measure in units of the
        // largest.
        var largest = TensorPrimitives.MaxMagnitude<double>(contribution);
        if (!double.IsFinite(largest))
        {
            contribution.Clear();
            return false;
        }
        largest = Math.Abs(largest);
        if (largest == 0)
            return true;
        var unit = Math.ScaleB(1, Math.Clamp(Math.ILogB(largest), -1000, 1000));
        if (clip / unit < MinNormal)
        {
            // Beyond the clip by 300 digits: nothing is left of it.
            contribution.Clear();
            return true;
        }
        TensorPrimitives.Divide(contribution, unit, contribution);
        var factor =
            Factor(Math.Sqrt(EightLanes.Dot(contribution, contribution)), Math.Min(clip / unit, double.MaxValue),
                contribution.Length);
        // factor * unit may overflow where the norm is far beyond the clip, so the two are applied one after the other.
        TensorPrimitives.Multiply(contribution, factor, contribution);
        TensorPrimitives.Multiply(contribution, unit, contribution);
        return true;
    }

    private static void RequireClip(double clip)
    {
        if (!(clip > 0) || !double.IsFinite(clip))
            throw new ArgumentOutOfRangeException(nameof(clip), clip, "A clip is a finite number above 0.");
    }
}
