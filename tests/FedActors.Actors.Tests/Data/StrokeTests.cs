using System.Globalization;
using FedActors.Actors.Data;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Tests;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Data;

/// <summary>The International Stroke Trial against reference numbers made elsewhere from the same rules.</summary>
public class StrokeTests
{
    private static readonly Dictionary<string, string> Networks = new()
    {
        ["UK"] = "uk",
        ["Italy"] = "italy",
        ["Switzerland"] = "switzerland",
        ["CentralEurope"] = "central-europe",
        ["Nordic"] = "nordic",
    };

    [Test]
    public void Networks_hold_the_very_rows_of_the_reference()
    {
        // The table knows no row numbers, so they become its only feature.
        var lines = File.ReadAllLines(Path.Combine(SharedFolder.Path("data/ist"), "ist_compact.csv"));
        var numbered =
            Path.Combine(TestContext.CurrentContext.WorkDirectory,
                $"numbered-{TestContext.CurrentContext.Test.ID}.csv");
        File.WriteAllLines(numbered, lines.Select((line, i) => (i == 0 ? "ROW," : $"{i - 1},") + line));
        var plan = SampleData.Plan("stroke");
        var rowColumn = new ColumnRule("ROW", ColumnType.Number, [], 0, 1e6, [], false);
        var data = DataLoader.Load(plan with
        {
            Files = [new DataFile(numbered, null, null)],
            Schema = plan.Schema
            with
            {
                Columns = plan.Schema.Columns.Add(rowColumn),
                Inputs = [new InputDescription("row", "ROW", 0, 1, [])]
            },
        }, "", null);
        foreach (var row in SharedFolder.Reference("ist5k_d14_check.csv"))
        {
            var hospital = Of(data, row[0]);
            var rows = hospital.Train.Values.ToArray();
            Assert.That(
                new[] { rows.Length, rows.Sum(), rows[0], rows[^1], hospital.Train.Positives, hospital.Test.Rows,
                    hospital.Test.Positives },
                Is.EqualTo(row.Skip(1).Select(Number)), row[0]);
        }
        Assert.That(data.External!.Rows, Is.EqualTo(5111));
    }

    [Test]
    public void The_pooled_model_has_the_reference_weights_and_federated_newton_is_that_model()
    {
        var data = Load();
        var reference = SharedFolder.Reference("ist5k_d14_weights.csv");
        var pooled = Baselines.Of(data, BareFederation.Job(data)).PooledParameters;
        Assert.That(data.Test.FeatureNames.Append("bias"), Is.EqualTo(reference.Select(row => row[0])));
        Assert.That(pooled, Is.EqualTo(reference.Select(row => Number(row[1]))).Within(1e-8));
        Assert.That(BareFederation.Rounds(data, BareFederation.Newton(8)).Last(), Is.EqualTo(pooled).Within(1e-8));
    }

    [Test]
    public void Federated_averaging_follows_the_reference_trace()
    {
        var rounds = BareFederation.Rounds(Load(), BareFederation.FedAvg(200)).ToArray();
        foreach (var row in SharedFolder.Reference("ist5k_d14_fedavg_trace.csv"))
            Assert.That(rounds[int.Parse(row[0]) - 1], Is.EqualTo(row.Skip(1).Select(Number)).Within(1e-9),
                $"round {row[0]}");
    }

    [Test]
    public void Every_figure_of_logistic_models_is_the_reference_figure()
    {
        var data = Load();
        var baselines = Baselines.Of(data, BareFederation.Job(data));
        var models = new Dictionary<string, double[]>
        {
            ["LR pooled (= federated IRLS)"] = [.. baselines.PooledParameters],
            ["LR FedAvg R200E5"] = BareFederation.Rounds(data, BareFederation.FedAvg(200)).Last(),
            ["LR FedSGD R1000E1"] = BareFederation.Rounds(data, BareFederation.FedAvg(1000, localSteps: 1)).Last(),
        };
        foreach (var (reference, name) in Networks)
            models[$"LR alone {reference}"] =
                [.. baselines.Alone.Single(alone => alone.Hospital.ToString() == name).Parameters];
        var checkedRows = 0;
        foreach (var row in SharedFolder.Reference("ist5k_d14_metrics.csv").Where(row => models.ContainsKey(row[0])))
        {
            var patients =
                row[1] switch { "POOLED" => data.Test, "EXTERNAL" => data.External!, _ => Of(data, row[1]).Test };
            AssertFigures(BareFederation.Judge(models[row[0]], patients), row);
            checkedRows++;
        }
        Assert.That(checkedRows, Is.EqualTo(8 * 7));
    }

    [Test]
    public void The_mean_of_local_probabilities_is_the_reference_ensemble()
    {
        var data = Load();
        var ensemble = Baselines.Of(data, BareFederation.Job(data)).Ensemble;
        var row = SharedFolder.Reference("summary_ist5k_d14.csv")
            .Single(row => row[0] == "ist5k-d14-golden" && row[1] == "LR ensemble-of-alone" && row[2] == "POOLED");
        Assert.That(Math.Round(ensemble.Of(Metric.Auroc), 5), Is.EqualTo(Number(row[3])));
    }

