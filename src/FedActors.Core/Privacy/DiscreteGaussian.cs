//  Discrete Gaussian
//      Exact draws with P[X = x] proportional to exp(-x^2/(2 sigma^2)) over all integers, for any rational sigma^2.
//  Source:   Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy", NeurIPS 2020 (Algorithm 1 for
//            Bernoulli(exp(-gamma))); magnitude k x + y with x from a small discrete Gaussian of sigma/k and y uniform,
//            kept with probability exp(-y (y + 2 k x)/(2 sigma^2)): Ducas et al., CRYPTO 2013 (BLISS), Theorem 3.
//  How:      the coin of that test is thrown before y: 12 of its bits decide for all y but in a few cases in a hundred,
//            and those are values of their own in the table that x is drawn from. 64 draws at once: GaussianBlock.
//  Size:     a table of 512 bytes and one for its rest, about 150 kB, for each sigma.
//  Error:    none: integer and rational arithmetic decides every draw, given independent fair bits.
//  Proof:    DiscreteGaussian.md

using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Noise for sums of whole numbers. Immutable; one may be shared by threads. Running time depends on the
/// draws.</summary>
public sealed class DiscreteGaussian
{
    private const int TestBits = 12;
    private const int KnownBits = 32;
    private const int SignPlace = 47;

    private readonly DyadicTable _table;
    private readonly int _scaleBits;
    private readonly UInt128 _numeratorScale;
    private readonly UInt128 _denominator;
    private readonly ulong _halfInverse;
    private readonly int[] _surelyKept;

    /// <param name="variance">sigma^2, the distribution's parameter: from 1/1000 to 2^70; its denominator at most
    /// 2^20.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not such a fraction.</exception>
    public DiscreteGaussian(Rational variance)
    {
        variance = variance.Reduced();
        if (variance.Numerator * 1000 < variance.Denominator || variance.Numerator > variance.Denominator << 70
            || variance.Denominator > 1 << 20)
            throw new ArgumentOutOfRangeException(
                nameof(variance), $"{variance}",
                "A variance from 1/1000 to 2^70 with a denominator of at most 2^20 is needed.");
        Variance = variance;
        // The small Gaussian's sigma^2 is from 2^11 up to 2^13, or sigma^2 itself where that is less.
        while (variance.Numerator >= variance.Denominator << 2 * _scaleBits + 13)
            _scaleBits++;
        var small = new Rational(variance.Numerator, variance.Denominator << 2 * _scaleBits);
        (_numeratorScale, _denominator) = ((UInt128)variance.Denominator, 2 * (UInt128)variance.Numerator);
        _halfInverse = _scaleBits == 0 ? 0 : (ulong)((small.Denominator << 31) / small.Numerator);
        _surelyKept = [.. Enumerable.Range(0, HalfNormal(small, 128).Length).Select(SurelyKept)];
        _table = new DyadicTable(bits => WithTests(HalfNormal(small, bits)), stride: 2);
    }

    /// <summary>The parameter sigma^2; the noise's variance is below it by less than 1e-6 where sigma is at least
    /// 1.</summary>
    public Rational Variance { get; }

    /// <summary>The table that x is drawn from: value 2 x is x whatever y is, value 2 x + 1 is x that y may yet
    /// undo.</summary>
    internal DyadicTable Table => _table;

    /// <summary>The least sigma^2 with a denominator of 2^20 that is not below the square of
    /// <paramref name="sigma"/>.</summary>
    /// <param name="sigma">From 0.04 to 2^35.</param>
    public static DiscreteGaussian OfSigma(Rational sigma) => new((sigma * sigma).CeilingTo(1 << 20));

    /// <summary>Overwrites <paramref name="noise"/> with independent draws.</summary>
    public void Fill(IRandomSource random, Span<long> noise)
    {
        using var words = new RandomWords(random, noise.Length);
        Fill(words, noise);
    }

    /// <summary>Adds independent draws to <paramref name="sum"/>.</summary>
    /// <exception cref="OverflowException">A sum leaves 64 bits.</exception>
    public void Add(IRandomSource random, Span<long> sum)
    {
        using var words = new RandomWords(random, sum.Length);
        Span<long> block = stackalloc long[GaussianBlock.Size];
        for (; !sum.IsEmpty; sum = sum[Math.Min(block.Length, sum.Length)..])
        {
            var noise = block[..Math.Min(block.Length, sum.Length)];
            Fill(words, noise);
            for (var i = 0; i < noise.Length; i++)
                sum[i] = checked(sum[i] + noise[i]);
        }
        block.Clear();
    }

    internal void Fill(RandomWords words, Span<long> noise) => Fill(words, noise, GaussianBlock.IsAccelerated);

