using FedActors.Core.Data;
using FedActors.Core.Models;

namespace FedActors.Core.Tests.Models;

public class ModelEvaluationTests
{
    [Test]
    public void Classes_are_judged_one_against_the_rest()
    {
        var metrics =
            (ClassMetrics)ModelEvaluation.Of([.7, .2, .1, .5, .4, .1, .1, .1, .8, .3, .3, .4],
                Outcomes.Class([0, 1, 2, 0], 3));
        Assert.Multiple(() =>
        {
            // Class 0: 3 of 4 pairs; class 1: 3 of 3; class 2: 3 of 3.
            Assert.That(metrics.MacroAuroc, Is.EqualTo((.75 + 1 + 1) / 3).Within(1e-15));
            Assert.That(metrics.Accuracy, Is.EqualTo(.5));
            Assert.That(metrics.LogLoss, Is.EqualTo(-(Math.Log(.7) + Math.Log(.4) + Math.Log(.8) + Math.Log(.3)) / 4)
                .Within(1e-15));
        });
    }

    [Test]
    public void A_class_that_nobody_has_is_left_out_of_the_mean()
    {
        Assert.That(((ClassMetrics)ModelEvaluation.Of([.8, .1, .1, .2, .7, .1], Outcomes.Class([0, 1], 3))).MacroAuroc,
            Is.EqualTo(1));
        Assert.That(((ClassMetrics)ModelEvaluation.Of([.8, .2], Outcomes.Class([0], 2))).MacroAuroc, Is.NaN);
    }

    [Test]
    public void Numbers_are_judged_in_the_units_of_their_column()
    {
        var metrics = (RealMetrics)ModelEvaluation.Of([1, 2, 4], Outcomes.Real([1, 3, 5], unit: 10));
        Assert.That((metrics.Rmse, metrics.RSquared), Is.EqualTo((10 * Math.Sqrt(2 / 3.0), 0.75)).Within(1e-12));
        Assert.That(((RealMetrics)ModelEvaluation.Of([1, 2], Outcomes.Real([1, 1]))).RSquared, Is.NaN);
    }

    [Test]
    public void Concordance_counts_pairs_of_which_one_is_known_to_have_lived_longer()
    {
        // Events at 2 and 4; one is censored at 2, which counts as longer, one at 1, which says nothing.
        var outcomes = Outcomes.Survival([2, 4, 2, 1, 5], [1, 1, 0, 0, 0]);
        var metrics = (SurvivalMetrics)ModelEvaluation.Of([3, 1, 3, 9, 2], outcomes);
        // Pairs: (0,1) right, (0,2) tied, (0,4) right, (1,4) wrong.
        Assert.That((metrics.CIndex, metrics.Events), Is.EqualTo((2.5 / 4, 2)));
        Assert.That(((SurvivalMetrics)ModelEvaluation.Of([1, 2], Outcomes.Survival([1, 2], [0, 0]))).CIndex, Is.NaN);
    }

    [Test]
    public void As_many_answers_as_patients_are_asked_for() =>
        Assert.That(() => ModelEvaluation.Of([1, 2], Outcomes.Class([0, 1], 2)), Throws.ArgumentException);
}
