using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Data;

/// <summary>The figures that the biopsies are known to give, to the digits they are known to.</summary>
public class BreastTumourTests
{
    private static readonly FederatedData Data = SampleData.Load("breast-tumour");

    [Test]
    public void Five_hospitals_take_their_case_mix_and_the_rest_is_the_test()
    {
        Assert.That(
            Data.Hospitals.Select(h => (h.Hospital.ToString(), h.Train.Positives, h.Train.Rows - h.Train.Positives)),
            Is.EqualTo(
            new[] { ("amsterdam", 16, 24), ("berlin", 2, 38), ("madrid", 38, 2), ("milan", 28, 12),
                ("paris", 6, 34) }));
        Assert.That((Data.Test.Rows, Data.Test.Positives, Data.External), Is.EqualTo((369, 122, (PatientTable?)null)));
        Assert.That(Data.Test.Features, Is.EqualTo(30));
        Assert.That(Data.Hospitals.SelectMany(h => h.Train.Values.ToArray()), Is.All.InRange(-1 - 1e-12, 1 + 1e-12));
    }

    [Test]
    public void Hospitals_alone_together_and_pooled_give_the_known_figures()
    {
        var baselines = Baselines.Of(Data, BareFederation.Job(Data));
        Assert.Multiple(() =>
        {
            foreach (var (hospital, auroc, accuracy, sensitivity, specificity) in new[]
            {
                ("berlin", .9890, .7480, .2377, 1.000), ("paris", .9865, .8997, .6967, 1.000),
                ("amsterdam", .9897, .9648, .9262, .9838), ("milan", .9932, .8943, .9918, .8462),
                ("madrid", .9859, .3442, 1.000, .0202),
            })
                AssertFigures(hospital, baselines.Alone.Single(a => a.Hospital.ToString() == hospital).Metrics, auroc,
                    accuracy, sensitivity, specificity);
            AssertFigures("ensemble", baselines.Ensemble, .9919, .9648, .9016);
            AssertFigures("pooled", baselines.Pooled, .9943, .9702, .9672, .9717);
            var means = baselines.Alone.Select(a => (BinaryMetrics)a.Metrics).ToArray();
            Assert.That(means.Average(m => m.Auroc), Is.EqualTo(.9889).Within(5.1e-5));
            Assert.That(means.Average(m => m.Accuracy), Is.EqualTo(.7702).Within(5.1e-5));
            Assert.That(means.Average(m => m.Sensitivity), Is.EqualTo(.7705).Within(5.1e-5));
            Assert.That(means.Average(m => m.Specificity), Is.EqualTo(.7700).Within(5.1e-5));
        });
    }

    [TestCase(60, .9918, .9621, .9344, .9757)]
    [TestCase(200, .9931, .9675, .9590, .9717)]
    public void Federated_averaging_gives_the_known_figures(
        int rounds, double auroc, double accuracy, double sensitivity, double specificity)
    {
        var last = BareFederation.Rounds(Data, BareFederation.FedAvg(rounds)).Last();
        AssertFigures($"{rounds} rounds", BareFederation.Judge(last, Data.Test), auroc, accuracy, sensitivity,
            specificity);
    }

    [Test]
    public void Federated_newton_is_the_pooled_model_after_eight_rounds()
    {
        var pooled = Baselines.Of(Data, BareFederation.Job(Data)).PooledParameters;
        Assert.That(BareFederation.Rounds(Data, BareFederation.Newton(8)).Last(), Is.EqualTo(pooled).Within(1e-8));
    }

    private static void AssertFigures(
        string whose, ModelMetrics judged, double auroc, double accuracy, double sensitivity,
        double? specificity = null) => Assert.Multiple(() =>
    {
        var actual = (BinaryMetrics)judged;
        Assert.That(actual.Auroc, Is.EqualTo(auroc).Within(5.1e-5), $"AUROC, {whose}");
        Assert.That(actual.Accuracy, Is.EqualTo(accuracy).Within(5.1e-5), $"accuracy, {whose}");
        Assert.That(actual.Sensitivity, Is.EqualTo(sensitivity).Within(5.1e-5), $"sensitivity, {whose}");
        if (specificity is { } known)
            Assert.That(actual.Specificity, Is.EqualTo(known).Within(5.1e-5), $"specificity, {whose}");
    });
}
