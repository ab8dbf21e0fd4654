using MathNet.Numerics.Distributions;

namespace FedActors.Core.Tests.Privacy;

/// <summary>Pearson's goodness of fit.</summary>
internal static class ChiSquare
{
    /// <summary>Cells of at least 20 expected draws, all rarer values in one; a true sampler fails once in
    /// 10,000.</summary>
    /// <param name="weights">In proportion to the probabilities, of every value that can be expected at all.</param>
    public static void Fits(
        IReadOnlyDictionary<long, long> counts, IReadOnlyDictionary<long, double> weights, long draws, string label)
    {
        var total = weights.Values.Sum();
        var (statistic, cells, restExpected, restCount) = (0.0, 0, 0.0, draws);
        foreach (var (value, weight) in weights)
        {
            var expected = draws * weight / total;
            if (expected < 20)
            {
                restExpected += expected;
                continue;
            }
            var count = counts.GetValueOrDefault(value);
            statistic += (count - expected) * (count - expected) / expected;
            restCount -= count;
            cells++;
        }
        if (restExpected >= 20)
        {
            statistic += (restCount - restExpected) * (restCount - restExpected) / restExpected;
            cells++;
        }
        else
            Assert.That(restCount, Is.LessThan(60), $"{label}: values that are hardly ever drawn");
        if (cells > 1)
            Assert.That(1 - ChiSquared.CDF(cells - 1, statistic), Is.GreaterThan(1e-4),
                $"{label}: chi-square {statistic} in {cells} cells");
        else
            Assert.That(counts.Values.Max(), Is.EqualTo(draws).Within(60), label);
    }
}
