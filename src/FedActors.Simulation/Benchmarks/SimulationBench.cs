using System.Collections.Immutable;
using System.Diagnostics;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Training;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What rounds cost through the actors, beside a bare loop over the same hospitals, measured in one
/// process.</summary>
/// <param name="ClientsPerCpuSecond">Hospital-rounds through the actors a second of CPU, all threads counted.</param>
/// <param name="BareClientsPerCpuSecond">The same of a loop that trains, encodes and adds, without actors.</param>
/// <param name="OverheadMicroseconds">CPU of a hospital-round through the actors, less that of the loop.</param>
/// <param name="OverheadBytes">Allocated for a hospital-round through the actors, less that of the loop.</param>
/// <param name="RoundMs">Wall time of a round through the actors.</param>
/// <param name="PeakRssMb">Largest resident memory of the process, MB of 1,000,000 bytes.</param>
/// <param name="Gen2PerRound">Full garbage collections a round through the actors.</param>
/// <param name="SameModel">The loop and the actors ended with the same bytes.</param>
public sealed record SimulationBenchResult(
    int Hospitals, int Rounds, string Model, int Parameters, double ClientsPerCpuSecond, double BareClientsPerCpuSecond,
    double OverheadMicroseconds, double OverheadBytes, double RoundMs, double PeakRssMb, double Gen2PerRound,
    bool SameModel);

/// <summary>
/// Trains made-up hospitals of 50 patients and 30 features, batches of 10, one pass a round, with the journal in
/// memory: logistic regression, or a perceptron 30-64-2 (relu).
/// </summary>
public static class SimulationBench
{
    private const int Rows = 50;
    private const int Features = 30;
    private const int BatchSize = 10;
    private const int Hidden = 64;

    private const int WarmUpRounds = 50;

    public static async Task<SimulationBenchResult> RunAsync(
        int hospitals, int rounds, ModelKind kind, CancellationToken cancel)
    {
        var sites = Enumerable.Range(0, hospitals)
            .Select(h => new HospitalSite(new HospitalId($"h{h:00000}"), MadeUp((ulong)h + 1, kind)))
            .ToImmutableArray();
        var model = new ModelPlan(kind, sites[0].Patients.FeatureNames);
        if (kind == ModelKind.Mlp)
            model = model with
            {
                Outcome = OutcomeKind.Class,
                Classes = ["0", "1"],
                Hidden = [Hidden],
                Activation = Activation.Relu,
            };
        var plan = new JobPlan(
            "bench", Seed: 1, (long)Rows * hospitals, model,
            new TrainingPlan(Algorithm.FedAvg, rounds, Rows / BatchSize, LearningRate: 0.1, BatchSize, L2: 0),
            new CohortPlan(hospitals, 1, TimeSpan.FromMinutes(10), [], 0, 1),
            new SecureAggregationPlan(Enabled: false, RingBits: 32, Range: 8, WeightCap: Rows,
                TimeSpan.FromMinutes(10)),
            new PrivacyPlan(PrivacyMode.Off), new EvaluationPlan(int.MaxValue, Metric.Auto));

        var warm = WithRounds(plan, WarmUpRounds);
        foreach (var _ in WarmUp.Batches())
        {
            Bare(warm, sites);
            await MeasureActors(warm, sites, cancel);
        }
        var (bareModel, bare) = await Measure(() => Task.FromResult(Bare(plan, sites)));
        var (actorModel, actors) = await MeasureActors(plan, sites, cancel);

        var count = (double)hospitals * rounds;
        return new SimulationBenchResult(
            hospitals, rounds, Names.Of(kind), ModelCatalog.Create(plan.Model).ParameterCount,
            count / actors.CpuSeconds, count / bare.CpuSeconds,
            (actors.CpuSeconds - bare.CpuSeconds) / count * 1e6, (actors.Bytes - bare.Bytes) / count,
            actors.WallSeconds / rounds * 1e3, Process.GetCurrentProcess().PeakWorkingSet64 / 1e6,
            (double)actors.Gen2 / rounds, actorModel == bareModel);
    }

