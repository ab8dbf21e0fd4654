//  Fixed-point code for sums of updates
//      Maps reals in [-Range, +Range], times a whole weight, to residues mod 2^w so that the residues of every party
//      add
//      without wrapping. Sums are exact integers: no order, thread, node or restart can change a byte of them.
//  Source:   Bonawitz et al., CCS 2017 (aggregation in Z_R); rounding to nearest, ties to even.
//  Layout:   d values, each weight·x·Scale, then three whole numbers: the weight, the constant 1, saturated
//            coordinates.
//            The sum's constant must equal the number of parties: a check on the whole path, masks included.
//            Behind them any counts that the round asks for: whole numbers that add without weight.
//  Size:     (d + 3 + counts)·w/8 bytes, little-endian.
//  Repeats:  eight values at a time and one at a time round alike: adding 1.5 · 2^52 leaves the nearest whole number,
//            ties to
//            even, in the low bits of the sum.
//  Error:    of the weighted mean, at most n/(2·Scale·Omega) a coordinate, Omega = total weight (plus double rounding).

using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FedActors.Core.Aggregation;

/// <summary>Encodes one party's weighted update into Z_2^w, and decodes the sum of many.</summary>
public sealed record FixedPointCode
{
    /// <summary>Whole numbers behind the values: weight, constant 1, saturated coordinates.</summary>
    public const int HiddenCoordinates = 3;

    private const int Lanes = 8;
    private const double UlpOfOne = 6755399441055744;