    internal void Fill(RandomWords words, Span<long> noise, bool accelerated)
    {
        for (; noise.Length >= GaussianBlock.Size; noise = noise[GaussianBlock.Size..])
            DrawBlock(words, noise[..GaussianBlock.Size], GaussianBlock.Size, accelerated);
        if (noise.IsEmpty)
            return;
        Span<long> block = stackalloc long[GaussianBlock.Size];
        DrawBlock(words, block, noise.Length, accelerated);
        block[..noise.Length].CopyTo(noise);
        block.Clear();
    }

    // The first draws of a block are finished; the others are left as they are.
    private void DrawBlock(RandomWords words, Span<long> block, int count, bool accelerated)
    {
        var (rest, minusZero) = GaussianBlock.Run(
            _table, _scaleBits, words.Take(GaussianBlock.WordsOf(_scaleBits)), block, accelerated);
        for (var marked = rest | minusZero; marked != 0; marked &= marked - 1)
        {
            var lane = BitOperations.TrailingZeroCount(marked);
            if (lane >= count)
                return;
            if ((rest >> lane & 1) == 0 || !TryRest(words, out block[lane]))
                block[lane] = Draw(words);
        }
    }

    // One word: 16 bits of x, the sign, y in its lowest bits.
    private long Draw(RandomWords words)
    {
        while (true)
        {
            var word = words.Next();
            var x = _table.Look((int)(word >> 48));
            if (x == DyadicTable.Rest ? TryRest(words, out var value) : TrySign(x, word, out value))
                return value;
        }
    }

    // One word: 13 bits of x and whether there is a test, the sign, y in its lowest bits.
    private bool TryRest(RandomWords words, out long value)
    {
        var word = words.Next();
        var drawn = _table.DrawRest(word, words);
        var x = drawn >> 1;
        return TrySign(x, word, out value) && ((drawn & 1) == 0 || IsKept(x, Lowest(word), words));
    }

    private bool TrySign(int x, ulong word, out long value)
    {
        var magnitude = ((long)x << _scaleBits) + Lowest(word);
        var isNegative = (word >> SignPlace & 1) != 0;
        value = isNegative ? -magnitude : magnitude;
        return !isNegative || magnitude != 0;
    }

    private long Lowest(ulong word) => (long)(word & (1UL << _scaleBits) - 1);

    /// <summary>Below this value of its coin's first 12 bits, x may be undone by some y: 2^12 times the largest gamma,
    /// rounded up.</summary>
    private int SurelyKept(int x)
    {
        var k = BigInteger.One << _scaleBits;
        var bound = (k - 1) * (k - 1 + 2 * k * x) * (BigInteger)_numeratorScale << TestBits;
        return (int)BigInteger.Min(1 << TestBits, (bound + (BigInteger)_denominator - 1) / (BigInteger)_denominator);
    }

    /// <summary>Bernoulli(exp(-gamma)), gamma = y (y + 2 k x)/(2 sigma^2), given that the first 12 bits of its first
    /// uniform are below <see cref="SurelyKept"/>.</summary>
    private bool IsKept(int x, long y, RandomWords words)
    {
        var first = First(x < _surelyKept.Length ? _surelyKept[x] : SurelyKept(x), words);
        uint? second = null;
        if (x < _surelyKept.Length)
        {
            var (least, most) = Gamma(x, y);
            if (first >= most)
                return true;
            if (first < least)
            {
                second = (uint)words.Next();
                if (second > most / 2)
                    return false;
            }
        }
        var numerator = checked(_numeratorScale * (UInt128)y * ((UInt128)y + ((UInt128)x << (_scaleBits + 1))));
        if (numerator > _denominator)
        {
            // Beyond 1, exp(-gamma) is a product of exp(-1) and the rest; the known bits are not needed and are left.
            for (; numerator > _denominator; numerator -= _denominator)
                if (!KeepsExp(1, 1, null, null, words))
                    return false;
            return KeepsExp(numerator, _denominator, null, null, words);
        }
        return KeepsExp(numerator, _denominator, first, second, words);
    }

    /// <summary>32 bits of a uniform whose first 12 are below <paramref name="bound"/>: a multiple and its low half, of
    /// which those that would favour some results are drawn again.</summary>
    private static uint First(int bound, RandomWords words)
    {
        while (true)
        {
            var word = words.Next();
            var product = (word >> 32) * (uint)bound;
            if ((uint)product >= (uint)bound || (uint)product >= (uint)((1UL << 32) % (uint)bound))
                return (uint)(product >> 32) << KnownBits - TestBits | (uint)word & (1u << KnownBits - TestBits) - 1;
        }
    }

