using System.CommandLine;
using FedActors.Core.Federation;
using FedActors.Simulation.Benchmarks;

namespace FedActors.Cli;

/// <summary>The benchmarks a person can run.</summary>
internal static class Benchmarks
{
    public static IReadOnlyList<Benchmark> All { get; } = [Simulation()];

    private static Benchmark Simulation()
    {
        var hospitals = new Option<int>("--hospitals") { Description = "Made-up hospitals of 50 patients.", DefaultValueFactory = _ => 1000, HelpName = "N" };
        var rounds = new Option<int>("--rounds") { Description = "Rounds to measure, after a warm-up.", DefaultValueFactory = _ => 50, HelpName = "R" };
        var model = new Option<string>("--model") { Description = "logistic-regression.", DefaultValueFactory = _ => "logistic-regression" };
        hospitals.Validators.Add(Validate.Within(1, 100_000));
        rounds.Validators.Add(Validate.Within(1, 100_000));
        model.AcceptOnlyFromAmong("logistic-regression");
        return new Benchmark(
            "simulation",
            "Rounds through the actors beside a bare loop over the same hospitals.",
            "fedactors bench simulation --hospitals 1000 --rounds 50",
            [hospitals, rounds, model],
            async (parsed, cancel) => await SimulationBench.RunAsync(
                parsed.GetValue(hospitals), parsed.GetValue(rounds), ModelKind.LogisticRegression, cancel));
    }
}