    /// <param name="ringBits">w: 32 or 64.</param>
    /// <param name="parties">n: the most parties that can be in one sum, at least 1.</param>
    /// <param name="weightCap">The largest weight of a party, at least 1.</param>
    /// <param name="range">The largest absolute value of a coordinate, above 0.</param>
    /// <param name="values">d: values of an update, at least 1.</param>
    /// <param name="counts">Whole numbers beside them, at least 0.</param>
    /// <param name="mostScaleBits">No finer grid than 2^mostScaleBits steps a unit.</param>
    /// <exception cref="ArgumentException">A parameter is out of range, or the ring has no room for a scale of at least
    /// 1.</exception>
    public FixedPointCode(
        int ringBits, int parties, int weightCap, double range, int values, int counts = 0,
        int mostScaleBits = int.MaxValue)
    {
        if (ringBits is not (32 or 64))
            throw new ArgumentException($"The ring has 32 or 64 bits, not {ringBits}.", nameof(ringBits));
        ArgumentOutOfRangeException.ThrowIfLessThan(parties, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(weightCap, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(values, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(counts);
        if (!(range > 0) || !double.IsFinite(range))
            throw new ArgumentException($"The range is {range}: it must be above 0 and finite.", nameof(range));
        (RingBits, Parties, WeightCap, Range, Values, Counts) = (ringBits, parties, weightCap, range, values, counts);
        ScaleBits =
            Math.Min(mostScaleBits, (int)Math.Floor(ringBits - 2 - Math.Log2((double)parties * weightCap * range)));
        if (ScaleBits < 0)
            throw new ArgumentException(
                $"{parties} parties of weight {weightCap} and range {range} leave no room in a ring of "
                    + $"{ringBits} bits.", nameof(ringBits));
    }

    /// <summary>w: 32 or 64.</summary>
    public int RingBits { get; }

    /// <summary>n: the most parties in one sum.</summary>
    public int Parties { get; }

    /// <summary>The largest weight of a party.</summary>
    public int WeightCap { get; }

    /// <summary>The largest absolute value of a coordinate.</summary>
    public double Range { get; }

    /// <summary>d: values of an update.</summary>
    public int Values { get; }

    /// <summary>Whole numbers that stand beside the values.</summary>
    public int Counts { get; }

    /// <summary>The largest count of one party: what all of them count together stays in the ring.</summary>
    public long CountCap => (1L << (RingBits - 2)) / Parties;

    /// <summary>log2 of <see cref="Scale"/>.</summary>
    public int ScaleBits { get; }

    /// <summary>Steps a unit: a power of two, the largest for which Parties·(WeightCap·Range·Scale + 1) stays below
    /// 2^(w-1).</summary>
    public double Scale => Math.ScaleB(1, ScaleBits);

    /// <summary>Words of an encoded update.</summary>
    public int Words => Values + HiddenCoordinates + Counts;

    /// <summary>Where the constant 1 stands.</summary>
    public int ConstantOneAt => Values + 1;

    /// <summary>Bytes of an encoded update.</summary>
    public int Bytes => Words * RingBits / 8;

    /// <summary>Brings every coordinate into ±<see cref="Range"/> and says how many were outside.</summary>
    public int Saturate(Span<double> update)
    {
        var saturated = 0;
        var limit = Vector512.Create(Range);
        // Nearly always nothing is beyond the range, and eight at a time show it.
        while (update.Length >= Lanes
            && !Vector512.GreaterThanAny(Vector512.Abs(Vector512.Create<double>(update[..Lanes])), limit))
            update = update[Lanes..];
        foreach (ref var x in update)
        {
            if (!(Math.Abs(x) > Range))
                continue;
            x = Math.CopySign(Range, x);
            saturated++;
        }
        return saturated;
    }

    /// <summary>Encodes one party's update.</summary>
    /// <param name="update">Length <see cref="Values"/>; coordinates outside ±<see cref="Range"/> are refused:
    /// saturating is the caller's decision, and it is reported.</param>
    /// <param name="weight">1 to <see cref="WeightCap"/>.</param>
    /// <param name="saturated">How many coordinates the caller saturated; capped so that the sum over all parties
    /// cannot wrap.</param>
    /// <param name="residues">Length <see cref="Bytes"/>; overwritten with little-endian words.</param>
    /// <param name="counts">Length <see cref="Counts"/>, each 0 to <see cref="CountCap"/>.</param>
    /// <exception cref="ArgumentException">A length, the weight, a count or a coordinate is out of range, or not
    /// finite.</exception>
    public void Encode(
        ReadOnlySpan<double> update, long weight, int saturated, Span<byte> residues, ReadOnlySpan<long> counts =
        default)
    {
        if (counts.Length != Counts)
            throw new ArgumentException($"{counts.Length} counts where the code has {Counts}.", nameof(counts));
        foreach (var count in counts)
        {
            if (count < 0 || count > CountCap)
                throw new ArgumentException($"A count is not in 0 to {CountCap}.", nameof(counts));
        }
        if (update.Length != Values || residues.Length != Bytes)
            throw new ArgumentException(
                $"{update.Length} values into {residues.Length} bytes: the code has {Values} and {Bytes}.");
        if (weight < 1 || weight > WeightCap)
            throw new ArgumentException($"The weight {weight} is not in 1 to {WeightCap}.", nameof(weight));
        var factor = weight * Scale;
        if (RingBits == 32)
        {
            var words = MemoryMarshal.Cast<byte, int>(residues);
            for (var i = Quantise(update, factor, words); i < update.Length; i++)
                words[i] = (int)Quantise(update[i], factor);
            words[Values] = (int)weight;
            words[Values + 1] = 1;
            words[Values + 2] = (int)Math.Min(saturated, CountCap);
            for (var i = 0; i < counts.Length; i++)
                words[Values + HiddenCoordinates + i] = (int)counts[i];
        }
        else
        {
            var words = MemoryMarshal.Cast<byte, long>(residues);
            for (var i = 0; i < update.Length; i++)
                words[i] = Quantise(update[i], factor);
            words[Values] = weight;
            words[Values + 1] = 1;
            words[Values + 2] = Math.Min(saturated, CountCap);
            counts.CopyTo(words[(Values + HiddenCoordinates)..]);
        }
    }

    /// <summary>
    /// Encodes whole numbers that stand on the code's grid already, noise and all: in the sum each counts
    /// 1/(<see cref="Scale"/>·Omega). Beyond the ring they wrap, which a sum's noise never does where
    /// <see cref="Scale"/> left room for it.
    /// </summary>
    /// <param name="whole">At most <see cref="Values"/>; the rest are 0.</param>
    /// <param name="weight">1 to <see cref="WeightCap"/>.</param>
    /// <param name="residues">Length <see cref="Bytes"/>; overwritten with little-endian words.</param>
    /// <exception cref="ArgumentException">A length or the weight is out of range.</exception>
    public void EncodeWhole(ReadOnlySpan<long> whole, long weight, Span<byte> residues)
    {
        if (whole.Length > Values || residues.Length != Bytes)
            throw new ArgumentException(
                $"{whole.Length} values into {residues.Length} bytes: the code has {Values} and {Bytes}.");
        if (weight < 1 || weight > WeightCap)
            throw new ArgumentException($"The weight {weight} is not in 1 to {WeightCap}.", nameof(weight));
        residues.Clear();
        for (var i = 0; i < whole.Length; i++)
            Put(residues, i, whole[i]);
        Put(residues, Values, weight);
        Put(residues, ConstantOneAt, 1);
    }

    /// <summary>Decodes the sum of <paramref name="parties"/> encoded updates.</summary>
    /// <param name="sum">Length <see cref="Bytes"/>.</param>
    /// <param name="parties">How many updates must be in it.</param>
    /// <returns>The weighted mean, or null where the sum's constant or total weight shows that it is not a sum of so
    /// many.</returns>
    /// <exception cref="ArgumentException">The length differs.</exception>
    public DecodedSum? Decode(ReadOnlySpan<byte> sum, int parties)
    {
        if (sum.Length != Bytes)
            throw new ArgumentException($"{sum.Length} bytes are not a sum of {Bytes}.", nameof(sum));
        var (weight, ones, saturated) = (Word(sum, Values), Word(sum, Values + 1), Word(sum, Values + 2));
        if (ones != parties || weight < parties || weight > (long)parties * WeightCap || saturated < 0)
            return null;
        var mean = new double[Values];
        var unit = Scale * weight;
        if (RingBits == 32)
        {
            var words = MemoryMarshal.Cast<byte, int>(sum);
            for (var i = 0; i < mean.Length; i++)
                mean[i] = words[i] / unit;
        }
        else
        {
            var words = MemoryMarshal.Cast<byte, long>(sum);
            for (var i = 0; i < mean.Length; i++)
                mean[i] = words[i] / unit;
        }
        var counts = new long[Counts];
        for (var i = 0; i < counts.Length; i++)
            counts[i] = Word(sum, Values + HiddenCoordinates + i);
        return new DecodedSum(ImmutableCollectionsMarshal.AsImmutableArray(mean), weight, parties, saturated,
            [.. counts]);
    }

    // Word() relies on the machine being little-endian, as every platform that .NET 10 ships for is but s390x.
    private long Word(ReadOnlySpan<byte> sum, int index) => RingBits == 32
        ? MemoryMarshal.Cast<byte, int>(sum)[index]
        : MemoryMarshal.Cast<byte, long>(sum)[index];

    private void Put(Span<byte> residues, int index, long value)
    {
        if (RingBits == 32)
            MemoryMarshal.Cast<byte, int>(residues)[index] = unchecked((int)value);
        else
            MemoryMarshal.Cast<byte, long>(residues)[index] = value;
    }

    // As many as fill vectors, and how many those are.
    private int Quantise(ReadOnlySpan<double> update, double factor, Span<int> words)
    {
        var (limit, scale, whole) = (Vector512.Create(Range), Vector512.Create(factor), Vector512.Create(UlpOfOne));
        ref var from = ref MemoryMarshal.GetReference(update);
        ref var to = ref MemoryMarshal.GetReference(words);
        var i = 0;
        for (; i + 2 * Lanes <= update.Length; i += 2 * Lanes)
        {
            var (a, b) = (Vector512.LoadUnsafe(ref from, (nuint)i), Vector512.LoadUnsafe(ref from, (nuint)i + Lanes));
            if (!Vector512.LessThanOrEqualAll(Vector512.Max(Vector512.Abs(a), Vector512.Abs(b)), limit))
                throw OutOfRange();
            Vector512.Narrow((a * scale + whole).AsInt64(), (b * scale + whole).AsInt64())
                .StoreUnsafe(ref to, (nuint)i);
        }
        return i;
    }

    private ArgumentException OutOfRange() => new($"A coordinate is not finite or beyond ±{Range}.");

    private long Quantise(double x, double factor)
    {
        if (!(Math.Abs(x) <= Range))
            throw OutOfRange();
        return (long)Math.Round(x * factor, MidpointRounding.ToEven);
    }
}

/// <summary>What a sum of encoded updates says.</summary>
/// <param name="Mean">The weighted mean of the parties' values, length d.</param>
/// <param name="TotalWeight">Omega: the sum of their weights.</param>
/// <param name="Parties">How many are in it.</param>
/// <param name="Saturated">Coordinates that some party had to saturate, over all parties.</param>
/// <param name="Counts">What the parties counted together: as they say, and checked by nobody here.</param>
public sealed record DecodedSum(
    ImmutableArray<double> Mean, long TotalWeight, int Parties, long Saturated, ImmutableArray<long> Counts = default);
