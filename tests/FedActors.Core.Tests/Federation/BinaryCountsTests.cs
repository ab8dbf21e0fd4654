using CsCheck;
using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Core.Tests.Federation;

public class BinaryCountsTests
{
    private const int Bits = 10;

    private static readonly Gen<(double[] Scores, double[] Labels)> Patients =
        (from place in Gen.Double[-9, 9]
         from noise in Gen.Double[-3, 3]
         from sick in Gen.Bool
         select (Score: 1 / (1 + Math.Exp(-(place + (sick ? noise : -noise)))), Label: sick ? 1.0 : 0.0))
        .Array[1, 60]
        .Select(patients =>
            (patients.Select(patient => patient.Score).ToArray(), patients.Select(patient => patient.Label).ToArray()));

    [Test]
    public void The_calibration_error_is_that_of_the_definition_within_what_is_rounded() => Patients.Sample(patients =>
    {
        // Groups of one unit of log odds, the outer ones open.
        var expected = patients.Scores.Zip(patients.Labels, (score, label) => (score, label))
            .GroupBy(one => Math.Clamp(Math.Floor(Math.Log(one.score / (1 - one.score)) + 8), 0, 15))
            .Sum(group => Math.Abs(group.Sum(one => one.score - one.label))) / patients.Scores.Length;
        var step = Math.ScaleB(1, -Bits) / (2.0 * patients.Scores.Length);
        Assert.That(Figures(patients.Scores, patients.Labels).CalibrationError,
            Is.EqualTo(expected).Within(BinaryCounts.Groups * step + 1e-12));
    });

    [Test]
    public void The_stated_error_of_the_AUROC_is_reached_where_one_bin_holds_all()
    {
        var figures = Figures([0.501, 0.502], [0, 1]);
        Assert.That((figures.Auroc, figures.AurocError), Is.EqualTo((0.5, 0.5)));
        Assert.That(BinaryEvaluation.Auroc([0.501, 0.502], [0, 1]), Is.EqualTo(1));
    }

    [Test]
    public void Certain_scores_have_bins_and_a_finite_loss()
    {
        var figures = Figures([0, 1, 1, 0], [0, 1, 0, 1]);
        Assert.That(figures.Auroc, Is.EqualTo(0.5));
        Assert.That(figures.LogLoss, Is.EqualTo(-Math.Log(BinaryEvaluation.SmallestProbability) / 2).Within(1e-3));
        Assert.Throws<ArgumentException>(() => Figures([double.NaN], [0]));
    }

    private static FederatedBinaryFigures Figures(double[] scores, double[] labels)
    {
        var counts = new long[new BinaryCounts().Length];
        BinaryCounts.Count(scores, labels, Bits, counts);
        return (FederatedBinaryFigures)new BinaryCounts().Of(counts, Bits)!;
    }
}
