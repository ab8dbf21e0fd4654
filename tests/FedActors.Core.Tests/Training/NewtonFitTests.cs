using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Training;

public class NewtonFitTests
{
    [Test]
    public void The_gradient_of_the_whole_objective_is_zero_where_the_fit_ends(
        [Values(0.0, 0.01, 1.0, 100.0)] double l2)
    {
        var (model, patients) = (new LogisticRegression(4), MadeUpPatients.Of(120, 4));
        var parameters = NewtonFit.Run(model, patients, l2);
        var gradient = new double[5];
        model.LossAndGradient(parameters, PatientBatch.All(patients), gradient);
        Assert.That(gradient.Select((g, k) => 120 * g + (k < 4 ? l2 * parameters[k] : 0)),
            Is.All.EqualTo(0).Within(1e-9));
    }

    [Test]
    public void Features_that_repeat_one_another_without_a_penalty_are_a_named_fault()
    {
        var one = MadeUpPatients.Of(50, 1);
        var twice =
            new PatientTable(["a", "b"], [.. one.Values.ToArray().SelectMany(x => new[] { x, x })],
                one.Labels.ToArray());
        Assert.That(() => NewtonFit.Run(new LogisticRegression(2), twice, 0),
            Throws.InstanceOf<FaultException>().With.Message.Contains("FA-4005"));
        Assert.That(NewtonFit.Run(new LogisticRegression(2), twice, 1), Has.Length.EqualTo(3));
    }

    [Test]
    public void Badly_scaled_patients_are_fitted_by_halving_the_steps_that_do_not_descend()
    {
        // Undamped, about one in six of these overshoots into a singular system.
        const int Rows = 20, Features = 10;
        var model = new LogisticRegression(Features);
        for (var seed = 1UL; seed <= 200; seed++)
        {
            var source = new SplitMix64(seed);
            var patients = MadeUpPatients.Of(Rows, Features, seed);
            var scaled = patients.Values.ToArray()
                .Select(x => x * (source.NextUniform() switch { < 0.7 => 1, < 0.9 => 20, _ => 500 })).ToArray();
            var gradient = new double[Features + 1];
            var table = new PatientTable(patients.FeatureNames, scaled, patients.Labels.ToArray());
            var parameters = NewtonFit.Run(model, table, 1);
            model.LossAndGradient(parameters, PatientBatch.All(table), gradient);
            Assert.That(gradient.Select((g, k) => Rows * g + (k < Features ? parameters[k] : 0)),
                Is.All.EqualTo(0).Within(1e-7), $"seed {seed}");
        }
    }
}
