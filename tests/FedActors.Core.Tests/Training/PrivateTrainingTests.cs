using CsCheck;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Tests.Privacy;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Training;

public sealed class PrivateTrainingTests
{
    private const ulong Seed = 77;

    [Test]
    public void A_patient_more_or_less_moves_the_released_whole_numbers_by_no_more_than_the_noise_is_measured_by() =>
        Gen.Select(Gen.Int[1, 30], Gen.Int[1, 12], Gen.Int[0, 20], Gen.Double[-2, 2], Gen.ULong)
        .Sample((units, features, bits, logClip, seed) =>
        {
            var clip = Math.Pow(10, logClip);
            var plan = PrivatePlans.Of(features, clip: clip, noise: 50, weightCap: 64);
            var (model, grid) = (new LogisticRegression(features), new NoisyGrid(features + 1, clip, 50, 1, bits, 64));
            var patients = Joined(units, features, seed);
            var parameters = MadeUpPatients.Normals(new SplitMix64(seed + 1), features + 1);
            var with = Released(plan, grid, model, parameters, patients);
            var without = Released(plan, grid, model, parameters, Without(patients, (int)(seed % (ulong)units)));
            return Math.Sqrt(with.Zip(without, (a, b) => (double)(a - b) * (a - b)).Sum()) <= grid.L2;
        }, iter: 300);

    [Test]
    public void An_empty_hospital_releases_noise_and_nothing_else()
    {
        var plan = PrivatePlans.Of(3, weightCap: 64);
        var (model, grid) = (new LogisticRegression(3), Grid(plan, 3));
        var noise = new long[4];
        grid.Release(new double[4], 1, new SeededSource(Seed), noise);
        Assert.That(Released(plan, grid, model, new double[4], new PatientTable(["a", "b", "c"], [], [])),
            Is.EqualTo(noise));
    }

