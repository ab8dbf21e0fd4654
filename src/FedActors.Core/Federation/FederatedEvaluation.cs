//  Evaluation by the hospitals
//      Each hospital counts how the round's model does on its own patients, in whole numbers that add. They travel behind the
//      update in the same secure sum, so that the figures of all patients come out and those of one hospital do not.
//  Layout:   hospitals that counted; found and cleared at threshold 1/2; the sum of log losses; positives, then negatives in
//            each of 128 bins of the log odds; the sum of probabilities in each of 16 groups of 8 bins.
//  Bins:     [-8, 8] of log odds in steps of 1/8; what lies outside falls into the first or the last.
//  Source:   area under the curve with ties half: Hanley, McNeil, Radiology 1982;143:29. Calibration error as the mean of
//            |predicted - observed| over groups: Naeini et al., AAAI 2015.
//  Error:    accuracy, sensitivity, specificity: none. AUROC: at most AurocError, half the share of pairs of a positive and a
//            negative that share a bin; of those nobody knows the order. Log loss and calibration error: what each hospital rounds
//            to 2^-FractionBits; at most hospitals/(2N) and groups·hospitals/(2N) of such steps.
//  Proof:    FederatedEvaluation.md

using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>What a hospital counts of a model, and what follows from the counts of all.</summary>
public static class FederatedEvaluation
{
    /// <summary>Bins of the score histogram.</summary>
    public const int Bins = 128;

    /// <summary>Groups of the calibration, of equal width in log odds.</summary>
    public const int Groups = 16;

    /// <summary>Whole numbers that a hospital sends.</summary>
    public const int Counts = PositivesAt + 2 * Bins + Groups;

    private const int HospitalsAt = 0, FoundAt = 1, ClearedAt = 2, LossAt = 3, PositivesAt = 4;
    private const int NegativesAt = PositivesAt + Bins, ProbabilityAt = NegativesAt + Bins;
    private const double LargestLogOdds = 8;

    // -log of the smallest probability, rounded up: no patient costs more.
    private const double LargestLoss = 35;

    // More would show nothing: a double keeps 52, a sum takes some of them.
    private const int MostFractionBits = 24;

    /// <summary>
    /// Whether the hospitals evaluate in this job. The one place that decides it. With plain sums the hub would see the figures of
    /// each, under differential privacy no count may leave a hospital without noise, and a model of which each keeps layers to
    /// itself is another one everywhere: then they do not. Nor where a job file is read without its data, and has no inputs yet.
    /// </summary>
    public static bool IsPartOf(JobPlan plan) =>
        plan.Evaluation.ByHospitals && plan.SecureAggregation.Enabled && plan.Privacy.Mode == PrivacyMode.Off
        && plan.Training.LocalLayers.IsEmpty && !plan.Model.Features.IsEmpty
        && ModelCatalog.Create(plan.Model).Outcome == OutcomeKind.Binary;

    /// <summary>Whether the figure of that name follows from what they count.</summary>
    public static bool IsCounted(Metric metric) =>
        metric is Metric.Auroc or Metric.Accuracy or Metric.LogLoss or Metric.Sensitivity or Metric.Specificity;

    /// <summary>
    /// Whether they do in <paramref name="round"/>: its incoming model is the initial one, or that of a round in which evaluation
    /// fell due.
    /// </summary>
    public static bool IsDue(JobPlan plan, int round) => IsPartOf(plan) && (round - 1) % plan.Evaluation.Every == 0;

    /// <summary>The sums of losses and probabilities are counted in steps of 2^-this; below 0 where the ring has no room for them.</summary>
    public static int FractionBits(FixedPointCode code) =>
        (int)Math.Min(MostFractionBits, Math.Floor(Math.Log2(code.CountCap / (LargestLoss * code.WeightCap))));

    /// <summary>Counts one hospital's patients.</summary>
    /// <param name="model">Answers with the probability of label 1.</param>
    /// <param name="patients">Those the hospital evaluates on; of more than the weight cap the first ones.</param>
    /// <param name="minimum">Fewer patients than these: all counts are 0.</param>
    /// <param name="counts">Length <see cref="Counts"/>; overwritten.</param>
    /// <exception cref="ArgumentException">A length does not fit, the ring has no room, or a score is not a probability.</exception>
    public static void Count(
        IModel model, ReadOnlySpan<double> parameters, PatientTable patients, int minimum, FixedPointCode code, Span<long> counts)
    {
        if (counts.Length != Counts || FractionBits(code) < 0)
            throw new ArgumentException($"{counts.Length} counts where {Counts} belong, or a ring without room for them.", nameof(counts));
        counts.Clear();
        if (patients.Rows < minimum)
            return;
        var scores = new double[patients.Rows];
        model.Predict(parameters, patients, scores);
        Count(scores.AsSpan(0, Math.Min(scores.Length, code.WeightCap)), patients.Labels, FractionBits(code), counts);
    }

