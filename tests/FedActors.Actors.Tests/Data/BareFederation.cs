using System.Numerics.Tensors;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Training;

namespace FedActors.Actors.Tests.Data;

/// <summary>A federation without actors or codes: the aggregate in double, so that nothing but learning is
/// tested.</summary>
internal static class BareFederation
{
    public static TrainingPlan FedAvg(int rounds, int localSteps = 5) =>
        new(Algorithm.FedAvg, rounds, localSteps, 0.5, null, 1.0);

    public static TrainingPlan Newton(int rounds) => new(Algorithm.Newton, rounds, 1, 1.0, null, 1.0);

    /// <summary>The model after each round.</summary>
    public static IEnumerable<double[]> Rounds(
        FederatedData data, TrainingPlan plan, IModel? other = null, long seed = 1)
    {
        var model = other ?? new LogisticRegression(data.Test.Features);
        var strategy = AggregationStrategies.Create(plan, model);
        var scratch = new TrainingScratch();
        long patients = data.Hospitals.Sum(hospital => hospital.Train.Rows);
        var parameters = new double[model.ParameterCount];
        model.Initialize(parameters, seed);
        var update = new double[LocalTraining.UpdateLength(plan, model)];
        for (var round = 1; round <= plan.Rounds; round++)
        {
            var mean = new double[update.Length];
            foreach (var hospital in data.Hospitals)
            {
                var outcome = LocalTraining.Run(plan, patients, model, parameters, hospital.Train,
                    LocalTraining.BatchSeed(seed, hospital.Hospital, round), update, scratch);
                Assert.That(outcome, Is.InstanceOf<LocalOutcome.Trained>());
                TensorPrimitives.MultiplyAdd(update, (double)hospital.Train.Rows / patients, mean, mean);
            }
            parameters = strategy.Next(parameters, new AggregatedUpdate(mean, patients, data.Hospitals.Length));
            yield return parameters;
        }
    }

    public static BinaryMetrics Judge(double[] parameters, PatientTable patients)
    {
        return (BinaryMetrics)ModelEvaluation.Of(new LogisticRegression(patients.Features), parameters, patients);
    }

    /// <summary>A job on these patients; the baselines read its model and its l2.</summary>
    public static JobPlan Job(FederatedData data) => Plans.Small() with
    {
        Patients = data.Hospitals.Sum(hospital => hospital.Train.Rows),
        Model = new ModelPlan(ModelKind.LogisticRegression, data.Test.FeatureNames),
        Training = FedAvg(1),
    };
}