    [Test]
    public void A_draw_of_nobody_releases_noise_and_nothing_else()
    {
        var plan = PrivatePlans.Of(3, rate: 1e-12, weightCap: 64);
        var (model, grid, source) = (new LogisticRegression(3), Grid(plan, 3), new SeededSource(Seed));
        var (noise, released) = (new long[4], new long[4]);
        // The draw comes first: the same number of words is taken off a twin.
        using var twin = grid.Open(new SeededSource(Seed));
        new PoissonSampling(1e-12).Draw(twin.Words, 20, new int[20]);
        grid.Release(new double[4], 1, twin, noise);
        PrivateTraining.Release(plan, grid, model, new double[4], MadeUpPatients.Of(20, 3), source, released,
            new TrainingScratch());
        Assert.That(released, Is.EqualTo(noise));
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    [TestCase(1e300)]
    [TestCase(5e-324)]
    [TestCase(0)]
    public void A_model_that_has_left_the_numbers_still_releases_a_bounded_sum(double weight)
    {
        var plan = PrivatePlans.Of(3, weightCap: 64);
        var (model, grid) = (new LogisticRegression(3), Grid(plan, 3));
        var noise = new long[4];
        grid.Release(new double[4], 1, new SeededSource(Seed), noise);
        var sum = Released(plan, grid, model, [weight, weight, -weight, weight], MadeUpPatients.Of(20, 3))
            .Zip(noise, (a, b) => (double)(a - b)).ToArray();
        Assert.That(Math.Sqrt(sum.Sum(x => x * x)), Is.LessThanOrEqualTo(20 * grid.L2));
    }

    [Test]
    public void The_step_divides_by_the_public_rate_and_number_and_never_by_how_many_were_drawn()
    {
        const double Rate = 0.4;
        var plan = PrivatePlans.Of(4, rate: Rate, steps: 1, l2: 0, learningRate: 0.25);
        var (model, grid, patients) = (new LogisticRegression(4), Grid(plan, 4), MadeUpPatients.Of(30, 4));
        var parameters = MadeUpPatients.Normals(new SplitMix64(2), 5);
        var (released, values) = (new long[5], new double[5]);
        PrivateTraining.Release(plan, grid, model, parameters, patients, new SeededSource(Seed), released,
            new TrainingScratch());
        grid.ToReals(released, values);
        foreach (var nominal in (long[])[30, 100, 12_345])
        {
            var update = new double[5];
            Assert.That(PrivateTraining.Local(
                plan, grid, model, parameters, patients, nominal, new SeededSource(Seed), update,
                new TrainingScratch()), Is.True);
            Assert.That(update, Is.EqualTo(values.Select(value => -0.25 * value / (Rate * nominal))).Within(1e-15));
        }
    }

    [Test]
    public void Several_steps_are_several_releases_each_made_at_the_model_of_the_one_before()
    {
        var plan = PrivatePlans.Of(4, steps: 3, l2: 2, patients: 500, learningRate: 0.25);
        var (model, grid, patients) = (new LogisticRegression(4), Grid(plan, 4), MadeUpPatients.Of(30, 4));
        var parameters = MadeUpPatients.Normals(new SplitMix64(2), 5);
        var (local, released, values) = (parameters.ToArray(), new long[5], new double[5]);
        using var noise = grid.Open(new SeededSource(Seed));
        for (var step = 0; step < 3; step++)
        {
            PrivateTraining.Release(plan, grid, model, local, patients, noise, released, new TrainingScratch());
            grid.ToReals(released, values);
            for (var k = 0; k < 5; k++)
                local[k] -= 0.25 * (values[k] / 30 + (k < 4 ? 2.0 / 500 * local[k] : 0));
        }
        var update = new double[5];
        PrivateTraining.Local(plan, grid, model, parameters, patients, 30, new SeededSource(Seed), update,
            new TrainingScratch());
        Assert.That(update, Is.EqualTo(local.Zip(parameters, (after, before) => after - before)).Within(1e-14));
    }

    /// <summary>A network takes its steps in single precision and a memory of its own: from batches that fit one exact
    /// sum, from larger ones, and where patients have several rows.</summary>
    [TestCase(40, 0.7, false)]
    [TestCase(300, 0.9, false)]
    [TestCase(180, 0.6, false)]
    [TestCase(60, 0.5, true)]
    [TestCase(0, 0.5, false)]
    public void The_steps_of_a_network_are_the_releases_that_any_model_makes(int units, double rate, bool joined)
    {
        const int Features = 5;
        // A cap of one clip a coordinate, so that it is reached.
        var plan = PrivatePlans.Of(Features, clip: 0.7, rate: rate, steps: 4, l2: 2, patients: 500, learningRate: 0.25,
            weightCap: 1);
        var model = new MultilayerPerceptron(Features, [16, 3], Activation.Tanh, OutcomeKind.Binary);
        var grid = new NoisyGrid(model.ParameterCount, 0.7, 1.2, 1, 20, plan.SecureAggregation.WeightCap);
        var patients = units == 0 ? new PatientTable(["a", "b", "c", "d", "e"], [], [])
            : joined ? Joined(units, Features, Seed) : MadeUpPatients.Of(units, Features);
        var (parameters, update) = (new double[model.ParameterCount], new double[model.ParameterCount]);
        model.Initialize(parameters, 5);
        var (local, released, values) =
            (parameters.ToArray(), new long[parameters.Length], new double[parameters.Length]);
        using var noise = grid.Open(new SeededSource(Seed));
        for (var step = 0; step < 4; step++)
        {
            PrivateTraining.Release(plan, grid, model, local, patients, noise, released, new TrainingScratch());
            grid.ToReals(released, values);
            foreach (var view in model.Views)
                for (var k = view.Offset; k < view.Offset + view.Length; k++)
                    local[k] -= 0.25 * (values[k] / (rate * 30) + (view.Penalised ? 2.0 / 500 * local[k] : 0));
        }
        Assert.That(PrivateTraining.Local(plan, grid, model, parameters, patients, 30, new SeededSource(Seed), update,
            new TrainingScratch()), Is.True);
        Assert.That(update, Is.EqualTo(local.Zip(parameters, (after, before) => after - before)).Within(2e-5));
    }

    [Test]
    public void The_same_round_computed_twice_with_the_systems_generator_is_never_the_same_release()
    {
        var plan = PrivatePlans.Of(4, rate: 0.5);
        var (model, grid, patients) = (new LogisticRegression(4), Grid(plan, 4), MadeUpPatients.Of(30, 4));
        var first = Update();
        Assert.That(Update(), Is.Not.EqualTo(first));

        double[] Update()
        {
            var update = new double[5];
            PrivateTraining.Local(plan, grid, model, new double[5], patients, 30, SecureRandomSource.Instance, update,
                new TrainingScratch());
            return update;
        }
    }

    [Test]
    public void Training_that_leaves_the_numbers_says_so_and_leaves_no_update()
    {
        var plan = PrivatePlans.Of(2, steps: 40, learningRate: 1e6, l2: 1e12, patients: 1);
        var update = new double[3];
        Assert.That(PrivateTraining.Local(
            plan, Grid(plan, 2), new LogisticRegression(2), new double[3], MadeUpPatients.Of(10, 2), 10,
            new SeededSource(Seed), update,
            new TrainingScratch()), Is.False);
        Assert.That(update, Is.All.Zero);
    }

    [Test]
    public void A_whole_hospitals_update_is_clipped_as_one_contribution_before_its_noise()
    {
        var plan = PrivatePlans.Of(2, clip: 0.5);
        var grid = new NoisyGrid(3, 0.5, 20, 1, 16, 1);
        var (noise, released) = (new long[3], new long[3]);
        grid.Release(new double[3], 1, new SeededSource(Seed), noise);
        PrivateTraining.ReleaseUpdate(plan, grid, [30, 0, -40], new SeededSource(Seed), released);
        Assert.That(released.Zip(noise, (a, b) => (a - b) / 65536.0),
            Is.EqualTo((double[])[0.6, 0, -0.8]).Within(1e-4));
        PrivateTraining.ReleaseUpdate(plan, grid, [1, double.NaN, 1], new SeededSource(Seed), released);
        Assert.That(released, Is.EqualTo(noise), "what is not a number counts as nothing");
    }

    private static NoisyGrid Grid(JobPlan plan, int features) =>
        new(features + 1, plan.Privacy.Clip, plan.Privacy.NoiseMultiplier!.Value, 1, 20,
            plan.SecureAggregation.WeightCap);

    private static long[] Released(
        JobPlan plan, NoisyGrid grid, LogisticRegression model, double[] parameters, PatientTable patients)
    {
        var released = new long[model.ParameterCount];
        PrivateTraining.Release(plan, grid, model, parameters, patients, new SeededSource(Seed), released,
            new TrainingScratch());
        return released;
    }

    // Patients of one to three rows each.
    private static PatientTable Joined(int units, int features, ulong seed)
    {
        int[] unitOfRow =
            [.. Enumerable.Range(0, units)
                .SelectMany(unit => Enumerable.Repeat(unit, 1 + (int)((seed >> (unit % 60)) % 3)))];
        var rows = MadeUpPatients.Of(unitOfRow.Length, features, seed);
        return new PatientTable(rows.FeatureNames, rows.Values.ToArray(), Outcomes.Binary(rows.Labels.ToArray()),
            unitOfRow);
    }

    private static PatientTable Without(PatientTable patients, int unit)
    {
        var rows = Enumerable.Range(0, patients.Rows).Where(row => patients.UnitOf(row) != unit).ToArray();
        return new PatientTable(
            patients.FeatureNames, [.. rows.SelectMany(row => patients.Row(row).ToArray())],
            Outcomes.Binary([.. rows.Select(row => patients.Labels[row])]),
            [.. rows.Select(row => patients.UnitOf(row) - (patients.UnitOf(row) > unit ? 1 : 0))]);
    }
}