    /// <summary>2^32 gamma from below and above, by 16 bits of y: decides all but a few tests without wide
    /// numbers.</summary>
    private (ulong Least, ulong Most) Gamma(int x, long y)
    {
        var (part, twice) = ((ulong)(_scaleBits > 16 ? y >> _scaleBits - 16 : y << 16 - _scaleBits), (ulong)x << 17);
        return (checked(part * (part + twice) * _halfInverse) >> 32,
            (checked((part + 1) * (part + 1 + twice) * (_halfInverse + 1)) >> 32) + 1);
    }

    /// <summary>Bernoulli(exp(-gamma)), gamma at most 1: the first k for which Bernoulli(gamma/k) fails is
    /// odd.</summary>
    /// <param name="first">What is known already of the uniform for k = 1.</param>
    /// <param name="second">The same for k = 2.</param>
    private static bool KeepsExp(
        UInt128 numerator, UInt128 denominator, uint? first, uint? second, RandomWords words)
    {
        for (var k = 1u; ; k++)
        {
            var isBelow = (k == 1 ? first : k == 2 ? second : null) is { } known
                ? IsBelow(numerator, checked(denominator * k), known, KnownBits, words)
                : IsBelow(numerator, checked(denominator * k), words.Next() >> 64 - TestBits, TestBits, words);
            if (!isBelow)
                return (k & 1) == 1;
        }
    }

    /// <summary>Whether a uniform real is below numerator/denominator, by as many of its bits as it takes.</summary>
    /// <param name="digit">Its first <paramref name="bits"/>.</param>
    private static bool IsBelow(UInt128 numerator, UInt128 denominator, ulong digit, int bits, RandomWords words)
    {
        while (numerator < denominator)
        {
            var scaled = checked(numerator << bits);
            var lower = checked(digit * denominator);
            if (scaled <= lower)
                return false;
            if (scaled - lower >= denominator)
                return true;
            (numerator, digit, bits) = (scaled - lower, words.Next() >> 64 - TestBits, TestBits);
        }
        return true;
    }

    // x splits in two, by whether the first bits of its coin keep it for every y.
    private FixedPointEnclosure[] WithTests(FixedPointEnclosure[] sums)
    {
        var split = new FixedPointEnclosure[2 * sums.Length];
        var before = new FixedPointEnclosure(0, 0);
        for (var x = 0; x < sums.Length; x++)
        {
            var tested = x < _surelyKept.Length ? _surelyKept[x] : SurelyKept(x);
            var sure = (1 << TestBits) - tested;
            split[2 * x] = new FixedPointEnclosure(
                sums[x].Low * sure + before.Low * tested >> TestBits,
                (sums[x].High * sure + before.High * tested >> TestBits) + 1);
            split[2 * x + 1] = before = sums[x];
        }
        return split;
    }

    /// <summary>P[X &lt;= x] for x = 0, 1, ... of P[X = x] proportional to exp(-x^2/(2 variance)), x at least
    /// 0.</summary>
    private static FixedPointEnclosure[] HalfNormal(Rational variance, int bits)
    {
        // Guard bits for the few thousand roundings. Ratio of neighbours: exp(-(2x + 1)/(2 variance)).
        var precision = bits + 32;
        var one = BigInteger.One << precision;
        var ratio = FixedPointEnclosure.ExpMinus(new Rational(variance.Denominator, 2 * variance.Numerator), precision);
        var step = ratio.Times(ratio, precision);
        var weights = new List<FixedPointEnclosure> { new(one, one) };
        while (weights[^1].High > BigInteger.One << 20)
        {
            weights.Add(weights[^1].Times(ratio, precision));
            ratio = ratio.Times(step, precision);
        }
        // After n weights the next fall by a ratio r or faster, r/(1 - r) <= variance/n <= n, as n is beyond 10 sigma.
        return Normalised(weights, bits, weights[^1].High * weights.Count);
    }

    /// <summary>Cumulative sums over their total, which also holds between 0 and <paramref name="rest"/> that was left
    /// out.</summary>
    internal static FixedPointEnclosure[] Normalised(List<FixedPointEnclosure> weights, int bits, BigInteger rest)
    {
        var sums = new FixedPointEnclosure[weights.Count];
        var sum = new FixedPointEnclosure(0, 0);
        for (var i = 0; i < sums.Length; i++)
            sums[i] = sum = sum.Plus(weights[i]);
        var total = new FixedPointEnclosure(sum.Low, sum.High + rest);
        return [.. sums.Select(part =>
            new FixedPointEnclosure((part.Low << bits) / total.High, (part.High << bits) / total.Low + 1))];
    }
}
