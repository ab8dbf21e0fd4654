using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Federation;

public class ModelSelectionTests
{
    [Test]
    public void The_best_is_the_earliest_of_the_best_and_a_round_tells_of_the_model_before_it()
    {
        var rounds = Rounds(0.5, null, 0.8, null, 0.8, null, 0.7);
        Assert.That(ModelSelection.Best(rounds, Metric.Auroc), Is.EqualTo(2));
        Assert.That(ModelSelection.Best(rounds, Metric.LogLoss), Is.EqualTo(0), "of losses the smallest");
        Assert.That(ModelSelection.Best(OfNumbers(2, 0.5, 0.6), Metric.Rmse), Is.EqualTo(1), "of errors too");
        Assert.That(ModelSelection.Best(OfNumbers(2, 0.5, 0.6), Metric.RSquared), Is.EqualTo(0));
        Assert.That(ModelSelection.Best(OfSurvival((0.5, 2), (0.6, 1), (0.7, 3)), Metric.PartialLogLoss),
            Is.EqualTo(1));
        Assert.That(ModelSelection.Best(OfSurvival((0.5, 2), (0.6, 1), (0.7, 3)), Metric.CIndex), Is.EqualTo(2));
        Assert.That(ModelSelection.Best(Rounds(null, null), Metric.Auroc), Is.Null);
        Assert.That(ModelSelection.Best(Rounds(double.NaN, 0.6), Metric.Auroc), Is.EqualTo(1),
            "what does not exist decides nothing");
    }

    [Test]
    public void A_job_ends_with_its_last_model_unless_it_keeps_the_best()
    {
        var rounds = Rounds(0.5, 0.9, 0.8);
        Assert.That(ModelSelection.Kept(rounds, Plan()), Is.EqualTo(3));
        Assert.That(ModelSelection.Kept(rounds, Plan() with { Keep = KeptModel.Best }), Is.EqualTo(1));
        Assert.That(ModelSelection.Kept(Rounds(null, null), Plan() with { Keep = KeptModel.Best }), Is.EqualTo(2),
            "nobody evaluated");
        Assert.That(ModelSelection.Kept([], Plan() with { Keep = KeptModel.Best }), Is.Zero);
    }

    [Test]
    public void It_stops_after_as_many_evaluations_without_a_better_model_as_its_patience()
    {
        var two = Plan() with { Patience = 2 };
        Assert.That(ModelSelection.IsExhausted(Rounds(0.5, 0.9, 0.8), two), Is.False);
        Assert.That(ModelSelection.IsExhausted(Rounds(0.5, 0.9, null, 0.8, null, 0.9), two), Is.True);
        Assert.That(ModelSelection.IsExhausted(Rounds(0.5, 0.9, 0.8, 0.7, 0.95), two), Is.False,
            "a better one came after all");
        Assert.That(ModelSelection.IsExhausted(Rounds(0.9, 0.1, 0.1, 0.1), Plan()), Is.False,
            "without patience it never stops");
    }

    private static EvaluationPlan Plan() => new(1, Metric.Auroc, ByHospitals: true);

    // Each value is the figure of every metric in one round; null where nobody evaluated.
    private static RoundRecord[] Rounds(params double?[] values) =>
        Of(
            [.. values.Select(value => value is { } v
                ? new FederatedBinaryFigures(3, 10, 5, v, 0, v, v, v, v, v)
                : null)]);

    private static RoundRecord[] OfNumbers(params double[] values) =>
        Of([.. values.Select(value => new FederatedRealFigures(3, 10, 0, value, 0, value, 0))]);

    private static RoundRecord[] OfSurvival(params (double CIndex, double Loss)[] values) =>
        Of([.. values.Select(value => new FederatedSurvivalFigures(3, 10, 5, value.CIndex, value.Loss))]);

    private static RoundRecord[] Of(FederatedFigures?[] figures) =>
    [
        .. figures.Select((one, i) => new RoundRecord(
            new RoundId("job", i + 1, 1), [], [], Digest.Of([(byte)i]), 0, null, 0, 0, 0, 0, TimeSpan.Zero, default,
            one)),
    ];
}
