using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Aggregation;

/// <summary>Each strategy with its hospitals over several rounds, beside the paper's algorithm written out once more in
/// plain loops.</summary>
public class StrategyOracleTests
{
    private const int Features = 4;
    private const int D = Features + 1;
    private const int Rounds = 6;
    private const int Steps = 3;
    private const double LocalRate = 0.3;
    private const double L2 = 2;

    private static readonly LogisticRegression Model = new(Features);
    private static readonly PatientTable[] Hospitals =
        [MadeUpPatients.Of(31, Features, 1), MadeUpPatients.Of(12, Features, 2), MadeUpPatients.Of(57, Features, 3)];

    private static readonly ServerPlan Server = new(Rate: 0.4, Momentum: 0.8, Beta1: 0.7, Beta2: 0.9, Tau: 0.01);

    [Test]
    public void FedAvgM_is_a_heavy_ball_on_the_mean_update()
    {
        var v = new double[D];
        Compare(Plan(Algorithm.FedAvgM), (w, update) =>
        {
            for (var i = 0; i < D; i++)
            {
                v[i] = 0.8 * v[i] + update[i];
                w[i] += 0.4 * v[i];
            }
        });
    }

    [Test]
    public void FedAdam_Yogi_and_Adagrad_follow_algorithm_2(
        [Values(Algorithm.FedAdam, Algorithm.FedYogi, Algorithm.FedAdagrad)] Algorithm algorithm)
    {
        var (m, v) = (new double[D], Enumerable.Repeat(0.01 * 0.01, D).ToArray());
        var beta1 = algorithm == Algorithm.FedAdagrad ? 0 : 0.7;
        Compare(Plan(algorithm), (w, update) =>
        {
            for (var i = 0; i < D; i++)
            {
                var square = update[i] * update[i];
                m[i] = beta1 * m[i] + (1 - beta1) * update[i];
                v[i] = algorithm switch
                {
                    Algorithm.FedAdagrad => v[i] + square,
                    Algorithm.FedYogi => v[i] - 0.1 * square * Math.Sign(v[i] - square),
                    _ => 0.9 * v[i] + 0.1 * square,
                };
                w[i] += 0.4 * m[i] / (Math.Sqrt(v[i]) + 0.01);
            }
        });
    }

    [Test]
    public void FedProx_pulls_every_step_back_to_the_rounds_model() =>
        Compare(Plan(Algorithm.FedProx) with { ProximalMu = 1.5 }, Add, pull: 1.5);

    [Test]
    public void FedProx_without_its_term_is_FedAvg()
    {
        var prox = Run(Plan(Algorithm.FedProx) with { ProximalMu = 0 }, _ => [0, 1, 2]);
        Assert.That(prox, Is.EqualTo(Run(Plan(Algorithm.FedAvg), _ => [0, 1, 2])));
    }

    [Test]
    public void Scaffold_without_sending_a_control_is_the_papers_that_sends_it([Values] bool everyoneEveryRound)
    {
        int[] Present(int round) => everyoneEveryRound || round % 2 == 0 ? [0, 1, 2] : [round % 3, (round + 1) % 3];
        var patients = Hospitals.Sum(hospital => hospital.Rows);
        var (w, c, own) = (new double[D], new double[D], Hospitals.Select(_ => new double[D]).ToArray());
        for (var round = 0; round < Rounds; round++)
        {
            var present = Present(round);
            var weight = present.Sum(h => Hospitals[h].Rows);
            var (moved, controls) = (new double[D], new double[D]);
            foreach (var h in present)
            {
                var y = Descend(w, Hospitals[h], (gradient, _, _) =>
                {
                    for (var i = 0; i < D; i++)
                        gradient[i] += c[i] - own[h][i];
                });
                for (var i = 0; i < D; i++)
                {
                    var next = own[h][i] - c[i] + (w[i] - y[i]) / (Steps * LocalRate);
                    moved[i] += (double)Hospitals[h].Rows / weight * (y[i] - w[i]);
                    controls[i] += (double)Hospitals[h].Rows / patients * (next - own[h][i]);
                    own[h][i] = next;
                }
            }
            for (var i = 0; i < D; i++)
            {
                w[i] += 0.4 * moved[i];
                c[i] += controls[i];
            }
        }
        Assert.That(Run(Plan(Algorithm.Scaffold), Present), Is.EqualTo(w).Within(1e-13));
    }

