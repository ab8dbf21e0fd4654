//  What hospitals count of a binary model
//  Layout:   hospitals; found and cleared at threshold 1/2; the sum of log losses; positives, then negatives in each
//            bin of a score
//            histogram; the sum of probabilities in each of 16 groups of 8 bins.
//  Source:   ScoreHistogram.cs; calibration error as the mean of |predicted - observed| over groups: Naeini et al.,
//            AAAI 2015.
//  Error:    accuracy, sensitivity, specificity: none. AUROC: AurocError. Log loss and calibration error: at most
//            hospitals/(2N)
//            and groups·hospitals/(2N) steps.

using System.Numerics.Tensors;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>Counts answers that are the probability of label 1.</summary>
internal sealed class BinaryCounts : OutcomeCounts
{
    /// <summary>Groups of the calibration, of equal width in log odds.</summary>
    public const int Groups = 16;

    private const int FoundAt = 1, ClearedAt = 2, LossAt = 3, PositivesAt = 4;
    private const int NegativesAt = PositivesAt + ScoreHistogram.Bins, ProbabilityAt = NegativesAt
        + ScoreHistogram.Bins;

    public override int Length => ProbabilityAt + Groups;

    public override double LargestTerm => LargestLoss;

    public override void Count(
        IModel model, ReadOnlySpan<double> parameters, PatientBatch batch, int fractionBits, Span<long> counts) =>
        Count(AnswersOf(model, parameters, batch).AsSpan(0, batch.Count), batch.Patients.Labels, fractionBits, counts);

    /// <summary>The same from scores.</summary>
    /// <param name="scores">Probability of label 1, in [0, 1].</param>
    /// <param name="labels">0 or 1, at least as many as scores.</param>
    public static void Count(
        ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, int fractionBits, Span<long> counts)
    {
        counts[HospitalsAt] = 1;
        Span<double> probability = stackalloc double[Groups];
        var loss = 0.0;
        for (var i = 0; i < scores.Length; i++)
        {
            var (score, positive) = (scores[i], labels[i] == 1);
            var bin = ScoreHistogram.BinOf(score);
            counts[(positive ? PositivesAt : NegativesAt) + bin]++;
            probability[GroupOf(bin)] += score;
            loss -= Math.Log(Math.Max(positive ? score : 1 - score, BinaryEvaluation.SmallestProbability));
            if (positive && score >= 0.5)
                counts[FoundAt]++;
            if (!positive && score < 0.5)
                counts[ClearedAt]++;
        }
        counts[LossAt] = Steps(loss, fractionBits);
        for (var group = 0; group < Groups; group++)
            counts[ProbabilityAt + group] = Steps(probability[group], fractionBits);
    }

    protected override FederatedFigures? Follow(ReadOnlySpan<long> counts, double step)
    {
        var sick = counts.Slice(PositivesAt, ScoreHistogram.Bins);
        var healthy = counts.Slice(NegativesAt, ScoreHistogram.Bins);
        var (positives, negatives) = (TensorPrimitives.Sum(sick), TensorPrimitives.Sum(healthy));
        var (found, cleared, n) = (counts[FoundAt], counts[ClearedAt], positives + negatives);
        if (n < 1 || found > positives || cleared > negatives)
            return null;
        Span<long> observed = stackalloc long[Groups];
        for (var bin = 0; bin < ScoreHistogram.Bins; bin++)
            observed[GroupOf(bin)] += sick[bin];
        var miscalibrated = 0.0;
        for (var group = 0; group < Groups; group++)
            miscalibrated += Math.Abs(step * counts[ProbabilityAt + group] - observed[group]);
        var (auroc, error) = ScoreHistogram.Area(sick, healthy);
        return new FederatedBinaryFigures(
            (int)counts[HospitalsAt], n, positives, auroc, error, (double)(found + cleared) / n,
            step * counts[LossAt] / n,
            positives > 0 ? (double)found / positives
            : double.NaN, negatives > 0 ? (double)cleared / negatives : double.NaN,
            miscalibrated / n);
    }

    private static int GroupOf(int bin) => bin / (ScoreHistogram.Bins / Groups);
}
