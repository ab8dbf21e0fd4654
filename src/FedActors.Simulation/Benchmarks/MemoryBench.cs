using System.Diagnostics;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What large models cost in memory when many hospitals of one process train them.</summary>
/// <param name="Parameters">Coordinates of the model and of every update.</param>
/// <param name="DataMb">The patients' own memory, MB of 1,000,000 bytes; all hospitals read the same ones.</param>
/// <param name="PeakRssMb">Largest resident memory of the process while it trained, looked at every 20 ms.</param>
/// <param name="AboveDataMb">The same, less what the process held when training began: the data, the plan, the runtime.</param>
/// <param name="Gen2PerRound">Full garbage collections a round.</param>
/// <param name="UpdatesPerSecond">Updates trained, sent and added, a second of wall time.</param>
/// <param name="HeldTogetherMb">What the updates of one round would take together.</param>
public sealed record MemoryBenchResult(
    int Hospitals, int Parameters, int Rounds, double DataMb, double PeakRssMb, double AboveDataMb, double Gen2PerRound, double RoundMs,
    double UpdatesPerSecond, double HeldTogetherMb);

/// <summary>Trains a logistic regression of as many weights on two made-up patients, the same two at every hospital, with plain sums.</summary>
public static class MemoryBench
{
    private const int Rows = 2;

    public static async Task<MemoryBenchResult> RunAsync(int hospitals, int parameters, int rounds, CancellationToken cancel)
    {
        var features = parameters - 1;
        var table = MadeUp(features);
        var ids = Enumerable.Range(0, hospitals).Select(h => new HospitalId($"h{h:00000}")).ToArray();
        var plan = new JobPlan(
            "memory", Seed: 1, (long)Rows * hospitals, new ModelPlan(ModelKind.LogisticRegression, table.FeatureNames),
            new TrainingPlan(Algorithm.FedAvg, rounds, LocalSteps: 1, LearningRate: 0.1, BatchSize: null, L2: 0),
            new CohortPlan(hospitals, 1, TimeSpan.FromMinutes(30), [], 0, 1),
            new SecureAggregationPlan(Enabled: false, RingBits: 32, Range: 8, WeightCap: Rows, TimeSpan.FromMinutes(10)),
            new PrivacyPlan(PrivacyMode.Off), new EvaluationPlan(int.MaxValue, Metric.Auroc));
        // On disk, as a simulation keeps its journal and its models: in memory they would count as well.
        var folder = Directory.CreateTempSubdirectory("fedactors-bench-");
        try
        {
            return await TrainAsync(plan, ids, table, SimulationStorage.In(folder.FullName), cancel);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<MemoryBenchResult> TrainAsync(
        JobPlan plan, HospitalId[] ids, PatientTable table, SimulationStorage storage, CancellationToken cancel)
    {
        var (hospitals, parameters, rounds) = (ids.Length, table.Features + 1, plan.Training.Rounds);
        // A plan of a million features is hashed once, which is not what is measured.
        var hash = PlanHash.Of(plan);
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        var before = Process.GetCurrentProcess().WorkingSet64;
        await using var federation = InProcessFederation.Start(
            plan, [.. ids.Select(id => KeyValuePair.Create(id, table))], storage, judged: null);
        var (gen2, watch) = (GC.CollectionCount(2), Stopwatch.StartNew());
        var peak = before;
        using (new Timer(_ => peak = Math.Max(peak, Process.GetCurrentProcess().WorkingSet64), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(20)))
        {
            await federation.RunAsync(plan, hash, [.. ids], _ => { }, cancel);
        }
        var (seconds, data) = (watch.Elapsed.TotalSeconds, sizeof(double) * (double)Rows * table.Features);
        return new MemoryBenchResult(
            hospitals, parameters, rounds, Math.Round(data / 1e6, 1), Math.Round(peak / 1e6, 1), Math.Round((peak - before) / 1e6, 1),
            (double)(GC.CollectionCount(2) - gen2) / rounds, Math.Round(seconds / rounds * 1e3, 1), Math.Round(hospitals * rounds / seconds, 1),
            Math.Round(sizeof(float) * (double)parameters * hospitals / 1e6, 1));
    }

    private static PatientTable MadeUp(int features)
    {
        // One name for all: a million names would be the larger part of the memory, and nobody reads them.
        var names = Enumerable.Repeat("x", features);
        var values = new double[Rows * features];
        for (var i = 0; i < values.Length; i++)
            values[i] = (i * 31 % 17 - 8) / 8.0;
        return new PatientTable([.. names], values, [0, 1]);
    }
}