    [Test]
    public void Scaffold_comes_to_the_pooled_model_where_FedAvg_drifts()
    {
        var pooled = NewtonFit.Run(Model, PatientTable.Concat(Hospitals), L2);
        var plan = Plan(Algorithm.Scaffold) with { LocalSteps = 20, Server = Server with { Rate = 1 } };
        double Distance(Algorithm algorithm) =>
            Run(plan with { Algorithm = algorithm }, _ => [0, 1, 2], rounds: 400).Zip(pooled, (a, b) => Math.Abs(a - b))
            .Max();
        Assert.That(Distance(Algorithm.Scaffold), Is.LessThan(1e-6));
        Assert.That(Distance(Algorithm.FedAvg), Is.GreaterThan(1e-2));
    }

    [Test]
    public void A_layer_that_stays_at_home_is_each_hospitals_own_and_no_part_of_the_sum()
    {
        var plan = Plan(Algorithm.FedAvg) with { LocalLayers = ["bias"] };
        Assert.That(LocalTraining.UpdateLength(plan, Model), Is.EqualTo(Features));
        var (w, bias) = (new double[D], new double[3]);
        var patients = (double)Hospitals.Sum(hospital => hospital.Rows);
        for (var round = 0; round < Rounds; round++)
        {
            var next = new double[D];
            for (var h = 0; h < 3; h++)
            {
                double[] start = [.. w[..Features], bias[h]];
                var y = Descend(start, Hospitals[h], (_, _, _) => { });
                for (var i = 0; i < Features; i++)
                    next[i] += Hospitals[h].Rows / patients * y[i];
                bias[h] = y[Features];
            }
            w = next;
        }
        Assert.That(Run(plan, _ => [0, 1, 2], out var own), Is.EqualTo(w).Within(1e-13));
        Assert.That(own.Select(values => values.Single()), Is.EqualTo(bias).Within(1e-13));
        Assert.That(bias, Is.Unique);
    }

    [Test]
    public void A_local_layer_works_beside_a_strategy_that_remembers()
    {
        var plan = Plan(Algorithm.FedAdam) with { LocalLayers = ["weights"] };
        var strategy = AggregationStrategies.Create(plan, Model);
        Assert.That(strategy.FirstState(D), Is.EqualTo(new[] { 0, 0.01 * 0.01 }));
        var state = strategy.FirstState(D);
        var next = strategy.Next([1, 2, 3, 4, 5], state, new AggregatedUpdate(new[] { 0.5 }, 10, 2));
        Assert.That(next[..Features], Is.EqualTo(new[] { 1, 2, 3, 4 }));
        Assert.That(next[Features], Is.EqualTo(5 + 0.4 * 0.15 / (Math.Sqrt(0.9 * 1e-4 + 0.1 * 0.25) + 0.01))
            .Within(1e-14));
    }

    [Test]
    public void A_state_that_left_the_finite_numbers_ends_training_with_the_last_good_model_kept()
    {
        var model = NextGlobalModel.First(new FedAvgM(1e-300, 0.5), [0]) with { State = [double.MaxValue] };
        var sum = new DecodedSum([double.MaxValue, 0.1], 10, 2, 0);
        Assert.That(() => NextGlobalModel.Of(new FedAvgM(1e-300, 0.5), model, sum),
            Throws.InstanceOf<FaultException>().With.Message.Contains("FA-4004"));
        Assert.That(model.State, Is.EqualTo(new[] { double.MaxValue }));
    }

    [Test]
    public void A_state_of_another_length_is_refused()
    {
        foreach (
            var algorithm in (Algorithm[])[Algorithm.FedAvg, Algorithm.FedAvgM, Algorithm.FedAdam, Algorithm.FedAdagrad,
                Algorithm.Scaffold])
        {
            var strategy = AggregationStrategies.Create(Plan(algorithm), Model, 100);
            var state = new double[strategy.FirstState(D).Length + 1];
            Assert.That(() => strategy.Next(new double[D], state, new AggregatedUpdate(new double[D], 10, 2)),
                Throws.ArgumentException, $"{algorithm}");
        }
    }

