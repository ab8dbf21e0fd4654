//  Poisson sampling
//      Every unit takes part in a step independently of all others, with one probability.
//  Source:   Abadi et al., CCS 2016: what the accountants assume. Batches of one size, or shuffled ones, are another
//            mechanism with a weaker bound (Chua et al., ICML 2024).
//  How:      q = floor(rate 2^64)/2^64. From where the last unit was taken, g units are passed over before the next
//            with probability q (1 - q)^g; that, or that the next 254 are all passed over, is drawn from an exact table
//            (DyadicTable). A geometric variable has no memory, so units are independent.
//  Size:     16 random bits for each unit taken, and for 254 that are not.
//  Error:    the probability is below the rate by less than 2^-64, never above it.
//  Proof:    PoissonSampling.md

using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Draws who takes part in a step. Units are patients, not rows. Immutable; may be shared by
/// threads.</summary>
public sealed class PoissonSampling
{
    /// <summary>Units that one word of the table passes over at most.</summary>
    private const int Stretch = 254;

    private readonly DyadicTable? _gaps;

    /// <param name="rate">In (0, 1]; at 1 all take part, and no randomness is used.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not in (0, 1].</exception>
    public PoissonSampling(double rate)
    {
        if (rate is not (> 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A rate is above 0 and at most 1.");
        Rate = rate;
        // Scaling by a power of two is exact, and a rate below 1 is at most 1 - 2^-53: the product fits.
        if (rate < 1)
            _gaps = new DyadicTable(bits => Gaps((ulong)Math.ScaleB(rate, 64), bits));
    }

    /// <summary>With which each unit takes part.</summary>
    public double Rate { get; }

    /// <summary>How long the gaps between two units are; none at rate 1.</summary>
    internal DyadicTable? Table => _gaps;

    /// <summary>Overwrites the front of <paramref name="drawn"/> with the units that take part, ascending.</summary>
    /// <param name="units">How many there are, at least 0.</param>
    /// <param name="drawn">Room for all of them.</param>
    /// <returns>How many were drawn. It depends on chance alone at a public number of units, but it must not leave the
    /// hospital.</returns>
    /// <exception cref="ArgumentException">There is no room for all units.</exception>
    public int Draw(IRandomSource random, int units, Span<int> drawn)
    {
        using var words = new RandomWords(random, units / 64L);
        return Draw(words, units, drawn);
    }

    internal int Draw(RandomWords words, int units, Span<int> drawn)
    {
        if (units < 0 || drawn.Length < units)
            throw new ArgumentException($"{units} units may be drawn, and there is room for {drawn.Length}.",
                nameof(drawn));
        if (_gaps is not { } gaps)
        {
            for (var unit = 0; unit < units; unit++)
                drawn[unit] = unit;
            return units;
        }
        var (taken, next) = (0, 0L);
        var (word, left) = (0UL, 0);
        while (true)
        {
            if (left == 0)
                (word, left) = (words.Next(), 4);
            var gap = gaps.Look((int)(word & 0xffff));
            (word, left) = (word >> 16, left - 1);
            if (gap == DyadicTable.Rest)
                gap = gaps.DrawRest(words.Next(), words);
            next += gap;
            if (next >= units)
                return taken;
            // Nobody is taken after a whole stretch: the next draw then writes over this.
            drawn[taken] = (int)next;
            var isTaken = gap < Stretch ? 1 : 0;
            (taken, next) = (taken + isTaken, next + isTaken);
        }
    }

    /// <summary>P[gap &lt;= g] for g = 0, 1, ... up to the stretch, which stands for itself and all beyond.</summary>
    private static FixedPointEnclosure[] Gaps(ulong threshold, int bits)
    {
        var one = BigInteger.One << bits;
        var gaps = new FixedPointEnclosure[Stretch + 1];
        // Guard bits for the roundings, and the 64 in which a factor is exact.
        var precision = bits + 96;
        var factor = (BigInteger.One << precision) - ((BigInteger)threshold << precision - 64);
        var passed = new FixedPointEnclosure(factor, factor);
        for (var gap = 0; gap < Stretch; gap++)
        {
            gaps[gap] = new FixedPointEnclosure(
                one - (passed.High >> precision - bits) - 1, one - (passed.Low >> precision - bits));
            passed = passed.Times(new FixedPointEnclosure(factor, factor), precision);
        }
        gaps[Stretch] = new FixedPointEnclosure(one, one);
        return gaps;
    }
}
