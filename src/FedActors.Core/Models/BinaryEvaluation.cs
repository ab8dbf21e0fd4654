//  Evaluation of a binary model
//      AUROC by ranks: (R - n1 (n1 + 1) / 2) / (n1 n0), R the sum of the ranks of the n1 positives, equal scores
//      sharing
//      the mean of their ranks.
//  Source:   Hanley, McNeil, Radiology 1982;143:29 (area = Mann-Whitney statistic, ties half).
//  Error:    none in the ranks: twice a rank is a whole number, and their sum is exact below 2^53.

using System.Numerics.Tensors;

namespace FedActors.Core.Models;

/// <summary>Judges probabilities against the truth.</summary>
public static class BinaryEvaluation
{
    /// <summary>Least probability that the log loss allows the truth: one wrong certainty costs 34.5 nats, not
    /// infinity.</summary>
    public const double SmallestProbability = 1e-15;

    /// <summary>The figures of one model on one set of patients.</summary>
    /// <param name="scores">Probability of label 1 for each patient, in [0, 1]; alarmed at 0.5 and above.</param>
    /// <param name="labels">0 or 1, as many as scores.</param>
    /// <exception cref="ArgumentException">No patients, lengths that differ, or a score that is not a
    /// probability.</exception>
    public static BinaryMetrics Of(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels)
    {
        if (scores.Length != labels.Length || scores.IsEmpty)
            throw new ArgumentException($"{scores.Length} scores cannot be judged by {labels.Length} labels.",
                nameof(scores));
        var (found, missed, cleared, falseAlarms, loss) = (0, 0, 0, 0, 0.0);
        for (var i = 0; i < scores.Length; i++)
        {
            if (!(scores[i] is >= 0 and <= 1))
                throw new ArgumentException("A score is not a probability.", nameof(scores));
            var positive = labels[i] == 1;
            switch (positive, scores[i] >= 0.5)
            {
                case (true, true): found++; break;
                case (true, false): missed++; break;
                case (false, true): falseAlarms++; break;
                case (false, false): cleared++; break;
            }
            loss -= Math.Log(Math.Max(positive ? scores[i] : 1 - scores[i], SmallestProbability));
        }
        return new BinaryMetrics(
            Auroc(scores, labels),
            (double)(found + cleared) / scores.Length,
            loss / scores.Length,
            found + missed == 0 ? double.NaN : (double)found / (found + missed),
            cleared + falseAlarms == 0 ? double.NaN : (double)cleared / (cleared + falseAlarms),
            scores.Length,
            missed,
            falseAlarms);
    }

    /// <summary>Area under the receiver operating characteristic; NaN where one class is absent.</summary>
    /// <param name="scores">Any order-preserving score, none NaN.</param>
    /// <param name="labels">0 or 1, as many as scores.</param>
    public static double Auroc(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels)
    {
        var keys = scores.ToArray();
        var truth = labels.ToArray();
        Array.Sort(keys, truth);
        var positives = (long)TensorPrimitives.Sum<double>(truth);
        var negatives = truth.Length - positives;
        if (positives == 0 || negatives == 0)
            return double.NaN;
        var twiceRanks = 0L;
        for (int first = 0, next; first < keys.Length; first = next)
        {
            var tied = 0L;
            for (next = first; next < keys.Length && keys[next] == keys[first]; next++)
                tied += (long)truth[next];
            twiceRanks += tied * (first + 1 + next);
        }
        return (twiceRanks - positives * (positives + 1)) / (2.0 * positives * negatives);
    }
}
