using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Training;

public class LocalTrainingTests
{
    private const int Features = 5;

    private static readonly LogisticRegression Model = new(Features);
    private static readonly PatientTable Patients = MadeUpPatients.Of(23, Features);

    [Test]
    public void A_full_batch_step_is_a_step_of_gradient_descent_on_the_penalised_loss()
    {
        var start = MadeUpPatients.Normals(new SplitMix64(5), Features + 1);
        var plan = FedAvg(steps: 3, batch: null, l2: 2);
        var expected = start.ToArray();
        var gradient = new double[Features + 1];
        for (var step = 0; step < 3; step++)
        {
            Model.LossAndGradient(expected, PatientBatch.All(Patients), gradient);
            for (var k = 0; k <= Features; k++)
                expected[k] -= 0.1 * (gradient[k] + (k < Features ? 2.0 / 100 * expected[k] : 0));
        }
        var (outcome, update) = Run(plan, start, Patients);
        Assert.That(update.Zip(start, (u, w) => u + w), Is.EqualTo(expected).Within(1e-14));
        Assert.That(outcome, Is.EqualTo(new LocalOutcome.Trained(Model.Loss(start, PatientBatch.All(Patients)))));
    }

    [Test]
    public void Every_pass_of_minibatches_sees_every_patient_once()
    {
        var seen = new List<int>();
        var order = new SplitMix64(9);
        for (var pass = 0; pass < 2; pass++)
            seen.AddRange(order.Permutation(Patients.Rows));
        var plan = FedAvg(steps: 6, batch: 10, l2: 1);
        var expected = new double[Features + 1];
        var gradient = new double[Features + 1];
        foreach (var (from, count) in new[] { (0, 10), (10, 10), (20, 3), (23, 10), (33, 10), (43, 3) })
        {
            Model.LossAndGradient(expected, PatientBatch.Of(Patients, seen.GetRange(from, count).ToArray()), gradient);
            for (var k = 0; k <= Features; k++)
                expected[k] -= 0.1 * (gradient[k] + (k < Features ? 1.0 / 100 * expected[k] : 0));
        }
        var (outcome, update) = Run(plan, new double[Features + 1], Patients, batchSeed: 9);
        Assert.That(update, Is.EqualTo(expected).Within(1e-14));
        Assert.That(((LocalOutcome.Trained)outcome).Loss, Is.EqualTo(Math.Log(2)).Within(1e-12));
    }

    [Test]
    public void A_batch_as_large_as_the_hospital_is_the_full_batch([Values(23, 24, 1000)] int size)
    {
        var full = Run(FedAvg(4, null, 1), new double[Features + 1], Patients);
        var sized = Run(FedAvg(4, size, 1), new double[Features + 1], Patients, batchSeed: 77);
        Assert.That(sized.Update, Is.EqualTo(full.Update));
    }