    private static TrainingPlan Plan(Algorithm algorithm) =>
        new(algorithm, Rounds, Steps, LocalRate, null, L2) { Server = Server };

    private static void Add(double[] w, double[] update)
    {
        for (var i = 0; i < D; i++)
            w[i] += update[i];
    }

    // All hospitals every round; what they do with a step is the pull alone, what the server does is the caller's.
    private static void Compare(TrainingPlan plan, Action<double[], double[]> server, double pull = 0)
    {
        var w = new double[D];
        var patients = (double)Hospitals.Sum(hospital => hospital.Rows);
        for (var round = 0; round < Rounds; round++)
        {
            var update = new double[D];
            foreach (var hospital in Hospitals)
            {
                var y = Descend(w, hospital, (gradient, local, start) =>
                {
                    for (var i = 0; i < D; i++)
                        gradient[i] += pull * (local[i] - start[i]);
                });
                for (var i = 0; i < D; i++)
                    update[i] += hospital.Rows / patients * (y[i] - w[i]);
            }
            server(w, update);
        }
        Assert.That(Run(plan, _ => [0, 1, 2]), Is.EqualTo(w).Within(1e-12));
    }

    // Gradient descent with a correction; the gradient itself from finite sums, not from the model.
    private static double[] Descend(double[] start, PatientTable patients, Action<double[], double[], double[]> correct)
    {
        var w = start.ToArray();
        var total = (double)Hospitals.Sum(hospital => hospital.Rows);
        for (var step = 0; step < Steps; step++)
        {
            var gradient = new double[D];
            for (var row = 0; row < patients.Rows; row++)
            {
                var z = w[Features];
                for (var k = 0; k < Features; k++)
                    z += w[k] * patients.Row(row)[k];
                var residual = (1 / (1 + Math.Exp(-z)) - patients.Labels[row]) / patients.Rows;
                for (var k = 0; k < Features; k++)
                    gradient[k] += residual * patients.Row(row)[k];
                gradient[Features] += residual;
            }
            for (var k = 0; k < Features; k++)
                gradient[k] += L2 / total * w[k];
            correct(gradient, w, start);
            for (var k = 0; k < D; k++)
                w[k] -= LocalRate * gradient[k];
        }
        return w;
    }

    private static double[] Run(TrainingPlan plan, Func<int, int[]> present, int rounds = Rounds) =>
        Run(plan, present, out _, rounds);

    // The library's own path: local training, weighted mean, next global model, a hospital's own state.
    private static double[] Run(TrainingPlan plan, Func<int, int[]> present, out double[][] own, int rounds = Rounds)
    {
        long patients = Hospitals.Sum(hospital => hospital.Rows);
        var strategy = AggregationStrategies.Create(plan, Model, patients);
        var model = NextGlobalModel.First(strategy, [.. new double[D]]);
        var kept = Hospitals.Select(_ => LocalTraining.FirstOwn(plan, Model, new double[D])).ToArray();
        var update = new double[LocalTraining.UpdateLength(plan, Model)];
        for (var round = 0; round < rounds; round++)
        {
            var hospitals = present(round);
            var weight = hospitals.Sum(h => Hospitals[h].Rows);
            var mean = new double[update.Length + 1];
            foreach (var h in hospitals)
            {
                LocalTraining.Run(plan, patients, Model, model.Parameters.AsSpan(), Hospitals[h], 1, update,
                    new TrainingScratch(),
                    new LocalMemory(model.State.AsSpan(), kept[h]));
                if (plan.Algorithm == Algorithm.Scaffold)
                    Scaffold.Advance(kept[h], model.State.AsSpan(), update, plan.LocalSteps, plan.LearningRate);
                for (var i = 0; i < update.Length; i++)
                    mean[i] += (double)Hospitals[h].Rows / weight * update[i];
            }
            model = NextGlobalModel.Of(strategy, model, new DecodedSum([.. mean], weight, hospitals.Length, 0));
        }
        own = kept;
        return [.. model.Parameters];
    }
}
