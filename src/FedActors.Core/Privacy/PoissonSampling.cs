//  Poisson sampling
//      Every unit takes part in a step independently of all others, with one probability.
//  Source:   Abadi et al., CCS 2016: what the accountants assume. Batches of one size, or shuffled ones, are another
//            mechanism with a weaker bound (Chua et al., ICML 2024).
//  How:      a unit is in where a uniform 64-bit number is below floor(rate 2^64). 64 units at once: bit by bit from
//            the
//            highest, those whose bits so far equal the threshold's stay undecided, which is half of them each time.
//  Size:     about 7 random words for 64 units.
//  Error:    the probability is below the rate by less than 2^-64, never above it.

using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Draws who takes part in a step. Units are patients, not rows.</summary>
public static class PoissonSampling
{
    /// <summary>Overwrites the front of <paramref name="drawn"/> with the units that take part, ascending.</summary>
    /// <param name="rate">In (0, 1]; at 1 all take part, and no randomness is used.</param>
    /// <param name="units">How many there are, at least 0.</param>
    /// <param name="drawn">Room for all of them.</param>
    /// <returns>How many were drawn. It depends on chance alone at a public number of units, but it must not leave the
    /// hospital.</returns>
    /// <exception cref="ArgumentException">The rate is not in (0, 1], or there is no room for all units.</exception>
    public static int Draw(IRandomSource random, double rate, int units, Span<int> drawn)
    {
        if (rate is not (> 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A rate is above 0 and at most 1.");
        if (units < 0 || drawn.Length < units)
            throw new ArgumentException($"{units} units may be drawn, and there is room for {drawn.Length}.",
                nameof(drawn));
        if (rate == 1)
        {
            for (var unit = 0; unit < units; unit++)
                drawn[unit] = unit;
            return units;
        }
        // Scaling by a power of two is exact, and a rate below 1 is at most 1 - 2^-53: the product fits.
        var threshold = (ulong)Math.ScaleB(rate, 64);
        using var words = new RandomWords(random, units / 8L);
        var taken = 0;
        for (var first = 0; first < units; first += 64)
        {
            var left = units - first;
            for (var set = Below(threshold, words)
                & (left >= 64 ? ulong.MaxValue : (1UL << left) - 1); set != 0; set &= set - 1)
                drawn[taken++] = first + BitOperations.TrailingZeroCount(set);
        }
        return taken;
    }

    /// <summary>64 independent answers to whether a uniform 64-bit number is below the threshold.</summary>
    private static ulong Below(ulong threshold, RandomWords words)
    {
        var (below, undecided) = (0UL, ulong.MaxValue);
        for (var bit = 63; bit >= 0 && undecided != 0; bit--)
        {
            var word = words.Next();
            if ((threshold >> bit & 1) == 0)
            {
                undecided &= ~word;
                continue;
            }
            below |= undecided & ~word;
            undecided &= word;
        }
        return below;
    }
}