    [Test]
    public void The_same_seed_gives_the_same_bits_with_a_used_scratch()
    {
        var scratch = new TrainingScratch();
        var plan = FedAvg(7, 4, 1);
        var first = new double[Features + 1];
        var second = new double[Features + 1];
        LocalTraining.Run(plan, 100, Model, new double[Features + 1], Patients, 3, first, scratch);
        LocalTraining.Run(plan, 100, new LogisticRegression(9), new double[10], MadeUpPatients.Of(50, 9), 4,
            new double[10], scratch);
        LocalTraining.Run(plan, 100, Model, new double[Features + 1], Patients, 3, second, scratch);
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void Newton_sends_gradient_and_hessian_without_the_penalty()
    {
        var start = MadeUpPatients.Normals(new SplitMix64(6), Features + 1);
        var (gradient, hessian) = (new double[Features + 1], new double[PackedUpper.Length(Features + 1)]);
        Model.LossGradientAndHessian(start, PatientBatch.All(Patients), gradient, hessian);
        var (_, update) = Run(Newton(l2: 5), start, Patients);
        Assert.That(update, Is.EqualTo((double[])[.. gradient, .. hessian]));
    }

    [Test]
    public void Training_that_leaves_the_finite_numbers_says_so_and_sends_nothing()
    {
        var start = new double[Features + 1];
        Array.Fill(start, 1e300);
        var huge =
            new PatientTable([.. Enumerable.Range(0, Features).Select(k => $"x{k}")],
                [.. Enumerable.Repeat(1e300, Features)], [0]);
        foreach (var plan in new[] { FedAvg(2, null, 1), Newton(1) })
        {
            var (outcome, update) = Run(plan, start, huge);
            Assert.That(outcome, Is.InstanceOf<LocalOutcome.Diverged>());
            Assert.That(update, Is.All.Zero);
        }
    }

    [Test]
    public void A_training_step_allocates_nothing()
    {
        var scratch = new TrainingScratch();
        var patients = MadeUpPatients.Of(200, Features);
        var (start, update) = (new double[Features + 1], new double[Features + 1]);
        long Allocated(int steps)
        {
            var plan = FedAvg(steps, 16, 1);
            LocalTraining.Run(plan, 1000, Model, start, patients, 1, update, scratch);
            var before = GC.GetAllocatedBytesForCurrentThread();
            LocalTraining.Run(plan, 1000, Model, start, patients, 1, update, scratch);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.That(Allocated(1000), Is.EqualTo(Allocated(10)));
    }

    [Test]
    public void Batch_orders_differ_by_job_hospital_and_round()
    {
        var (berlin, paris) = (new HospitalId("berlin"), new HospitalId("paris"));
        ulong[] seeds = [
            LocalTraining.BatchSeed(1, berlin, 1), LocalTraining.BatchSeed(2, berlin, 1),
            LocalTraining.BatchSeed(1, paris, 1), LocalTraining.BatchSeed(1, berlin, 2)];
        Assert.That(seeds, Is.Unique);
        // Frozen, from an independent SHA-256: a run repeats on another machine and in another version.
        Assert.That(seeds[0], Is.EqualTo(12708887203261437566));
    }

    [Test]
    public void An_update_of_the_wrong_length_is_refused() => Assert.That(
        () =>
            LocalTraining.Run(FedAvg(1, null, 1), 100, Model, new double[Features + 1], Patients, 1,
                new double[Features], new TrainingScratch()),
        Throws.ArgumentException);

    [Test]
    public void Federated_newton_over_unlike_hospitals_reaches_the_pooled_model()
    {
        var hospitals =
            new[] { MadeUpPatients.Of(40, Features, 1), MadeUpPatients.Of(90, Features, 2),
                MadeUpPatients.Of(15, Features, 3) };
        var pooled = NewtonFit.Run(Model, PatientTable.Concat(hospitals), 1);
        var strategy = AggregationStrategies.Create(Newton(1), Model);
        var parameters = new double[Features + 1];
        for (var round = 0; round < 8; round++)
        {
            var mean = new double[LocalTraining.UpdateLength(Newton(1), Model)];
            foreach (var hospital in hospitals)
            {
                var (_, update) = Run(Newton(1), parameters, hospital);
                for (var k = 0; k < mean.Length; k++)
                    mean[k] += update[k] * hospital.Rows / 145;
            }
            parameters = strategy.Next(parameters, new AggregatedUpdate(mean, 145, 3));
        }
        Assert.That(parameters, Is.EqualTo(pooled).Within(1e-8));
    }

    private static TrainingPlan FedAvg(int steps, int? batch, double l2) =>
        new(Algorithm.FedAvg, 1, steps, 0.1, batch, l2);

    private static TrainingPlan Newton(double l2) => new(Algorithm.Newton, 8, 1, 1, null, l2);

    private static (
        LocalOutcome Outcome, double[] Update) Run(TrainingPlan plan, double[] start, PatientTable patients,
        ulong batchSeed = 1)
    {
        var update = new double[LocalTraining.UpdateLength(plan, Model)];
        return (LocalTraining.Run(plan, 100, Model, start, patients, batchSeed, update, new TrainingScratch()), update);
    }
}