    private static async Task<(Digest Model, Cost Cost)> MeasureActors(
        JobPlan plan, ImmutableArray<HospitalSite> sites, CancellationToken cancel)
    {
        await using var federation = InProcessFederation.Start(
            plan, [.. sites.Select(site => KeyValuePair.Create(site.Hospital, site.Patients))],
            SimulationStorage.InMemory, judged: null);
        // An actor is made once, which is no part of a round.
        await federation.StandAsync(cancel);
        return await Measure(async () =>
        {
            var records =
                await federation.RunAsync(plan, PlanHash.Of(plan), [.. sites.Select(site => site.Hospital)], _ =>
                    { }, cancel);
            return records[^1].Model;
        });
    }

    private static Digest Bare(JobPlan plan, ImmutableArray<HospitalSite> sites)
    {
        var model = ModelCatalog.Create(plan.Model);
        var strategy = AggregationStrategies.Create(plan.Training, model, plan.Patients);
        var code = RoundCode.Of(plan, round: 1, sites.Length, LocalTraining.UpdateLength(plan.Training, model));
        var (scratch, values, residues) = (new TrainingScratch(), new double[code.Values], new byte[code.Bytes]);
        var parameters = new double[model.ParameterCount];
        model.Initialize(parameters, plan.Seed);
        for (var round = 1; round <= plan.Training.Rounds; round++)
        {
            var sum = new ModularSum(code.RingBits, code.Bytes);
            foreach (var site in sites)
            {
                var outcome = (LocalOutcome.Trained)LocalTraining.Run(
                    plan.Training, plan.Patients, model, parameters, site.Patients,
                    LocalTraining.BatchSeed(plan.Seed, site.Hospital, round), values.AsSpan()[..^1], scratch);
                var saturated = code.Saturate(values.AsSpan()[..^1]);
                values[^1] = Math.Min(outcome.Loss, code.Range);
                code.Encode(values, site.Patients.Rows, saturated, residues);
                sum.Add(residues);
            }
            var decoded = code.Decode(sum.Words, sites.Length)!;
            parameters =
                strategy.Next(parameters,
                    new AggregatedUpdate(decoded.Mean.AsMemory()[..^1], decoded.TotalWeight, sites.Length));
        }
        return GlobalModel.Of([.. parameters]).Hash;
    }

    private static async Task<(Digest Model, Cost Cost)> Measure(Func<Task<Digest>> work)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var process = Process.GetCurrentProcess();
        var (cpu, bytes, gen2, watch) =
            (process.TotalProcessorTime, GC.GetTotalAllocatedBytes(precise: true), GC.CollectionCount(2),
                Stopwatch.StartNew());
        var model = await work();
        process.Refresh();
        return (model, new Cost(
            (process.TotalProcessorTime - cpu).TotalSeconds, watch.Elapsed.TotalSeconds,
            GC.GetTotalAllocatedBytes(precise: true) - bytes, GC.CollectionCount(2) - gen2));
    }

    private static JobPlan WithRounds(JobPlan plan, int rounds) =>
        plan with { Training = plan.Training with { Rounds = rounds } };

    private static PatientTable MadeUp(ulong seed, ModelKind kind)
    {
        var random = new SplitMix64(seed);
        var (values, labels) = (new double[Rows * Features], new double[Rows]);
        for (var i = 0; i < values.Length; i++)
            values[i] = 2 * random.NextUniform() - 1;
        for (var i = 0; i < Rows; i++)
            labels[i] = values[i * Features] + values[i * Features + 1] > 0 ? 1 : 0;
        return new PatientTable([.. Enumerable.Range(0, Features).Select(i => $"x{i}")], values,
            kind == ModelKind.Mlp ? Outcomes.Class(labels, 2) : Outcomes.Binary(labels));
    }

    private sealed record Cost(double CpuSeconds, double WallSeconds, long Bytes, int Gen2);
}
