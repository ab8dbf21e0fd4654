//  Evaluation of any model
//      Binary: BinaryEvaluation. Classes: one-vs-rest. Survival: Harrell's C over all pairs of an event and somebody
//              known to have
//      lived longer; one who was observed until that very time counts as longer. Strata are not asked: everyone is
//      compared.
//  Source:   Hand, Till, Machine Learning 2001;45:171 on averaging over classes; Harrell et al., JAMA 1982;247:2543.
//  Size:     O(n²) for survival, else O(n log n).

using System.Numerics.Tensors;
using FedActors.Core.Data;

namespace FedActors.Core.Models;

/// <summary>Judges a model's answers against what became of the patients.</summary>
public static class ModelEvaluation
{
    /// <summary>The figures of a model on patients.</summary>
    /// <exception cref="ArgumentException">The table does not fit the model, or has no patients.</exception>
    public static ModelMetrics Of(IModel model, ReadOnlySpan<double> parameters, PatientTable patients)
    {
        var answers = new double[patients.Rows * model.Outputs];
        model.Predict(parameters, patients, answers);
        return Of(answers, patients.Outcomes);
    }

    /// <summary>The figures of answers.</summary>
    /// <param name="answers">As <see cref="IModel.Predict"/> writes them.</param>
    /// <exception cref="ArgumentException">There are no patients, or not as many answers.</exception>
    public static ModelMetrics Of(ReadOnlySpan<double> answers, Outcomes outcomes)
    {
        var each = outcomes.Kind == OutcomeKind.Class ? outcomes.Classes : 1;
        if (outcomes.Rows == 0 || answers.Length != outcomes.Rows * each)
            throw new ArgumentException($"{answers.Length} answers cannot be judged by {outcomes.Rows} patients.",
                nameof(answers));
        return outcomes.Kind switch
        {
            OutcomeKind.Binary => BinaryEvaluation.Of(answers, outcomes.Labels),
            OutcomeKind.Class => OfClasses(answers, outcomes.Labels, each),
            OutcomeKind.Real => OfNumbers(answers, outcomes.Labels, outcomes.Unit),
            _ => new SurvivalMetrics(CIndex(answers, outcomes), outcomes.Rows, outcomes.Labels.Count(1.0)),
        };
    }

    private static ClassMetrics OfClasses(ReadOnlySpan<double> probabilities, ReadOnlySpan<double> labels, int classes)
    {
        var (right, loss) = (0, 0.0);
        for (var i = 0; i < labels.Length; i++)
        {
            var own = probabilities.Slice(i * classes, classes);
            var truth = (int)labels[i];
            if (own.IndexOf(TensorPrimitives.Max(own)) == truth)
                right++;
            loss -= Math.Log(Math.Max(own[truth], BinaryEvaluation.SmallestProbability));
        }
        var (areas, counted) = (0.0, 0);
        var (scores, ones) = (new double[labels.Length], new double[labels.Length]);
        for (var k = 0; k < classes; k++)
        {
            for (var i = 0; i < labels.Length; i++)
                (scores[i], ones[i]) = (probabilities[i * classes + k], labels[i] == k ? 1 : 0);
            if (BinaryEvaluation.Auroc(scores, ones) is var area && !double.IsNaN(area))
                (areas, counted) = (areas + area, counted + 1);
        }
        return new ClassMetrics(
            counted == 0 ? double.NaN : areas / counted, (double)right / labels.Length, loss / labels.Length,
            labels.Length);
    }

    private static RealMetrics OfNumbers(ReadOnlySpan<double> answers, ReadOnlySpan<double> labels, double unit)
    {
        var mean = TensorPrimitives.Sum(labels) / labels.Length;
        var (errors, spread) = (0.0, 0.0);
        for (var i = 0; i < labels.Length; i++)
        {
            errors += (answers[i] - labels[i]) * (answers[i] - labels[i]);
            spread += (labels[i] - mean) * (labels[i] - mean);
        }
        return new RealMetrics(Math.Abs(unit) * Math.Sqrt(errors / labels.Length),
            spread == 0 ? double.NaN : 1 - errors / spread, labels.Length);
    }

    private static double CIndex(ReadOnlySpan<double> hazards, Outcomes outcomes)
    {
        var (halves, pairs) = Concordance(hazards, outcomes);
        return pairs == 0 ? double.NaN : halves / (2.0 * pairs);
    }

    /// <summary>Pairs that can be compared, and twice those in which the hazards agree with the outcome, ties
    /// once.</summary>
    /// <param name="hazards">At most as many as there are outcomes: of the first patients.</param>
    internal static (long Halves, long Pairs) Concordance(ReadOnlySpan<double> hazards, Outcomes outcomes)
    {
        var times = outcomes.Times;
        var events = outcomes.Labels;
        var (halves, pairs) = (0L, 0L);
        for (var i = 0; i < hazards.Length; i++)
        {
            if (events[i] != 1)
                continue;
            for (var j = 0; j < hazards.Length; j++)
            {
                if (i == j || times[j] < times[i] || (times[j] == times[i] && events[j] == 1))
                    continue;
                pairs++;
                halves += hazards[i] > hazards[j] ? 2 : hazards[i] == hazards[j] ? 1 : 0;
            }
        }
        return (halves, pairs);
    }
}
