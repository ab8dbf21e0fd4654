//  What hospitals count of a model of classes
//  Layout:   hospitals; patients; those whose most probable class was right; the sum of log losses; then for each class
//            two score
//            histograms of its probability: patients of that class, and the others.
//  Source:   ScoreHistogram.cs; the mean over classes of each against the rest: Hand, Till, Machine Learning
//            2001;45:171.
//  Size:     4 + 256 numbers a class.
//  Error:    accuracy: none. Macro AUROC: AurocError, the mean of the classes' own. Log loss: at most hospitals/(2N)
//            steps.

using System.Numerics.Tensors;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>Counts answers that are a probability for each class.</summary>
/// <param name="classes">At least 2.</param>
internal sealed class ClassCounts(int classes) : OutcomeCounts
{
    private const int PatientsAt = 1, RightAt = 2, LossAt = 3, HistogramsAt = 4;

    public override int Length => HistogramsAt + 2 * classes * ScoreHistogram.Bins;

    public override double LargestTerm => LargestLoss;

    public override void Count(
        IModel model, ReadOnlySpan<double> parameters, PatientBatch batch, int fractionBits, Span<long> counts) =>
        Count(AnswersOf(model, parameters, batch).AsSpan(0, batch.Count * classes), batch.Patients.Labels, fractionBits,
            counts);

    /// <summary>The same from probabilities.</summary>
    /// <param name="probabilities">Of each class for each patient, each in [0, 1].</param>
    /// <param name="labels">Numbers of classes, at least as many as there are patients.</param>
    public void Count(
        ReadOnlySpan<double> probabilities, ReadOnlySpan<double> labels, int fractionBits, Span<long> counts)
    {
        var patients = probabilities.Length / classes;
        (counts[HospitalsAt], counts[PatientsAt]) = (1, patients);
        var loss = 0.0;
        for (var i = 0; i < patients; i++)
        {
            var own = probabilities.Slice(i * classes, classes);
            var truth = (int)labels[i];
            for (var k = 0; k < classes; k++)
                counts[HistogramAt(k, k == truth) + ScoreHistogram.BinOf(own[k])]++;
            if (own.IndexOf(TensorPrimitives.Max(own)) == truth)
                counts[RightAt]++;
            loss -= Math.Log(Math.Max(own[truth], BinaryEvaluation.SmallestProbability));
        }
        counts[LossAt] = Steps(loss, fractionBits);
    }

    protected override FederatedFigures? Follow(ReadOnlySpan<long> counts, double step)
    {
        var (n, right) = (counts[PatientsAt], counts[RightAt]);
        if (n < 1 || right > n)
            return null;
        var (areas, errors, counted) = (0.0, 0.0, 0);
        for (var k = 0; k < classes; k++)
        {
            var of = counts.Slice(HistogramAt(k, own: true), ScoreHistogram.Bins);
            var others = counts.Slice(HistogramAt(k, own: false), ScoreHistogram.Bins);
            if (TensorPrimitives.Sum(of) + TensorPrimitives.Sum(others) != n)
                return null;
            if (ScoreHistogram.Area(of, others) is var (area, error) && !double.IsNaN(area))
                (areas, errors, counted) = (areas + area, errors + error, counted + 1);
        }
        return new FederatedClassFigures(
            (int)counts[HospitalsAt], n, counted == 0 ? double.NaN : areas / counted,
            counted == 0 ? double.NaN : errors / counted,
            (double)right / n, step * counts[LossAt] / n);
    }

    private static int HistogramAt(int k, bool own) => HistogramsAt + (2 * k + (own ? 0 : 1)) * ScoreHistogram.Bins;
}
