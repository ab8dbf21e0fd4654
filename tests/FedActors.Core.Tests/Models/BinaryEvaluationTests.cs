using CsCheck;
using FedActors.Core.Models;

namespace FedActors.Core.Tests.Models;

public class BinaryEvaluationTests
{
    // Few distinct scores, so that ties are the rule.
    private static readonly Gen<(double[] Scores, double[] Labels)> Judged =
        Gen.Select(Gen.Int[0, 6].Select(k => k / 6.0), Gen.Bool.Select(b => b ? 1.0 : 0.0)).Array[1, 60]
            .Select(rows => (rows.Select(row => row.Item1).ToArray(), rows.Select(row => row.Item2).ToArray()));

    [Test]
    public void Auroc_is_the_share_of_pairs_in_the_right_order_with_ties_half() => Judged.Sample((scores, labels) =>
    {
        var (wins, pairs) = (0.0, 0);
        for (var i = 0; i < scores.Length; i++)
        {
            for (var j = 0; j < scores.Length; j++)
            {
                if (labels[i] != 1 || labels[j] != 0)
                    continue;
                pairs++;
                wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
            }
        }
        var auroc = BinaryEvaluation.Auroc(scores, labels);
        return pairs == 0 ? double.IsNaN(auroc) : Math.Abs(auroc - wins / pairs) < 1e-14;
    });

    [Test]
    public void Counts_and_shares_agree() => Judged.Sample((scores, labels) =>
    {
        var m = BinaryEvaluation.Of(scores, labels);
        var positives = labels.Count(label => label == 1);
        var negatives = labels.Length - positives;
        return m.N == scores.Length
            && m.Missed == scores.Zip(labels).Count(row => row is { Second: 1, First: < 0.5 })
            && m.FalseAlarms == scores.Zip(labels).Count(row => row is { Second: 0, First: >= 0.5 })
            && Math.Abs(m.Accuracy - (1 - (m.Missed + m.FalseAlarms) / (double)m.N)) < 1e-12
            && (positives == 0 ? double.IsNaN(m.Sensitivity)
                : Math.Abs(m.Sensitivity - (1 - m.Missed / (double)positives)) < 1e-12)
            && (negatives == 0 ? double.IsNaN(m.Specificity)
                : Math.Abs(m.Specificity - (1 - m.FalseAlarms / (double)negatives)) < 1e-12);
    });

    [Test]
    public void A_wrong_certainty_costs_much_but_not_everything()
    {
        var wrong = BinaryEvaluation.Of([0, 1], [1, 0]);
        Assert.That(wrong.LogLoss, Is.EqualTo(-Math.Log(1e-15)).Within(1e-9));
        Assert.That(BinaryEvaluation.Of([1, 0], [1, 0]).LogLoss, Is.EqualTo(0));
    }

    [Test]
    public void What_is_no_probability_is_refused(
        [Values(-0.1, 1.1, double.NaN, double.PositiveInfinity)] double score) =>
        Assert.That(() => BinaryEvaluation.Of([score], [1]), Throws.ArgumentException);

    [Test]
    public void Scores_without_labels_or_patients_are_refused()
    {
        Assert.That(() => BinaryEvaluation.Of([0.5, 0.5], [1]), Throws.ArgumentException);
        Assert.That(() => BinaryEvaluation.Of([], []), Throws.ArgumentException);
    }
}
