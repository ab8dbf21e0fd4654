using System.Globalization;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Tests;
using FedActors.Core.Training;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Data;

/// <summary>Six regions of TCGA-BRCA against concordances made elsewhere from the same rules.</summary>
public class BreastSurvivalTests
{
    // In the order of the reference's clients.
    private static readonly string[] Regions = ["northeast", "south", "west", "midwest", "europe", "canada"];

    [TestCase(1.0)]
    [TestCase(10.0)]
    public void Every_concordance_is_the_reference_concordance(double l2)
    {
        var data = Load();
        var job = Job(data, l2);
        var baselines = Baselines.Of(data, job);
        var everyone = PatientTable.Concat([.. data.Hospitals.Select(hospital => hospital.Train)]);
        var unstratified = new PatientTable(everyone.FeatureNames, everyone.Values.ToArray(),
            Outcomes.Survival(everyone.Outcomes.Times.ToArray(), everyone.Labels.ToArray()));
        var models = new Dictionary<string, double[]>
        {
            ["Cox pooled"] = LocalFit.Run(ModelCatalog.Create(job.Model), unstratified, job),
            ["Cox fed stratified"] = [.. baselines.PooledParameters],
        };
        for (var k = 0; k < Regions.Length; k++)
            models[$"Cox alone {k}"] =
                [.. baselines.Alone.Single(alone => alone.Hospital.ToString() == Regions[k]).Parameters];
        var rows = SharedFolder.Reference("tcga_cox.csv")
            .Where(row => double.Parse(row[0], CultureInfo.InvariantCulture) == l2).ToArray();
        Assert.That(rows, Has.Length.EqualTo(8));
        foreach (var row in rows)
        {
            var model = models[row[1][..row[1].IndexOf(" l2", StringComparison.Ordinal)]];
            var actual = Regions.Select(region => data.Hospitals.Single(h => h.Hospital.ToString() == region).Test)
                .Append(data.Test)
                .Select(patients => ModelEvaluation.Of(new CoxRegression(data.Test.Features), model, patients)
                    .Of(Metric.CIndex));
            // Canada alone has two events to fit 39 weights by: which of two patients comes first hangs on the last
            // digits.
            var tolerance = row[1].StartsWith("Cox alone 5", StringComparison.Ordinal) ? 0.005 : 1e-12;
            Assert.That(actual, Is.EqualTo(row.Skip(2).Select(text => double.Parse(text, CultureInfo.InvariantCulture)))
                .Within(tolerance), row[1]);
        }
    }

    [Test]
    public void Federated_newton_is_the_model_pooled_and_stratified_by_hospital()
    {
        var data = Load();
        var job = Job(data, 10);
        var pooled = Baselines.Of(data, job).PooledParameters;
        Assert.That(
            BareFederation.Rounds(data, BareFederation.Newton(10) with { L2 = 10 },
                new CoxRegression(data.Test.Features)).Last(),
            Is.EqualTo(pooled).Within(1e-8));
    }

    [Test]
    public void Who_was_never_seen_again_is_left_out_and_every_other_patient_is_in_one_place()
    {
        var data = Load();
        Assert.That(data.Hospitals.Sum(hospital => hospital.Train.Rows + hospital.Test.Rows), Is.EqualTo(1076));
        Assert.That(data.Hospitals.Sum(hospital => hospital.Train.Positives), Is.EqualTo(119));
    }

    private static JobPlan Job(FederatedData data, double l2)
    {
        var job = BareFederation.Job(data);
        return job with
        {
            Model = new ModelPlan(ModelKind.Cox, data.Test.FeatureNames) { Outcome = OutcomeKind.Survival },
            Training = job.Training with { L2 = l2 },
        };
    }

    private static FederatedData Load() => SampleData.Load("breast-survival", SharedFolder.Path("data/tcga-brca"));
}
