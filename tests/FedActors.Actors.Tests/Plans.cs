using FedActors.Actors.Hosting;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Actors.Tests;

/// <summary>Small jobs and made-up patients, the same ones for the same seed.</summary>
public static class Plans
{
    public static JobPlan Small(
        int rounds = 3, int features = 4, long patients = 60, int minimum = 3, TimeSpan? deadline = null,
        bool secure = false,
        Algorithm algorithm = Algorithm.FedAvg, int weightCap = 4096, int attempts = 1, double share = 0,
        string[]? require = null,
        double fraction = 1, int? batchSize = null, string[]? localLayers = null) => new(
        "small", Seed: 7, patients,
        new ModelPlan(ModelKind.LogisticRegression, [.. Enumerable.Range(0, features).Select(i => $"x{i}")]),
        new TrainingPlan(algorithm, rounds, LocalSteps: 2, LearningRate: 0.5, batchSize, L2: 1)
        {
            Server = new ServerPlan(Rate: 0.3, Momentum: 0.5, Beta1: 0.6, Beta2: 0.9, Tau: 0.01),
            ProximalMu = 0.2,
            LocalLayers = [.. localLayers ?? []],
            Robust = algorithm >= Algorithm.Median ? new RobustPlan(algorithm, Faulty: 1, null, null) : null,
        },
        new CohortPlan(minimum, fraction, deadline ?? TimeSpan.FromSeconds(30),
            [.. (require ?? []).Select(name => new HospitalId(name))], share, attempts),
        new SecureAggregationPlan(secure, algorithm == Algorithm.Newton ? 64 : 32, Range: 8, weightCap,
            deadline ?? TimeSpan.FromSeconds(30)),
        new PrivacyPlan(PrivacyMode.Off),
        new EvaluationPlan(Every: 2, Metric.Auroc));

    public static HospitalSite[] Sites(int hospitals = 5, int rows = 12, int features = 4, ulong seed = 1) =>
        [.. Enumerable.Range(0, hospitals)
            .Select(h => new HospitalSite(new HospitalId($"h{h:00}"), Patients(rows + h, features, seed + (ulong)h)))];

    /// <summary>Patients whose label leans on their first feature, at least one of each class.</summary>
    public static PatientTable Patients(int rows, int features, ulong seed)
    {
        var random = new SplitMix64(seed);
        var (values, labels) = (new double[rows * features], new double[rows]);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < features; j++)
                values[i * features + j] = 2 * random.NextUniform() - 1;
            labels[i] = i < 2 ? i : values[i * features] + 0.5 * (random.NextUniform() - 0.5) > 0 ? 1 : 0;
        }
        return new PatientTable([.. Enumerable.Range(0, features).Select(i => $"x{i}")], values, labels);
    }
}
