using System.Text.Json.Nodes;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Simulation.Benchmarks;

namespace FedActors.EndToEnd.Tests.Cli;

[TestFixture]
public sealed class TrainingBenchTests
{
    [Test]
    public void The_bench_of_training_tells_its_ratios_and_that_its_weights_are_right()
    {
        var (exit, output, error) =
            Fedactors.Run("bench", "training", "--model", "logistic-regression", "--dp", "--json");

        Assert.That(exit, Is.Zero, error);
        var told = JsonNode.Parse(output)!;
        Assert.That((bool)told["checked"]!, Is.True);
        Assert.That((double)told["epochMs"]!, Is.Positive);
        Assert.That((double)told["clippedRatio"]!, Is.Positive);
        Assert.That((double)told["noisyRatio"]!, Is.Positive);
        Assert.That(told["products"], Is.Null);
    }

    [Test]
    public void A_step_in_plain_loops_is_the_step_of_a_network_and_of_no_other_batch()
    {
        var random = new SplitMix64(5);
        var model = new MultilayerPerceptron(4, [5, 3], Activation.Relu, OutcomeKind.Class, 3);
        var (parameters, gradient) = (new double[model.ParameterCount], new double[model.ParameterCount]);
        model.Initialize(parameters, seed: 1);
        var patients = new PatientTable(["a", "b", "c", "d"],
            [.. Enumerable.Range(0, 32).Select(_ => random.NextNormal())], Outcomes.Class([0, 1, 2, 1, 0, 2, 2, 1], 3));

        var next = new PlainStep(4, 5, 3, 3).From(parameters, PatientBatch.Of(patients, [1, 5, 2]), rate: 0.5);

        Assert.That(Farthest([1, 5, 2]), Is.LessThan(1e-6));
        Assert.That(Farthest([1, 5, 3]), Is.GreaterThan(1e-3));

        double Farthest(int[] rows)
        {
            model.LossAndGradient(parameters, PatientBatch.Of(patients, rows), gradient);
            return next.Select((weight, i) => Math.Abs(weight - (parameters[i] - 0.5 * gradient[i]))).Max();
        }
    }
}
