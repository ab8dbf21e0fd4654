using System.Runtime.InteropServices;
using FedActors.Actors.Configuration;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Tests;
using FedActors.Core.Training;

namespace FedActors.Actors.Tests.Data;

/// <summary>
/// What is left to learn under differential privacy from real patients, with the samples' own settings: what each
/// hospital computes and what follows from the sum, without the actors and the masks in between, which change no byte
/// of a sum.
/// </summary>
public sealed class PrivateUtilityTests
{
    [TestCase(1, 0.735)]
    [TestCase(4, 0.77)]
    public void Forty_nine_hospitals_with_shared_noise_still_rank_who_dies(double epsilon, double atLeast)
    {
        // The noise alone moves the mean of five runs at epsilon 1 by 0.008: each split is trained with four draws of
        // it.
        var aurocs = Enumerable.Range(0, 20)
            .Select(run => Train("stroke", "data/ist", "patient-distributed", epsilon, (ulong)run,
            new("job.data.split", "hospitals"), new("job.data.splits.hospitals.seed", $"{1 + run % 5}"))).ToArray();
        Tell($"stroke, 49 hospitals, patient-distributed, epsilon {epsilon}", aurocs);
        Assert.That(aurocs.Average(), Is.GreaterThanOrEqualTo(atLeast));
    }

    [Category("Slow")]
    [TestCase("45 survivors, 16 colluders", "0.9", "16")]
    [TestCase("33 survivors, 1 colluder", "0", "1", "33")]
    [TestCase("33 survivors, 16 colluders", "0", "16", "33")]
    public void Counting_on_fewer_honest_hospitals_costs_accuracy(
        string name, string share, string colluders, string survivors = "3")
    {
        foreach (var epsilon in (double[])[1, 4])
        {
            var aurocs = Enumerable.Range(1, 5)
                .Select(seed => Train("stroke", "data/ist", "patient-distributed", epsilon, (ulong)seed,
                new("job.data.split", "hospitals"), new("job.data.splits.hospitals.seed", $"{seed}"),
                new("job.privacy.minimum-survivor-share", share),
                new("job.privacy.assumed-colluders", colluders), new("job.privacy.minimum-survivors", survivors)))
                    .ToArray();
            Tell($"stroke, {name}, epsilon {epsilon}", aurocs);
            Assert.That(aurocs.Average(), Is.InRange(0.6, 0.8));
        }
    }

    [Test]
    public void Four_hospitals_that_each_add_all_the_noise_still_rank_who_has_heart_disease()
    {
        var aurocs = Enumerable.Range(1, 5)
            .Select(seed => Train("heart-disease", "data/heart-disease", "patient-local", 1, (ulong)seed)).ToArray();
        Tell("heart, patient-local, epsilon 1", aurocs);
        Assert.That(aurocs.Average(), Is.GreaterThanOrEqualTo(0.84));
    }

    private static void Tell(string what, double[] aurocs) =>
        TestContext.Out.WriteLine(
            FormattableString.Invariant(
                $"{what}: AUROC mean {aurocs.Average():0.0000}, {aurocs.Min():0.0000} to {aurocs.Max():0.0000}"));

    private static double Train(
        string sample, string folder, string mode, double epsilon, ulong seed,
        params KeyValuePair<string, string>[] set)
    {
        var directory = SharedFolder.Path(folder);
        var path = Path.Combine(SampleData.Repository, "samples", sample, "job.conf");
        var (file, faults) =
            (JobFile.Open(path, [.. set, new("job.privacy.mode", mode), new("job.privacy.epsilon", $"{epsilon}")]),
                new List<Fault>());
        var plan = file.Read(faults);
        var data =
            FedActors.Actors.Data.DataLoader.Load(DataSection.Read(file.Data(faults)), Path.GetDirectoryName(path)!,
                directory);
        Assert.That(faults, Is.Empty);
        plan = plan with
        {
            Patients = data.Hospitals.Sum(hospital => (long)hospital.Train.Rows),
            Model = plan.Model with { Features = data.Test.FeatureNames },
        };
        var (model, hospitals, random, scratch) =
            (ModelCatalog.Create(plan.Model), data.Hospitals.Length, new Seeded(seed), new TrainingScratch());
        var (strategy, grid) = (AggregationStrategies.Create(plan, model), JobPrivacy.GridOf(plan, hospitals));
        var parameters = new double[model.ParameterCount];
        for (var round = 0; round < plan.Training.Rounds; round++)
        {
            var mean = new double[parameters.Length];
            foreach (var hospital in data.Hospitals)
            {
                if (plan.Privacy.IsDistributed)
                {
                    var released = new long[parameters.Length];
                    PrivateTraining.Release(plan, grid, (IPerPatientModel)model, parameters, hospital.Train, random,
                        released, scratch);
                    for (var k = 0; k < mean.Length; k++)
                        mean[k] += Math.ScaleB(released[k], -grid.Bits) / plan.Patients;
                }
                else
                {
                    var update = new double[parameters.Length];
                    PrivateTraining.Local(
                        plan, grid, (IPerPatientModel)model, parameters, hospital.Train, hospital.Train.Rows, random,
                        update, scratch);
                    for (var k = 0; k < mean.Length; k++)
                        mean[k] += update[k] * hospital.Train.Rows / plan.Patients;
                }
            }
            parameters = strategy.Next(parameters, new AggregatedUpdate(mean, plan.Patients, hospitals));
        }
        return ModelEvaluation.Of(model, parameters, data.Test).Of(Metric.Auroc);
    }

    /// <summary>Repeatable bits, so that a figure is the same each time it is told.</summary>
    private sealed class Seeded(ulong seed) : IRandomSource
    {
        private readonly SplitMix64 _stream = new(seed);

        public void Fill(Span<byte> bytes)
        {
            foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(bytes))
                word = _stream.NextUInt64();
        }
    }
}
