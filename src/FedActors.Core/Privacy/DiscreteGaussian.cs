//  Discrete Gaussian
//      Exact draws with P[X = x] proportional to exp(-x^2/(2 sigma^2)) over all integers, for any rational sigma^2.
//  Source:   Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy", NeurIPS 2020 (Algorithm 1 for
//            Bernoulli(exp(-gamma))); magnitude k x + y with x from a small discrete Gaussian of sigma/k and y uniform,
//            kept with probability exp(-y (y + 2 k x)/(2 sigma^2)): Ducas et al., CRYPTO 2013 (BLISS), Theorem 3.
//  Size:     a table of about 430 values at most and 16 kB of guide for each sigma.
//  Error:    none: integer and rational arithmetic decides every draw, given independent fair bits.

using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Noise for sums of whole numbers. Immutable; one may be shared by threads. Running time depends on the
/// draws.</summary>
public sealed class DiscreteGaussian
{
    private const int TestBits = 16;
    private const int TestMask = (1 << TestBits) - 1;
    private const int MostScaleBits = 64 - InversionTable.GuideBits - 1 - TestBits;

    private readonly InversionTable _table;
    private readonly int _scaleBits;
    private readonly UInt128 _numeratorScale;
    private readonly UInt128 _denominator;
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
        // The small Gaussian's sigma is from 16 up to 32, or sigma itself where that is less.
        while (variance.Numerator >= variance.Denominator << 2 * (_scaleBits + 5))
            _scaleBits++;
        var small = new Rational(variance.Numerator, variance.Denominator << 2 * _scaleBits);
        _table = new InversionTable(bits => HalfNormal(small, bits));
        (_numeratorScale, _denominator) = ((UInt128)variance.Denominator, 2 * (UInt128)variance.Numerator);
        _surelyKept = [.. Enumerable.Range(0, _table.Length).Select(SurelyKept)];
    }

    /// <summary>The parameter sigma^2; the noise's variance is below it by less than 1e-6 where sigma is at least
    /// 1.</summary>
    public Rational Variance { get; }

    /// <summary>The least sigma^2 with a denominator of 2^20 that is not below the square of
    /// <paramref name="sigma"/>.</summary>
    /// <param name="sigma">From 0.04 to 2^35.</param>
    public static DiscreteGaussian OfSigma(Rational sigma) => new((sigma * sigma).CeilingTo(1 << 20));

    /// <summary>Overwrites <paramref name="noise"/> with independent draws.</summary>
    public void Fill(IRandomSource random, Span<long> noise)
    {
        using var words = new RandomWords(random, noise.Length);
        for (var i = 0; i < noise.Length; i++)
            noise[i] = Draw(words);
    }

    /// <summary>Adds independent draws to <paramref name="sum"/>.</summary>
    /// <exception cref="OverflowException">A sum leaves 64 bits.</exception>
    public void Add(IRandomSource random, Span<long> sum)
    {
        using var words = new RandomWords(random, sum.Length);
        for (var i = 0; i < sum.Length; i++)
            sum[i] = checked(sum[i] + Draw(words));
    }

    // One word: 13 bits of x, the sign, 16 bits of the test, the rest holds y.
    private long Draw(RandomWords words)
    {
        while (true)
        {
            var word = words.Next();
            var guide = (int)(word >> 64 - InversionTable.GuideBits);
            var x = _table.Guess(guide);
            if (x < 0)
                x = _table.Decide(guide, words);
            var test = (int)(word >> MostScaleBits) & TestMask;
            var y = (long)(word & (1UL << _scaleBits) - 1);
            if ((x >= _surelyKept.Length || test < _surelyKept[x]) && !IsKept(x, y, test, words))
                continue;
            var magnitude = ((long)x << _scaleBits) + y;
            if (word << InversionTable.GuideBits >> 63 == 0)
                return magnitude;
            if (magnitude != 0)
                return -magnitude;
        }
    }

    /// <summary>At this value of the test or above, x is kept whatever y is: 2^16 times the largest gamma, rounded
    /// up.</summary>
    private int SurelyKept(int x)
    {
        var k = BigInteger.One << _scaleBits;
        var bound = (k - 1) * (k - 1 + 2 * k * x) * (BigInteger)_numeratorScale << TestBits;
        return (int)BigInteger.Min(1 << TestBits, (bound + (BigInteger)_denominator - 1) / (BigInteger)_denominator);
    }

    /// <summary>Bernoulli(exp(-gamma)), gamma = y (y + 2 k x)/(2 sigma^2), whose first uniform's first bits are
    /// known.</summary>
    private bool IsKept(int x, long y, int test, RandomWords words)
    {
        var numerator = checked(_numeratorScale * (UInt128)y * ((UInt128)y + ((UInt128)x << (_scaleBits + 1))));
        if (numerator > _denominator)
        {
            // Beyond 1, exp(-gamma) is a product of exp(-1) and the rest; the known bits are not needed and are left.
            for (; numerator > _denominator; numerator -= _denominator)
                if (!KeepsExp(1, 1, null, words))
                    return false;
            return KeepsExp(numerator, _denominator, null, words);
        }
        return KeepsExp(numerator, _denominator, test, words);
    }

    /// <summary>Bernoulli(exp(-gamma)), gamma at most 1: the first k for which Bernoulli(gamma/k) fails is
    /// odd.</summary>
    private static bool KeepsExp(UInt128 numerator, UInt128 denominator, int? firstBits, RandomWords words)
    {
        for (var k = 1u; ; k++)
        {
            if (!IsBelow(numerator, checked(denominator * k), k == 1 ? firstBits : null, words))
                return (k & 1) == 1;
        }
    }

    /// <summary>Whether a uniform real is below numerator/denominator, by as many of its bits as it takes.</summary>
    private static bool IsBelow(UInt128 numerator, UInt128 denominator, int? firstBits, RandomWords words)
    {
        if (numerator >= denominator)
            return true;
        var digit = firstBits is { } known ? (UInt128)(uint)known : words.Next() >> 64 - TestBits;
        while (true)
        {
            var scaled = checked(numerator << TestBits);
            var lower = checked(digit * denominator);
            if (scaled <= lower)
                return false;
            if (scaled - lower >= denominator)
                return true;
            (numerator, digit) = (scaled - lower, words.Next() >> 64 - TestBits);
        }
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
