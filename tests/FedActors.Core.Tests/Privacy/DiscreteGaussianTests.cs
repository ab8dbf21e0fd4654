using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class DiscreteGaussianTests
{
    [Test]
    public void Frequencies_fit_the_probabilities(
        [Values(0.05, 0.5, 1, 2.5, 10, 16.1, 64, 90.5, 90.6, 180, 300)] double sigma) =>
        Fits(sigma, draws: 1_000_000, seed: 20261123);

    [Test]
    public void A_sampler_that_is_off_by_two_hundredths_is_caught() => Assert.That(
        () => Fits(100, draws: 1_000_000, seed: 20261123, claimed: 102), Throws.TypeOf<AssertionException>());

    [Test]
    [Category("Slow")]
    public void Frequencies_of_a_hundred_million_draws_fit_the_probabilities(
        [Values(0.5, 1, 2.5, 10, 64, 91, 1000)] double sigma) =>
        Fits(sigma, draws: 100_000_000, seed: 7);

    [Test]
    public void Draws_on_fine_grids_fit_the_normal_distribution([Values(1000.5, 1048576, 3.7e6, 1e9)] double sigma)
    {
        const ulong Seed = 42;
        var draws = new long[1_000_000];
        DiscreteGaussian.OfSigma(Rational.Of(sigma)).Fill(new SeededSource(Seed), draws);

        // Kolmogorov-Smirnov: beyond 2.2/sqrt(n) with probability 1.3e-4; the grid itself adds 0.4/sigma at most.
        Array.Sort(draws);
        var distance = 0.0;
        for (var i = 0; i < draws.Length; i++)
        {
            var below = 1 - StandardNormal.UpperTail((draws[i] + 0.5) / sigma);
            distance = Math.Max(distance, Math.Abs(below - (i + 0.5) / draws.Length));
        }
        Assert.That(distance, Is.LessThan(2.2 / Math.Sqrt(draws.Length) + 0.5 / sigma), $"seed {Seed}");
        Assert.That(draws.Average(x => x / sigma * (x / sigma)),
            Is.EqualTo(1).Within(4.5 * Math.Sqrt(2.0 / draws.Length)), $"seed {Seed}");
        // Expected beyond 4.5 sigma: 6.8; the least bits are fair.
        Assert.That(draws.Count(x => Math.Abs((double)x) > 4.5 * sigma), Is.InRange(0, 22), $"seed {Seed}");
        Assert.That(draws.Count(x => (x & 1) == 0),
            Is.EqualTo(draws.Length / 2).Within(4 * Math.Sqrt(draws.Length) / 2), $"seed {Seed}");
    }

    [Test]
    public void The_variance_is_the_one_of_the_reference()
    {
        const ulong Seed = 3;
        foreach (var group in ReferenceTable.Of("j_discrete_gaussian_pmf")
            .GroupBy(row => (Sigma: row["sigma"], Variance: row["variance"])))
        {
            var draws = new long[1_000_000];
            DiscreteGaussian.OfSigma(Rational.Of(group.Key.Sigma)).Fill(new SeededSource(Seed), draws);
            Assert.That(
                draws.Average(x => (double)x * x) / group.Key.Variance,
                Is.EqualTo(1).Within(5 * Math.Sqrt(3.0 / group.Key.Variance / draws.Length + 2.0 / draws.Length)),
                $"sigma {group.Key.Sigma}, seed {Seed}");
            foreach (var row in group)
            {
                var expected = row["pmf"] * draws.Length;
                Assert.That(draws.Count(x => x == (long)row["k"]),
                    Is.EqualTo(expected).Within(5 * Math.Sqrt(expected) + 1), $"{row.Line}, seed {Seed}");
            }
        }
    }

    [Test]
    public void Noise_is_added_to_what_is_there_and_never_past_the_range_of_64_bits()
    {
        var gaussian = DiscreteGaussian.OfSigma(Rational.Of(100));
        var (noise, sum) = (new long[50], Enumerable.Range(0, 50).Select(i => 1000L * i).ToArray());
        gaussian.Fill(new SeededSource(5), noise);
        gaussian.Add(new SeededSource(5), sum);

        Assert.That(sum, Is.EqualTo(noise.Select((x, i) => x + 1000L * i)));
        Assert.Throws<OverflowException>(() =>
            gaussian.Add(new SeededSource(5), Enumerable.Repeat(long.MaxValue, 50).ToArray()));
    }

    /// <summary>
    /// Of 65,536 words each value has the whole part of its share, by look-up of all of them, so that what is left for
    /// the exact rest is what is missing: a wrong entry of the table would give a value too many words.
    /// </summary>
    [TestCase(0.3)]
    [TestCase(20)]
    [TestCase(90.5)]
    [TestCase(64.0 * (1 << 14))]
    [TestCase(2e9)]
    public void The_table_gives_every_value_the_whole_part_of_its_share(double sigma)
    {
        var table = DiscreteGaussian.OfSigma(Rational.Of(sigma)).Table;
        var words = new int[256];
        for (var word = 0; word < 1 << 16; word++)
            words[table.Look(word)]++;
        Assert.That(words, Is.EqualTo(table.Counts.ToArray()));

        var k = 1.0;
        while (sigma / k * (sigma / k) >= 1 << 13)
            k *= 2;
        var small = sigma / k;
        var weights = Enumerable.Range(0, 2000).Select(x => Math.Exp(-x * (double)x / (2 * small * small))).ToArray();
        var total = weights.Sum();
        for (var x = 0; x < 255; x++)
        {
            var gamma = (k - 1) * (k - 1 + 2 * k * x) / (2 * sigma * sigma);
            var share = weights[x] / total * (1 - Math.Min(1, Math.Ceiling(4096 * gamma) / 4096)) * 65536;
            Assert.That(words[x], Is.InRange(share - 1 - 1e-6, share + 1e-6), $"{x}");
        }
        Assert.That(words[255], Is.InRange(1, 0.03 * 65536), "words that stand for the rest");
    }

    [Test]
    public void Both_forms_give_the_same_values_from_the_same_bits(
        [Values(0.2, 3, 90.5, 181, 1048576, 2965821, 2e8, 3e10)] double sigma)
    {
        Assume.That(GaussianBlock.IsAccelerated);
        const ulong Seed = 9;
        var gaussian = DiscreteGaussian.OfSigma(Rational.Of(sigma));
        var (wide, portable) = (new long[50_007], new long[50_007]);
        gaussian.Fill(new RandomWords(new SeededSource(Seed), 1000), wide, accelerated: true);
        gaussian.Fill(new RandomWords(new SeededSource(Seed), 1000), portable, accelerated: false);
        Assert.That(wide, Is.EqualTo(portable), $"seed {Seed}");
    }

    /// <summary>
    /// Thirteen guide bits and the next 64 of the uniform real that draws from the rest are the very first bits of a
    /// threshold, so neither can decide; the words behind them then do, and the draw is the one on their side.
    /// </summary>
    [TestCase(0.5)]
    [TestCase(3)]
    [TestCase(20)]
    public void Where_77_bits_do_not_decide_a_draw_more_are_taken_until_it_is_certain(double sigma)
    {
        // What is left of P[X = 0] of the half-normal beyond its words of the table, in the rest: to 77 bits.
        var weights = Enumerable.Range(0, (int)(14 * sigma) + 4).Select(x => Exp(x * x, sigma)).ToArray();
        var total = weights.Aggregate(BigInteger.Zero, (sum, weight) => sum + weight);
        var gaussian = DiscreteGaussian.OfSigma(Rational.Of(sigma));
        var counts = gaussian.Table.Counts.ToArray();
        var threshold = ((weights[0] << 16) - counts[0] * total << 77) / (total * counts[255]);
        var (bits, rest) = ((ulong)(threshold >> 64), (ulong)(threshold & ulong.MaxValue));
        var rare = Enumerable.Range(0, 1 << 16).First(word => gaussian.Table.Look(word) == DyadicTable.Rest);
        foreach (var (next, expected) in new[] { (0UL, 0L), (ulong.MaxValue, 1L) })
        {
            // A block whose first lane is of the rest; then the guide with sign 0, the 64 bits, and the side.
            var block = new ulong[32];
            (block[0], block[8]) = ((ulong)(rare >> 8), (ulong)(rare & 255));
            var noise = new long[1];
            var source = new ScriptedSource([.. block, bits << 51, rest, next]);
            gaussian.Fill(source, noise);
            Assert.That(noise[0], Is.EqualTo(expected), $"{sigma}");
            Assert.That(source.Taken, Is.GreaterThanOrEqualTo(35));
        }
    }

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(1e-6)]
    [TestCase(1e23)]
    public void A_variance_outside_the_range_is_refused(double variance) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteGaussian(Rational.Of(variance)));

    [Test]
    public void A_sigma_is_rounded_up_to_a_fraction_never_down()
    {
        foreach (var sigma in new[] { 0.1, 1 / 3.0, 2.5, 1e5 + 0.1 })
        {
            var (exact, rounded) =
                (Rational.Of(sigma) * Rational.Of(sigma), DiscreteGaussian.OfSigma(Rational.Of(sigma)).Variance);
            var difference = rounded.Numerator * exact.Denominator - exact.Numerator * rounded.Denominator;
            Assert.That(difference >= 0 && difference << 20 < rounded.Denominator * exact.Denominator, $"{sigma}");
        }
    }

    private static void Fits(double sigma, int draws, ulong seed, double? claimed = null)
    {
        var gaussian = DiscreteGaussian.OfSigma(Rational.Of(sigma));
        var counts = new Dictionary<long, long>();
        var (block, source) = (new long[1 << 16], new SeededSource(seed));
        for (var done = 0; done < draws; done += block.Length)
        {
            var part = block.AsSpan(0, Math.Min(block.Length, draws - done));
            gaussian.Fill(source, part);
            foreach (var x in part)
                CollectionsMarshal.GetValueRefOrAddDefault(counts, x, out _)++;
        }
        var (reach, of) = ((int)(40 * sigma + 3), claimed ?? sigma);
        var weights = Enumerable.Range(-reach, 2 * reach + 1)
            .ToDictionary(x => (long)x, x => Math.Exp(-x * (double)x / (2 * of * of)));
        ChiSquare.Fits(counts, weights, draws, $"sigma {sigma.ToString(CultureInfo.InvariantCulture)}, seed {seed}");
    }

    /// <summary>exp(-square/(2 sigma^2)) in units of 2^-200, for a sigma whose square is a whole number of
    /// quarters.</summary>
    private static BigInteger Exp(long square, double sigma)
    {
        var (numerator, denominator) = ((BigInteger)(4 * square), (BigInteger)(8 * sigma * sigma));
        const int Guard = 4000;
        var (sum, term) = (BigInteger.One << Guard, BigInteger.One << Guard);
        for (var k = 1; term > 0; k++)
            sum += term = term * numerator / (denominator * k);
        return (BigInteger.One << Guard + 200) / sum;
    }

    private sealed class ScriptedSource(ulong[] words) : IRandomSource
    {
        public int Taken { get; private set; }

        public void Fill(Span<byte> bytes)
        {
            foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(bytes))
                word = Taken < words.Length ? words[Taken++] : 0x5555555555555555;
        }
    }
}
