//  Table of 16-bit probabilities with an exact rest
//      A 16-bit word decides a draw by two look-ups of one byte: every value has floor(2^16 p) of the words. The few
//      words left over stand for the rest of the distribution, which is drawn by inversion.
//  Source:   Walker, "An efficient method for generating discrete random variables", ACM TOMS 1977; in whole numbers,
//            so that no probability is rounded. The split into a table and a rest: Marsaglia, CACM 1963.
//  Size:     512 bytes, and an InversionTable for the rest.
//  Error:    none: floor(2^16 p)/2^16 + (rest/2^16) (2^16 p - floor(2^16 p))/rest = p.

using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Draws whole numbers from 0 up. Integer arithmetic only.</summary>
internal sealed class DyadicTable
{
    /// <summary>What <see cref="Look"/> answers where the rest has to be drawn.</summary>
    public const int Rest = 255;

    private const int Bits = 16;
    private const int Columns = 256;
    private const int Height = 256;

    private readonly Func<int, FixedPointEnclosure[]> _cumulative;
    private readonly int _stride;
    private readonly int[] _counts = new int[Columns];
    private readonly byte[] _below = new byte[Columns];
    private readonly byte[] _other = new byte[Columns];
    private readonly InversionTable _rest;

    /// <param name="cumulative">As <see cref="InversionTable"/> takes it.</param>
    /// <param name="stride">Each so-manieth value is in the table, as value / stride, the first 255 of them at
    /// most.</param>
    public DyadicTable(Func<int, FixedPointEnclosure[]> cumulative, int stride = 1)
    {
        (_cumulative, _stride) = (cumulative, stride);
        var sums = cumulative(128);
        for (var value = 0; value < sums.Length && value / stride < Rest; value += stride)
        {
            var least = sums[value].Low - (value == 0 ? 0 : sums[value - 1].High);
            _counts[value / stride] = (int)(BigInteger.Max(least, 0) >> 128 - Bits);
        }
        _counts[Rest] = (1 << Bits) - _counts.Sum();
        Fill();
        _rest = new InversionTable(RestOf);
    }

    /// <summary>By column: the words that are the column's own value, from 0 up.</summary>
    public ReadOnlySpan<byte> Below => _below;

    /// <summary>By column: the value of its other words.</summary>
    public ReadOnlySpan<byte> Other => _other;

    /// <summary>Words of 65,536 that stand for each value, and for the rest.</summary>
    public ReadOnlySpan<int> Counts => _counts;

    /// <summary>The value over the stride, or <see cref="Rest"/>.</summary>
    /// <param name="word">16 fair bits: a column, and a place in it.</param>
    public int Look(int word)
    {
        // Which of the two it is, is a coin: no branch predicts it.
        int column = word >> 8, other = _other[column];
        var isOwn = (word & Height - 1) - _below[column] >> 31;
        return other ^ (other ^ column) & isOwn;
    }

    /// <summary>A draw from the rest.</summary>
    /// <param name="word">Its upper 13 bits are used.</param>
    public int DrawRest(ulong word, RandomWords words)
    {
        var guide = (int)(word >> 64 - InversionTable.GuideBits);
        var value = _rest.Guess(guide);
        return value >= 0 ? value : _rest.Decide(guide, words);
    }

    // 256 columns of 256 words, two values in each at most: what a value lacks of its column, one that has too many
    // gives.
    private void Fill()
    {
        var left = _counts.ToArray();
        var (lacking, abundant) = (new Stack<int>(), new Stack<int>());
        for (var value = 0; value < Columns; value++)
            (left[value] < Height ? lacking : abundant).Push(value);
        while (lacking.TryPop(out var column))
        {
            var giver = abundant.Pop();
            (_below[column], _other[column]) = ((byte)left[column], (byte)giver);
            left[giver] -= Height - left[column];
            (left[giver] < Height ? lacking : abundant).Push(giver);
        }
        foreach (var column in abundant)
            _other[column] = (byte)column;
    }

    private FixedPointEnclosure[] RestOf(int bits)
    {
        var sums = _cumulative(bits);
        var rest = new FixedPointEnclosure[sums.Length];
        var taken = BigInteger.Zero;
        for (var value = 0; value < sums.Length; value++)
        {
            if (value % _stride == 0 && value / _stride < Rest)
                taken += _counts[value / _stride];
            var low = BigInteger.Max((sums[value].Low << Bits) - (taken << bits), 0);
            var high = (sums[value].High << Bits) - (taken << bits);
            rest[value] = new FixedPointEnclosure(low / _counts[Rest], high / _counts[Rest] + 1);
        }
        return rest;
    }
}
