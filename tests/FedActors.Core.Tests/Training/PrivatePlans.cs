using FedActors.Core.Federation;

namespace FedActors.Core.Tests.Training;

/// <summary>Plans under differential privacy, for tests of what hospitals compute.</summary>
internal static class PrivatePlans
{
    public static JobPlan Of(
        int features, PrivacyMode mode = PrivacyMode.PatientLocal, double noise = 1.2, double clip = 1, double rate = 1,
        int steps = 1,
        long patients = 100, double l2 = 1, double learningRate = 0.5, int weightCap = 4096, int survivors = 4,
        int rounds = 10, double? epsilon = null) => new(
        "private", Seed: 3, patients,
        new ModelPlan(ModelKind.LogisticRegression, [.. Enumerable.Range(0, features).Select(i => $"x{i}")]),
        new TrainingPlan(Algorithm.FedAvg, rounds, steps, learningRate, BatchSize: null, l2),
        new CohortPlan(3, 1, TimeSpan.FromSeconds(30), [], 0, 1),
        new SecureAggregationPlan(true, 32, Range: 8, weightCap, TimeSpan.FromSeconds(30)),
        new PrivacyPlan(
            mode, epsilon, epsilon is null ? noise : null, Delta: 1e-5, clip, rate, Spare: 0,
            MinimumSurvivors: survivors, AssumedColluders: 1),
        new EvaluationPlan(1, Metric.Auroc));
}
