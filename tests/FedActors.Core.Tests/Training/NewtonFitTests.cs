using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Training;

public class NewtonFitTests
{
    [Test]
    public void The_gradient_of_the_whole_objective_is_zero_where_the_fit_ends([Values(0.0, 0.01, 1.0, 100.0)] double l2)
    {
        var (model, patients) = (new LogisticRegression(4), MadeUpPatients.Of(120, 4));
        var parameters = NewtonFit.Run(model, patients, l2);
        var gradient = new double[5];
        model.LossAndGradient(parameters, PatientBatch.All(patients), gradient);
        Assert.That(gradient.Select((g, k) => 120 * g + (k < 4 ? l2 * parameters[k] : 0)), Is.All.EqualTo(0).Within(1e-9));
    }

    [Test]
    public void Features_that_repeat_one_another_without_a_penalty_are_a_named_fault()
    {
        var one = MadeUpPatients.Of(50, 1);
        var twice = new PatientTable(["a", "b"], [.. one.Values.ToArray().SelectMany(x => new[] { x, x })], one.Labels.ToArray());
        Assert.That(() => NewtonFit.Run(new LogisticRegression(2), twice, 0),
            Throws.InstanceOf<FaultException>().With.Message.Contains("FA-4005"));
        Assert.That(NewtonFit.Run(new LogisticRegression(2), twice, 1), Has.Length.EqualTo(3));
    }

    [Test]
    public void Steep_starts_are_halved_until_they_descend()
    {
        // Far outliers make the first full Newton steps overshoot.
        var patients = new PatientTable(["x"], [-1000, -1, 1, 2, 1000, 3], [1, 0, 1, 1, 0, 0]);
        var parameters = NewtonFit.Run(new LogisticRegression(1), patients, 1e-6);
        var gradient = new double[2];
        new LogisticRegression(1).LossAndGradient(parameters, PatientBatch.All(patients), gradient);
        Assert.That(6 * gradient[0] + 1e-6 * parameters[0], Is.EqualTo(0).Within(1e-9));
    }
}
