using System.Globalization;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Tests;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Data;

/// <summary>The four heart disease hospitals against reference numbers made elsewhere from the same rules.</summary>
public class HeartDiseaseTests
{
    [Test]
    public void The_published_split_is_taken_row_by_row()
    {
        var data = Load();
        var reference = SharedFolder.Reference("heart_flamby_split.csv");
        foreach (var hospital in data.Hospitals)
        {
            int Count(string set, string label) =>
                reference.Count(row => row[0] == hospital.Hospital.ToString() && row[2] == set && row[3] == label);
            Assert.That((hospital.Train.Rows - hospital.Train.Positives, hospital.Train.Positives),
                Is.EqualTo((Count("train", "0"), Count("train", "1"))));
            Assert.That((hospital.Test.Rows - hospital.Test.Positives, hospital.Test.Positives),
                Is.EqualTo((Count("test", "0"), Count("test", "1"))));
        }
        Assert.That(data.Hospitals.Select(h => h.Train.Rows + h.Test.Rows), Is.EqualTo(new[] { 303, 261, 46, 130 }));
        Assert.That(data.External, Is.Null);
    }

    [Test]
    public void The_pooled_model_has_the_reference_weights_and_federated_newton_is_that_model()
    {
        var data = Load();
        var reference = SharedFolder.Reference("heart_lr_pooled_weights.csv");
        var pooled = Baselines.Of(data, BareFederation.Job(data)).PooledParameters;
        Assert.That(data.Test.FeatureNames.Append("bias"), Is.EqualTo(reference.Select(row => row[0])));
        Assert.That(pooled, Is.EqualTo(reference.Select(row => Number(row[1]))).Within(1e-8));
        Assert.That(BareFederation.Rounds(data, BareFederation.Newton(8)).Last(), Is.EqualTo(pooled).Within(1e-8));
    }

    [Test]
    public void Federated_averaging_follows_the_reference_trace()
    {
        var rounds = BareFederation.Rounds(Load(), BareFederation.FedAvg(10)).ToArray();
        foreach (var row in SharedFolder.Reference("heart_fedavg_trace.csv"))
            Assert.That(rounds[int.Parse(row[0]) - 1], Is.EqualTo(row.Skip(1).Select(Number)).Within(1e-9),
                $"round {row[0]}");
    }

    [Test]
    public void Every_figure_is_the_reference_figure()
    {
        var data = Load();
        var baselines = Baselines.Of(data, BareFederation.Job(data));
        var models = new Dictionary<string, double[]>
        {
            ["LR pooled"] = [.. baselines.PooledParameters],
            ["LR alone cleveland"] = [.. baselines.Alone[0].Parameters],
            ["LR FedAvg R10E5"] = BareFederation.Rounds(data, BareFederation.FedAvg(10)).Last(),
        };
        var rows = SharedFolder.Reference("heart_metrics.csv");
        Assert.That(rows, Has.Count.EqualTo(15));
        foreach (var row in rows)
        {
            var patients = row[1] == "POOLED"
                ? data.Test
                : data.Hospitals.Single(h => h.Hospital.ToString() == row[1]).Test;
            var actual = BareFederation.Judge(models[row[0]], patients);
            Assert.That(new[] { actual.Auroc, actual.Accuracy, actual.LogLoss, actual.N },
                Is.EqualTo(row.Skip(2).Select(Number)).Within(1e-9), $"{row[0]} on {row[1]}");
        }
    }

    [Test]
    public void Hospitals_alone_ensemble_and_more_rounds_give_the_reference_summary()
    {
        var data = Load();
        var baselines = Baselines.Of(data, BareFederation.Job(data));
        var figures = new Dictionary<string, BinaryMetrics>
        {
            ["LR pooled"] = (BinaryMetrics)baselines.Pooled,
            ["LR ensemble-of-alone"] = (BinaryMetrics)baselines.Ensemble,
            ["LR FedAvg R30E5"] =
            BareFederation.Judge(BareFederation.Rounds(data, BareFederation.FedAvg(30)).Last(), data.Test),
            ["LR FedAvg R200E5"] =
            BareFederation.Judge(BareFederation.Rounds(data, BareFederation.FedAvg(200)).Last(), data.Test),
            ["LR FedSGD R1000E1"] =
            BareFederation.Judge(BareFederation.Rounds(data, BareFederation.FedAvg(1000, localSteps: 1)).Last(),
                data.Test),
        };
        foreach (var alone in baselines.Alone)
            figures[$"LR alone {alone.Hospital}"] = (BinaryMetrics)alone.Metrics;
        var rows = SharedFolder.Reference("summary_heart.csv")
            .Where(row => row[0] == "heartFLamby" && row[2] == "POOLED" && figures.ContainsKey(row[1])).ToArray();
        Assert.That(rows, Has.Length.EqualTo(9));
        Assert.Multiple(() =>
        {
            foreach (var row in rows)
                Assert.That(new[] { figures[row[1]].Auroc, figures[row[1]].Accuracy, figures[row[1]].LogLoss },
                    Is.EqualTo(new[] { Number(row[3]), Number(row[5]), Number(row[7]) }).Within(5.1e-6), row[1]);
        });
    }

    [Test]
    public void The_pooled_accuracy_is_the_one_that_FLamby_publishes()
    {
        var data = Load();
        var published = SharedFolder.Reference("flamby_published_heart.csv")
            .Single(row => row[0] == "Pooled Training")[1].Split('±');
        Assert.That(Baselines.Of(data, BareFederation.Job(data)).Pooled.Of(Metric.Accuracy),
            Is.EqualTo(Number(published[0])).Within(Number(published[1])));
        Assert.That(
            BareFederation.Judge(BareFederation.Rounds(data, BareFederation.FedAvg(200)).Last(), data.Test).Accuracy,
            Is.GreaterThanOrEqualTo(Number(published[0]) - Number(published[1])));
    }

    private static FederatedData Load() => SampleData.Load("heart-disease", SharedFolder.Path("data/heart-disease"));

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
