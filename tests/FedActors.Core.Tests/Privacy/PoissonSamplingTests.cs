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

    /// <summary>
    /// Of 65,536 words each gap has the whole part of its share, by look-up of all of them; what is missing is drawn
    /// exactly. Rates with few and with many units between two that are taken.
    /// </summary>
    [TestCase(0.3)]
    [TestCase(1.0 / 3)]
    [TestCase(0.0064)]
    [TestCase(1e-12)]
    [TestCase(1 - 1.0 / (1L << 53))]
    public void Every_gap_has_the_whole_part_of_its_share_of_all_words(double rate)
    {
        var table = new PoissonSampling(rate).Table!;
        var words = new int[256];
        for (var word = 0; word < 1 << 16; word++)
            words[table.Look(word)]++;
        for (var gap = 0; gap <= 254; gap++)
        {
            var share = (gap < 254 ? rate : 1) * Math.Pow(1 - rate, gap) * 65536;
            Assert.That(words[gap], Is.InRange(share - 1 - 1e-6, share + 1e-6), $"{gap}");
        }
        Assert.That(words[255], Is.InRange(1, 0.004 * 65536), "words that stand for the rest");
    }

    [Test]
    public void Rare_units_far_beyond_one_stretch_are_drawn_as_often_as_the_rate_says()
    {
        const int Units = 3_000, Draws = 40_000;
        const double Rate = 0.002;
        var times = new int[Units];
        foreach (var drawn in Draw(Rate, Units, Draws))
            foreach (var unit in drawn)
                times[unit]++;
        var (mean, variance) = (Draws * Rate, Draws * Rate * (1 - Rate));
        Assert.That(times.Sum(count => (count - mean) * (count - mean) / variance),
            Is.EqualTo(Units).Within(5 * Math.Sqrt(2.0 * Units)), $"seed {Seed}");
        Assert.That(times.Average(), Is.EqualTo(mean).Within(5 * Math.Sqrt(mean / Units)), $"seed {Seed}");
    }

    [Test]
    public void At_rate_one_everybody_takes_part_and_no_randomness_is_used()
    {
        var drawn = new int[9];
        Assert.That(new PoissonSampling(1).Draw(new Script([]), 9, drawn), Is.EqualTo(9));
        Assert.That(drawn, Is.EqualTo(Enumerable.Range(0, 9)));
    }

    [Test]
    public void Nobody_can_be_drawn_from_nobody() =>
        Assert.That(new PoissonSampling(0.5).Draw(new SeededSource(Seed), 0, []), Is.Zero);

    [TestCase(0)]
    [TestCase(-0.1)]
    [TestCase(1.0000001)]
    [TestCase(double.NaN)]
    public void A_rate_that_is_none_is_refused(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new PoissonSampling(rate));

    [Test]
    public void A_draw_that_has_no_room_for_all_is_refused() => Assert.Throws<ArgumentException>(() =>
        new PoissonSampling(0.5).Draw(new SeededSource(Seed), 4, new int[3]));

    [Test]
    public void The_operating_systems_generator_draws_anew_each_time()
    {
        var first = Drawn();
        Assert.That(Drawn(), Is.Not.EqualTo(first));
    }

    private static int[] Drawn()
    {
        var drawn = new int[500];
        return [.. drawn.Take(new PoissonSampling(0.5).Draw(SecureRandomSource.Instance, drawn.Length, drawn))];
    }

    private static IEnumerable<int[]> Draw(double rate, int units, int draws)
    {
        var (source, drawn, sampling) = (new SeededSource(Seed), new int[units], new PoissonSampling(rate));
        for (var i = 0; i < draws; i++)
            yield return drawn[..sampling.Draw(source, units, drawn)];
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
