//  Skellam noise
//      Exact draws of the difference of two Poisson variables: sums of the parties' draws are Skellam again.
//  Source:   Agarwal, Kairouz, Liu, "The Skellam mechanism for differentially private federated learning", NeurIPS
//            2021.
//            A Poisson variable of a large mean is a sum of independent ones of equal, smaller means.
//  Size:     one table for a Poisson of a mean of at most 256; ceil(variance/512) pairs of table draws for each draw.
//  Error:    none: the tables are exact (InversionTable), given independent fair bits.

using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>Noise for sums of whole numbers, closed under addition. Immutable; one may be shared by threads.</summary>
public sealed class SkellamNoise
{
    private const int MostMean = 256;

    private readonly InversionTable _table;
    private readonly int _parts;

    /// <param name="variance">From 1/1000 to 2^24; its denominator at most 2^20. A draw takes time in proportion to
    /// it.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not such a fraction.</exception>
    public SkellamNoise(Rational variance)
    {
        variance = variance.Reduced();
        if (variance.Numerator * 1000 < variance.Denominator || variance.Numerator > variance.Denominator << 24
            || variance.Denominator > 1 << 20)
            throw new ArgumentOutOfRangeException(
                nameof(variance), $"{variance}",
                "A variance from 1/1000 to 2^24 with a denominator of at most 2^20 is needed.");
        Variance = variance;
        _parts = (int)(variance * new Rational(1, 2 * MostMean)).CeilingTo(1).Numerator;
        var mean = variance * new Rational(1, 2 * _parts);
        _table = new InversionTable(bits => Poisson(mean, bits));
    }

    /// <summary>Of the noise, exactly.</summary>
    public Rational Variance { get; }

    /// <summary>Overwrites <paramref name="noise"/> with independent draws.</summary>
    public void Fill(IRandomSource random, Span<long> noise)
    {
        using var words = new RandomWords(random, 2L * _parts * noise.Length);
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] = 0;
            for (var part = 0; part < _parts; part++)
                noise[i] += DrawPoisson(words) - DrawPoisson(words);
        }
    }

    private int DrawPoisson(RandomWords words)
    {
        var guide = (int)(words.Next() >> 64 - InversionTable.GuideBits);
        var value = _table.Guess(guide);
        return value >= 0 ? value : _table.Decide(guide, words);
    }

    /// <summary>P[X &lt;= x] for x = 0, 1, ... of a Poisson variable.</summary>
    private static FixedPointEnclosure[] Poisson(Rational mean, int bits)
    {
        // Weights relative to that of 0, so they need no exponential; up to e^256 = 2^370 large.
        var precision = bits + 32;
        var one = BigInteger.One << precision;
        var weights = new List<FixedPointEnclosure> { new(one, one) };
        var sum = one;
        // Beyond twice the mean the weights at least halve: the rest is below the last.
        while (weights.Count * mean.Denominator <= 2 * mean.Numerator || weights[^1].High > sum >> bits + 12)
        {
            weights.Add(weights[^1].Times(new Rational(mean.Numerator, mean.Denominator * weights.Count)));
            sum += weights[^1].Low;
        }
        return DiscreteGaussian.Normalised(weights, bits, weights[^1].High);
    }
}
