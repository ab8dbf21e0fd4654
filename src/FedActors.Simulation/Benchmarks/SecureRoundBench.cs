using System.Collections.Immutable;
using System.Diagnostics;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What a round costs through the actors with secure sums, beside the same round with plain ones, in one
/// process.</summary>
/// <param name="Parameters">Coordinates of the model.</param>
/// <param name="Rounds">Measured of each kind, in turns, after a warm-up.</param>
/// <param name="SecureRoundMs">Wall time of a round with secure sums: from one model to the next, checked by every
/// hospital.</param>
/// <param name="PlainRoundMs">Wall time of the same round with plain sums.</param>
/// <param name="WallRatio">The first over the second.</param>
/// <param name="SecureCpuMs">CPU of all threads for a round with secure sums.</param>
/// <param name="PlainCpuMs">The same with plain sums.</param>
/// <param name="SumVerified">Both ended with the same model, byte for byte: the secure sum is the plain one.</param>
public sealed record SecureRoundFigures(
    int Hospitals, int Parameters, int Rounds, double SecureRoundMs, double PlainRoundMs, double WallRatio,
    double SecureCpuMs,
    double PlainCpuMs, bool SumVerified);

/// <summary>
/// Whole rounds of hospitals with two patients each, so that training costs next to nothing beside the round itself,
/// with as many local steps as a job takes by default; the journal in memory, nobody falls away.
/// </summary>
public static class SecureRoundBench
{
    private const int Rows = 2;
    private const int LocalSteps = 5;
    private const int WarmUpRounds = 2;
    private const int RoundsInTurn = 5;
    private const int Turns = 3;

    /// <param name="hospitals">At least 3.</param>
    /// <param name="parameters">At least 2: a weight and the bias.</param>
    public static async Task<SecureRoundFigures> RunAsync(
        int hospitals, int parameters, long seed, CancellationToken cancel)
    {
        ImmutableArray<string> features = [.. Enumerable.Range(0, parameters - 1).Select(i => $"x{i}")];
        var patients = Enumerable.Range(1, hospitals).ToDictionary(
            h => new HospitalId($"hospital-{h:0000}"), h => MadeUp(features, (ulong)(seed + h)));
        var secure = new JobPlan(
            "bench", seed, (long)Rows * hospitals, new ModelPlan(ModelKind.LogisticRegression, features),
            new TrainingPlan(Algorithm.FedAvg, RoundsInTurn, LocalSteps, LearningRate: 0.01, null, L2: 0),
            new CohortPlan(Math.Max(3, hospitals / 2), 1, TimeSpan.FromMinutes(10), [], 0, 1),
            new SecureAggregationPlan(Enabled: true, RingBits: 32, Range: 8, WeightCap: Rows, TimeSpan.FromMinutes(10)),
            new PrivacyPlan(PrivacyMode.Off), new EvaluationPlan(int.MaxValue, Metric.Auroc));
        var plain = secure with { SecureAggregation = secure.SecureAggregation with { Enabled = false } };

        await Measure(WithRounds(secure, WarmUpRounds), patients, cancel);
        await Measure(WithRounds(plain, WarmUpRounds), patients, cancel);
        var (secureCost, plainCost, same) = (default(Cost), default(Cost), true);
        for (var turn = 0; turn < Turns; turn++)
        {
            var (plainModel, onePlain) = await Measure(plain, patients, cancel);
            var (secureModel, oneSecure) = await Measure(secure, patients, cancel);
            (secureCost, plainCost, same) =
                (secureCost + oneSecure, plainCost + onePlain, same && secureModel == plainModel);
        }
        const int rounds = Turns * RoundsInTurn;
        return new SecureRoundFigures(
            hospitals, parameters, rounds, secureCost.WallMs / rounds, plainCost.WallMs / rounds,
            secureCost.WallMs / plainCost.WallMs,
            secureCost.CpuMs / rounds, plainCost.CpuMs / rounds, same);
    }

    private static async Task<(Digest Model, Cost Cost)> Measure(
        JobPlan plan, Dictionary<HospitalId, PatientTable> patients, CancellationToken cancel)
    {
        await using var federation =
            InProcessFederation.Start(plan, patients, SimulationStorage.InMemory, judged: null);
        GC.Collect();
        var process = Process.GetCurrentProcess();
        var (cpu, watch) = (process.TotalProcessorTime, Stopwatch.StartNew());
        var records = await federation.RunAsync(plan, PlanHash.Of(plan), [.. patients.Keys.Order()], _ => { }, cancel);
        watch.Stop();
        process.Refresh();
        return (records[^1].Model,
            new Cost(watch.Elapsed.TotalMilliseconds, (process.TotalProcessorTime - cpu).TotalMilliseconds));
    }

    private static JobPlan WithRounds(JobPlan plan, int rounds) =>
        plan with { Training = plan.Training with { Rounds = rounds } };

    private static PatientTable MadeUp(ImmutableArray<string> features, ulong seed)
    {
        var random = new SplitMix64(seed);
        var values = new double[Rows * features.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = 2 * random.NextUniform() - 1;
        return new PatientTable(features, values, [1, 0]);
    }

    private readonly record struct Cost(double WallMs, double CpuMs)
    {
        public static Cost operator +(Cost a, Cost b) => new(a.WallMs + b.WallMs, a.CpuMs + b.CpuMs);
    }
}
