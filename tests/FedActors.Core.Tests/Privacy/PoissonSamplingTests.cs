using System.Runtime.InteropServices;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class PoissonSamplingTests
{
    private const ulong Seed = 20261124;

    [TestCase(0.05)]
    [TestCase(0.5)]
    [TestCase(0.93)]
    public void Every_unit_is_drawn_as_often_as_the_rate_says(double rate)
    {
        const int Units = 131, Draws = 40_000;
        var times = new int[Units];
        foreach (var drawn in Draw(rate, Units, Draws))
            foreach (var unit in drawn)
                times[unit]++;
        var spread = Math.Sqrt(Draws * rate * (1 - rate));
        Assert.That(times, Is.All.EqualTo(Draws * rate).Within(5 * spread), $"seed {Seed}");
    }

    [Test]
    public void Two_units_are_drawn_together_as_often_as_independence_says()
    {
        const int Units = 70, Draws = 40_000;
        const double Rate = 0.2;
        var together = new int[Units, Units];
        foreach (var drawn in Draw(Rate, Units, Draws))
            for (var i = 0; i < drawn.Length; i++)
                for (var j = i + 1; j < drawn.Length; j++)
                    together[drawn[i], drawn[j]]++;
        var spread = Math.Sqrt(Draws * Rate * Rate * (1 - Rate * Rate));
        for (var i = 0; i < Units; i++)
            for (var j = i + 1; j < Units; j++)
                Assert.That(together[i, j], Is.EqualTo(Draws * Rate * Rate).Within(5.5 * spread),
                    $"{i} and {j}, seed {Seed}");
    }

    [Test]
    public void The_size_of_a_draw_varies_as_that_of_independent_units_which_a_shuffled_batch_does_not()
    {
        const int Units = 400, Draws = 20_000;
        const double Rate = 0.1;
        var sizes = Draw(Rate, Units, Draws).Select(drawn => (double)drawn.Length).ToArray();
        var mean = sizes.Average();
        var variance = sizes.Average(size => (size - mean) * (size - mean));
        Assert.That(mean, Is.EqualTo(Units * Rate).Within(0.3), $"seed {Seed}");
        Assert.That(variance / (Units * Rate * (1 - Rate)), Is.EqualTo(1).Within(6 * Math.Sqrt(2.0 / Draws)),
            $"seed {Seed}");
    }

    [Test]
    public void A_unit_is_in_exactly_where_its_64_bits_are_below_the_threshold()
    {
        // Words 0, 1, ... hold the bits 63, 62, ... of 64 uniform numbers: read back here the slow way.
        foreach (var rate in (double[])[0.3, 0.5, 0.75, 1.0 / 3, Math.ScaleB(1, -10), 1 - Math.ScaleB(1, -53), 1e-12])
        {
            var threshold = (ulong)Math.ScaleB(rate, 64);
            var bits = new SplitMix64(Seed);
            var words = Enumerable.Range(0, 64).Select(_ => bits.NextUInt64()).ToArray();
            // Unit 5's number is the threshold itself, unit 6's the one below it.
            for (var at = 0; at < 64; at++)
            {
                SetBit(ref words[at], 5, threshold >> (63 - at) & 1);
                SetBit(ref words[at], 6, threshold - 1 >> (63 - at) & 1);
            }
            var drawn = new int[64];
            var count = PoissonSampling.Draw(new Script(words), rate, 64, drawn);
            var expected = Enumerable.Range(0, 64).Where(unit => Number(words, unit) < threshold);
            Assert.That(drawn.Take(count), Is.EqualTo(expected), $"rate {rate}");
            Assert.That(drawn.Take(count), Does.Not.Contain(5).And.Contain(6), $"rate {rate}");
        }

        static ulong Number(ulong[] words, int unit) =>
            Enumerable.Range(0, 64).Aggregate(0UL, (number, at) => number << 1 | (words[at] >> unit & 1));

        static void SetBit(ref ulong word, int unit, ulong bit) => word = word & ~(1UL << unit) | bit << unit;
    }

    [Test]
    public void At_rate_one_everybody_takes_part_and_no_randomness_is_used()
    {
        var drawn = new int[9];
        Assert.That(PoissonSampling.Draw(new Script([]), 1, 9, drawn), Is.EqualTo(9));
        Assert.That(drawn, Is.EqualTo(Enumerable.Range(0, 9)));
    }

    [Test]
    public void Nobody_can_be_drawn_from_nobody() =>
        Assert.That(PoissonSampling.Draw(new SeededSource(Seed), 0.5, 0, []), Is.Zero);

    [TestCase(0)]
    [TestCase(-0.1)]
    [TestCase(1.0000001)]
    [TestCase(double.NaN)]
    public void A_rate_that_is_none_is_refused(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            PoissonSampling.Draw(new SeededSource(Seed), rate, 4, new int[4]));

    [Test]
    public void The_operating_systems_generator_draws_anew_each_time()
    {
        var first = Drawn();
        Assert.That(Drawn(), Is.Not.EqualTo(first));
    }

    private static int[] Drawn()
    {
        var drawn = new int[500];
        return [.. drawn.Take(PoissonSampling.Draw(SecureRandomSource.Instance, 0.5, drawn.Length, drawn))];
    }

    private static IEnumerable<int[]> Draw(double rate, int units, int draws)
    {
        var (source, drawn) = (new SeededSource(Seed), new int[units]);
        for (var i = 0; i < draws; i++)
            yield return drawn[..PoissonSampling.Draw(source, rate, units, drawn)];
    }

    /// <summary>Given words, then ones for ever.</summary>
    private sealed class Script(ulong[] words) : IRandomSource
    {
        private int _next;

        public void Fill(Span<byte> bytes)
        {
            foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(bytes))
                word = _next < words.Length ? words[_next++] : ulong.MaxValue;
        }
    }
}
