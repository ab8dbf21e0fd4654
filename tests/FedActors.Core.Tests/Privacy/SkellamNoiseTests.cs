using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class SkellamNoiseTests
{
    [Test]
    public void Frequencies_fit_the_probabilities([Values(0.5, 2, 50, 512, 1000)] double variance)
    {
        const ulong Seed = 11;
        var draws = new long[1_000_000];
        new SkellamNoise(Rational.Of(variance)).Fill(new SeededSource(Seed), draws);

        // P[X = k] = exp(-v) I_k(v), by Miller's backward recurrence I_(k-1) = I_(k+1) + (2 k/v) I_k.
        var reach = (int)(12 * Math.Sqrt(variance) + 30);
        var weights = new Dictionary<long, double>();
        var (after, here) = (0.0, 1e-300);
        for (var k = reach; k >= 0; k--)
        {
            weights[k] = weights[-k] = here;
            (after, here) = (here, after + 2 * k / variance * here);
            if (here > 1e250)
                (after, here, weights) =
                    (after / 1e250, here / 1e250, weights.ToDictionary(pair => pair.Key, pair => pair.Value / 1e250));
        }
        ChiSquare.Fits(draws.CountBy(x => x).ToDictionary(pair => pair.Key, pair => (long)pair.Value), weights,
            draws.Length, $"variance {variance}, seed {Seed}");
    }

    [Test]
    public void Frequencies_are_those_of_the_reference()
    {
        const ulong Seed = 12;
        foreach (var group in ReferenceTable.Of("j_skellam_pmf").GroupBy(row => row["variance"]))
        {
            var draws = new long[1_000_000];
            new SkellamNoise(Rational.Of(group.Key)).Fill(new SeededSource(Seed), draws);
            foreach (var row in group)
            {
                var expected = row["pmf"] * draws.Length;
                Assert.That(draws.Count(x => x == (long)row["k"]),
                    Is.EqualTo(expected).Within(5 * Math.Sqrt(expected) + 1), $"{row.Line}, seed {Seed}");
            }
        }
    }

    [Test]
    public void Shares_of_several_parties_add_up_to_the_noise_of_one()
    {
        const ulong Seed = 13;
        var (sum, share, source) = (new long[300_000], new long[300_000], new SeededSource(Seed));
        for (var party = 0; party < 5; party++)
        {
            new SkellamNoise(Rational.Of(1.5)).Fill(source, share);
            for (var i = 0; i < sum.Length; i++)
                sum[i] += share[i];
        }

        // Fourth moment of a Skellam: 3 v^2 + v.
        var variance = sum.Average(x => (double)x * x);
        Assert.That(variance, Is.EqualTo(7.5).Within(5 * Math.Sqrt((2 * 7.5 * 7.5 + 7.5) / sum.Length)),
            $"seed {Seed}");
        Assert.That(
            sum.Average(x => Math.Pow(x, 4)) / (3 * 7.5 * 7.5 + 7.5), Is.EqualTo(1).Within(0.05), $"seed {Seed}");
    }

    [TestCase(0)]
    [TestCase(-2)]
    [TestCase(1e9)]
    public void A_variance_outside_the_range_is_refused(double variance) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SkellamNoise(Rational.Of(variance)));
}