    /// <summary>The same from scores.</summary>
    /// <param name="scores">Probability of label 1, in [0, 1].</param>
    /// <param name="labels">0 or 1, at least as many as scores.</param>
    public static void Count(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, int fractionBits, Span<long> counts)
    {
        counts.Clear();
        counts[HospitalsAt] = 1;
        Span<double> probability = stackalloc double[Groups];
        var loss = 0.0;
        for (var i = 0; i < scores.Length; i++)
        {
            var (score, positive) = (scores[i], labels[i] == 1);
            var bin = BinOf(score);
            counts[(positive ? PositivesAt : NegativesAt) + bin]++;
            probability[GroupOf(bin)] += score;
            loss -= Math.Log(Math.Max(positive ? score : 1 - score, BinaryEvaluation.SmallestProbability));
            if (positive && score >= 0.5)
                counts[FoundAt]++;
            if (!positive && score < 0.5)
                counts[ClearedAt]++;
        }
        counts[LossAt] = Steps(loss);
        for (var group = 0; group < Groups; group++)
            counts[ProbabilityAt + group] = Steps(probability[group]);

        long Steps(double x) => (long)Math.Round(Math.ScaleB(x, fractionBits), MidpointRounding.ToEven);
    }

    /// <summary>The figures that follow from the counts of all; null where they contradict one another, or nobody counted.</summary>
    /// <param name="counts">Length <see cref="Counts"/>: sums over hospitals.</param>
    public static FederatedFigures? Of(ReadOnlySpan<long> counts, int fractionBits)
    {
        if (counts.Length != Counts || counts.ContainsAnyInRange(long.MinValue, -1L) || counts[HospitalsAt] < 1)
            return null;
        var (positives, negatives, pairs, tied, below) = (0L, 0L, 0.0, 0.0, 0L);
        var miscalibrated = 0.0;
        Span<long> observed = stackalloc long[Groups];
        for (var bin = 0; bin < Bins; bin++)
        {
            var (sick, healthy) = (counts[PositivesAt + bin], counts[NegativesAt + bin]);
            pairs += (double)sick * below;
            tied += (double)sick * healthy;
            below += healthy;
            (positives, negatives) = (positives + sick, negatives + healthy);
            observed[GroupOf(bin)] += sick;
        }
        for (var group = 0; group < Groups; group++)
            miscalibrated += Math.Abs(Math.ScaleB(counts[ProbabilityAt + group], -fractionBits) - observed[group]);
        var n = positives + negatives;
        var (found, cleared) = (counts[FoundAt], counts[ClearedAt]);
        if (n < 1 || found > positives || cleared > negatives)
            return null;
        var all = (double)positives * negatives;
        return new FederatedFigures(
            (int)counts[HospitalsAt], n, positives,
            all > 0 ? (pairs + tied / 2) / all : double.NaN, all > 0 ? tied / 2 / all : double.NaN,
            (double)(found + cleared) / n, Math.ScaleB(counts[LossAt], -fractionBits) / n,
            positives > 0 ? (double)found / positives : double.NaN, negatives > 0 ? (double)cleared / negatives : double.NaN,
            miscalibrated / n);
    }

    private static int BinOf(double score)
    {
        if (!(score is >= 0 and <= 1))
            throw new ArgumentException("A score is not a probability.");
        var place = (Math.Log(score / (1 - score)) + LargestLogOdds) * (Bins / (2 * LargestLogOdds));
        return (int)Math.Clamp(Math.Floor(place), 0, Bins - 1);
    }

    private static int GroupOf(int bin) => bin / (Bins / Groups);
}

/// <summary>A model's figures over the patients of all hospitals that counted, from one open sum: never one hospital's.</summary>
/// <param name="Hospitals">How many counted.</param>
/// <param name="N">Patients.</param>
/// <param name="Positives">Those with label 1.</param>
/// <param name="Auroc">With equal bins for equal scores; NaN where one class is absent.</param>
/// <param name="AurocError">The exact AUROC is within this of it.</param>
/// <param name="LogLoss">Mean, in nats.</param>
/// <param name="CalibrationError">Mean over patients of |predicted - observed| share of their group.</param>
public sealed record FederatedFigures(
    int Hospitals, long N, long Positives, double Auroc, double AurocError, double Accuracy, double LogLoss, double Sensitivity,
    double Specificity, double CalibrationError)
{
    /// <summary>The figure of that name.</summary>
    public double Of(Metric metric) => metric switch
    {
        Metric.Auroc => Auroc,
        Metric.Accuracy => Accuracy,
        Metric.LogLoss => LogLoss,
        Metric.Sensitivity => Sensitivity,
        Metric.Specificity => Specificity,
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric, "Hospitals do not count it."),
    };
}
