//  A histogram of scores
//      Probabilities by their log odds: [-8, 8] in 128 steps of 1/8; what lies outside falls into the first or the last
//      bin.
//  Source:   area under the curve with ties half: Hanley, McNeil, Radiology 1982;143:29.
//  Error:    of the area, half the share of pairs of a positive and a negative that share a bin; of those nobody knows
//            the order.

namespace FedActors.Core.Federation;

/// <summary>How many patients have a score in each bin, and the area under the curve that follows.</summary>
internal static class ScoreHistogram
{
    public const int Bins = 128;

    private const double LargestLogOdds = 8;

    /// <summary>0 to <see cref="Bins"/> - 1; rises with the score.</summary>
    /// <exception cref="ArgumentException">The score is not a probability.</exception>
    public static int BinOf(double score)
    {
        if (!(score is >= 0 and <= 1))
            throw new ArgumentException("A score is not a probability.", nameof(score));
        var place = (Math.Log(score / (1 - score)) + LargestLogOdds) * (Bins / (2 * LargestLogOdds));
        return (int)Math.Clamp(Math.Floor(place), 0, Bins - 1);
    }

    /// <summary>The area, and how far the exact one can be from it; both NaN where one class is absent.</summary>
    /// <param name="positives">Of each bin, those with the label.</param>
    /// <param name="negatives">Of each bin, those without.</param>
    public static (double Auroc, double Error) Area(ReadOnlySpan<long> positives, ReadOnlySpan<long> negatives)
    {
        var (pairs, tied, sick, healthy) = (0.0, 0.0, 0L, 0L);
        for (var bin = 0; bin < Bins; bin++)
        {
            pairs += (double)positives[bin] * healthy;
            tied += (double)positives[bin] * negatives[bin];
            (sick, healthy) = (sick + positives[bin], healthy + negatives[bin]);
        }
        var all = (double)sick * healthy;
        return all > 0 ? ((pairs + tied / 2) / all, tied / 2 / all) : (double.NaN, double.NaN);
    }
}