    [Test, Category("Slow")]
    public void Forty_nine_hospitals_over_five_seeds_give_the_reference_means()
    {
        var seeds = Enumerable.Range(1, 5).Select(seed =>
        {
            var data = Load($"job.data.split = hospitals\njob.data.splits.hospitals.seed = {seed}");
            Assert.That((data.Hospitals.Length, data.External!.Rows), Is.EqualTo((49, 11257)));
            var baselines = Baselines.Of(data, BareFederation.Job(data));
            var fedAvg = BareFederation.Rounds(data, BareFederation.FedAvg(200)).Last();
            var fedSgd = BareFederation.Rounds(data, BareFederation.FedAvg(1000, localSteps: 1)).Last();
            double[] pooled = [.. baselines.PooledParameters];
            return new Dictionary<(string, string), double[]>
            {
                [("LR pooled", "POOLED")] = Figures(baselines.Pooled),
                [("LR pooled", "EXTERNAL(417 small hospitals)")] =
                Figures(BareFederation.Judge(pooled, data.External!)),
                [("LR FedAvg R200E5", "POOLED")] = Figures(BareFederation.Judge(fedAvg, data.Test)),
                [("LR FedAvg R200E5", "EXTERNAL(417 small hospitals)")] =
                Figures(BareFederation.Judge(fedAvg, data.External!)),
                [("LR FedSGD R1000E1", "POOLED")] = Figures(BareFederation.Judge(fedSgd, data.Test)),
                [("LR FedSGD R1000E1", "EXTERNAL(417 small hospitals)")] =
                Figures(BareFederation.Judge(fedSgd, data.External!)),
                [("LR alone (mean over 49)", "POOLED")] = Mean(baselines.Alone.Select(alone => Figures(alone.Metrics))),
                [("LR alone (mean over 49)", "EXTERNAL(417 small hospitals)")] =
                    Mean(
                        baselines.Alone.Select(alone =>
                            Figures(BareFederation.Judge([.. alone.Parameters], data.External!)))),
                [("ensemble", "POOLED")] = Figures(baselines.Ensemble),
            };
        }).ToArray();
        var rows = SharedFolder.Reference("summary_ist49_d14.csv").Where(row => seeds[0].ContainsKey((row[1], row[2])))
            .ToArray();
        Assert.That(rows, Has.Length.EqualTo(9));
        Assert.Multiple(() =>
        {
            foreach (var row in rows)
            {
                var mean = Mean(seeds.Select(seed => seed[(row[1], row[2])]));
                Assert.That(mean, Is.EqualTo(new[] { Number(row[3]), Number(row[5]), Number(row[7]) }).Within(5.1e-6),
                    $"{row[1]}, {row[2]}");
            }
        });
    }

    [Test]
    public void Six_months_deaths_count_only_patients_whose_outcome_is_known()
    {
        var networks = Load("job.data.target = d6");
        var hospitals = Load("job.data.target = d6\njob.data.split = hospitals");
        long Rows(FederatedData data) => data.Hospitals.Sum(h => h.Train.Rows + h.Test.Rows) + data.External!.Rows;
        Assert.That((Rows(networks), Rows(hospitals)), Is.EqualTo((19285L, 19285L)));
        Assert.That(networks.Hospitals.Select(h => h.Train.Rows), Is.All.EqualTo(1000));
        Assert.That(networks.Hospitals.Sum(h => h.Train.Positives + h.Test.Positives) + networks.External!.Positives,
            Is.EqualTo(4241));
    }

    [Test]
    public void Hospitals_are_named_by_their_number_and_stand_in_its_order()
    {
        var names = Load("job.data.split = hospitals").Hospitals.Select(h => h.Hospital.ToString()).ToArray();
        Assert.That(names, Is.Ordered.Ascending.And.All.Matches("^h[0-9]{3}$"));
        Assert.That(names[..4], Is.EqualTo(new[] { "h001", "h002", "h003", "h004" }));
    }

    private static FederatedData Load(string overrides = "") =>
        SampleData.Load("stroke", SharedFolder.Path("data/ist"), overrides);

    private static HospitalData Of(FederatedData data, string network) =>
        data.Hospitals.Single(hospital => hospital.Hospital.ToString() == Networks[network]);

    private static double[] Figures(ModelMetrics metrics) =>
        [metrics.Of(Metric.Auroc), metrics.Of(Metric.Accuracy), metrics.Of(Metric.LogLoss)];

    private static double[] Mean(IEnumerable<double[]> figures)
    {
        var all = figures.ToArray();
        return [.. Enumerable.Range(0, 3).Select(k => all.Average(one => one[k]))];
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static void AssertFigures(BinaryMetrics actual, string[] row) =>
        Assert.That(new[] { actual.Auroc, actual.Accuracy, actual.LogLoss, actual.N },
            Is.EqualTo(row.Skip(2).Select(Number)).Within(1e-9), $"{row[0]} on {row[1]}");
}
