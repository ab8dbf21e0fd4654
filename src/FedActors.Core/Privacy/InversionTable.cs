//  Exact inversion sampling from a table
//      Reveals the bits of a uniform real u until it is certain between which two values of the distribution function
//      u lies. The first 13 bits decide nine draws in ten; 64 more decide all but one in 2^60; what is left is decided
//      by
//      evaluating the distribution function to as many bits as it takes.
//  Source:   Knuth, Yao, "The complexity of nonuniform random number generation" (1976); Devroye, Non-Uniform Random
//            Variate Generation, III.2.
//  Size:     8,192 16-bit guide entries and two 128-bit thresholds a value.
//  Error:    none: given independent fair bits, the draw has exactly the distribution whose function is enclosed.

using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Draws whole numbers from 0 up. Integer arithmetic only; running time depends on what is drawn.</summary>
internal sealed class InversionTable
{
    /// <summary>Bits that <see cref="Guess"/> takes.</summary>
    public const int GuideBits = 13;

    private const int Undecided = -1;

    private readonly Func<int, FixedPointEnclosure[]> _cumulative;
    private readonly short[] _guide = new short[1 << GuideBits];
    private readonly int[] _first = new int[1 << GuideBits];
    private readonly UInt128[] _low;
    private readonly UInt128[] _high;

    /// <param name="cumulative">
    /// Of a number of bits b: enclosures, in units of 2^-b, of P[X &lt;= 0], P[X &lt;= 1], ... up to where less than
    /// 2^-b is left; widths that vanish as b grows.
    /// </param>
    public InversionTable(Func<int, FixedPointEnclosure[]> cumulative)
    {
        _cumulative = cumulative;
        var thresholds = cumulative(128);
        if (thresholds.Length > short.MaxValue)
            throw new ArgumentException($"{thresholds.Length} values are too many for a table.", nameof(cumulative));
        (_low, _high) = ([.. thresholds.Select(t => Clamp(t.Low))], [.. thresholds.Select(t => Clamp(t.High))]);
        for (var (cell, candidate) = (0, 0); cell < _guide.Length; cell++)
        {
            var (from, to) = ((UInt128)cell << 128 - GuideBits, (UInt128)(cell + 1) << 128 - GuideBits);
            // The last cell ends at 2^128, which no value below the last reaches.
            while (candidate < _low.Length - 1 && _high[candidate] <= from)
                candidate++;
            _first[cell] = candidate;
            var certain = to != 0 && to <= _low[candidate] && (candidate == 0 || _high[candidate - 1] <= from);
            _guide[cell] = certain ? (short)candidate : (short)Undecided;
        }
    }

    /// <summary>The values that the table itself can give are below this; an evaluation to more bits may exceed
    /// it.</summary>
    public int Length => _low.Length;

    /// <summary>The draw whose first bits are <paramref name="guide"/>, or below 0 where they do not decide
    /// it.</summary>
    public int Guess(int guide) => _guide[guide];

    /// <summary>The draw whose first bits are <paramref name="guide"/>, by as many more words as it takes.</summary>
    public int Decide(int guide, RandomWords words)
    {
        const int Known = GuideBits + 64;
        var word = words.Next();
        var from = (UInt128)guide << 128 - GuideBits | (UInt128)word << 128 - Known;
        var last = from | ((UInt128)1 << 128 - Known) - 1;
        for (var value = _first[guide]; value < _low.Length && (value == 0 || from >= _high[value - 1]); value++)
            if (last < _low[value])
                return value;
        return Evaluate((BigInteger)guide << 64 | word, Known, words);
    }

    private int Evaluate(BigInteger uniform, int bits, RandomWords words)
    {
        while (true)
        {
            (uniform, bits) = (uniform << 64 | words.Next(), bits + 64);
            var thresholds = _cumulative(bits);
            var value = Array.FindIndex(thresholds, threshold => uniform < threshold.High);
            if (value >= 0 && uniform + 1 <= thresholds[value].Low)
                return value;
        }
    }

    private static UInt128 Clamp(BigInteger value) => value > UInt128.MaxValue ? UInt128.MaxValue : (UInt128)value;
}
