using System.CommandLine;
using FedActors.Actors.Configuration;
using FedActors.Core.Federation;
using FedActors.Simulation.Benchmarks;

namespace FedActors.Cli;

/// <summary>The benchmarks a person can run.</summary>
internal static class Benchmarks
{
    public static IReadOnlyList<Benchmark> All { get; } =
        [Simulation(), Training(), Memory(), SecureSum(), Aggregation(), Privacy()];

    private static Benchmark Simulation()
    {
        var hospitals = Count("--hospitals", "N", "Made-up hospitals of 50 patients.", 1000, 1, 100_000);
        var rounds = Count("--rounds", "R", "Rounds to measure, after a warm-up.", 50, 1, 100_000);
        var model = Model("logistic-regression, or mlp 30-64-2.", ModelKind.LogisticRegression);
        return new Benchmark(
            "simulation",
            "Rounds through the actors beside a bare loop over the same hospitals.",
            "fedactors bench simulation --hospitals 1000 --rounds 50",
            [hospitals, rounds, model],
            async (parsed, cancel) => await SimulationBench.RunAsync(
                parsed.GetValue(hospitals), parsed.GetValue(rounds), KindOf(parsed, model), cancel));
    }

    private static Benchmark Training()
    {
        var model =
            Model("logistic-regression, or mlp 784-256-10 with the matrix products it is made of.", ModelKind.Mlp);
        var @private = new Option<bool>("--dp") { Description = "Also with clipping, and with clipping and noise." };
        return new Benchmark(
            "training",
            "A pass over made-up patients on one thread, and matrix products beside the machine's peak and MathNet.",
            "fedactors bench training --model mlp --dp",
            [model, @private],
            (parsed, _) => Task.FromResult<object>(
                TrainingBench.Run(KindOf(parsed, model), parsed.GetValue(@private))));
    }

    private static Option<string> Model(string description, ModelKind usual)
    {
        var model = new Option<string>("--model")
        {
            Description = description,
            DefaultValueFactory = _ => Names.Of(usual),
            HelpName = "MODEL",
        };
        model.AcceptOnlyFromAmong(Names.Of(ModelKind.LogisticRegression), Names.Of(ModelKind.Mlp));
        return model;
    }

    private static ModelKind KindOf(ParseResult parsed, Option<string> model) =>
        parsed.GetValue(model) == Names.Of(ModelKind.Mlp) ? ModelKind.Mlp : ModelKind.LogisticRegression;

    private static Benchmark Memory()
    {
        var hospitals = Count("--hospitals", "N", "Hospitals of this process.", 1000, 1, 100_000);
        var parameters = Count("--parameters", "D", "Coordinates of the model.", 1_000_000, 2, 100_000_000);
        var rounds = Count("--rounds", "R", "Rounds to train.", 3, 1, 1000);
        return new Benchmark(
            "memory",
            "A large model at many hospitals of one process: the memory and the garbage collections of a round.",
            "fedactors bench memory --hospitals 1000 --parameters 1000000 --rounds 3",
            [hospitals, parameters, rounds],
            async (parsed, cancel) => await MemoryBench.RunAsync(
                parsed.GetValue(hospitals), parsed.GetValue(parameters), parsed.GetValue(rounds), cancel));
    }

    private static Benchmark Aggregation()
    {
        var vectors = Count("--vectors", "N", "Updates.", 100, 3, 10_000);
        var parameters = Count("--parameters", "D", "Coordinates of an update.", 1_000_000, 1, 100_000_000);
        var rule = Value("--rule", "RULE", "What is done with them.", "mean");
        rule.AcceptOnlyFromAmong([.. AggregationBench.Rules]);
        return new Benchmark(
            "aggregation",
            "Means and robust rules over updates in memory, beside the speed that memory is read at.",
            "fedactors bench aggregation --vectors 100 --parameters 1000000 --rule median",
            [vectors, parameters, rule],
            (parsed, _) => Task.FromResult<object>(
                AggregationBench.Run(parsed.GetValue(vectors), parsed.GetValue(parameters), parsed.GetValue(rule)!)));
    }

    private static Benchmark SecureSum()
    {
        var hospitals = Count("--hospitals", "N", "Hospitals in the cohort.", 100, 3, 10_000);
        var parameters = Count("--parameters", "D", "Coordinates of an update.", 100_000, 2, 100_000_000);
        var dropout = Value("--dropout", "P", "Share of hospitals that fall away after they shared.", 0.1);
        var seed = Value("--seed", "S", "Seeds keys and updates of this measurement.", 1L);
        var actors = new Option<bool>("--through-actors")
        {
            Description =
                "Whole rounds through the actors instead, beside the same rounds with plain sums; nobody falls away.",
        };
        return new Benchmark(
            "secagg",
            "One secure sum in memory: what it costs a hospital and the hub, and whether the sum is right.",
            "fedactors bench secagg --hospitals 100 --parameters 1000000 --dropout 0.1",
            [hospitals, parameters, dropout, seed, actors],
            async (parsed, cancel) => parsed.GetValue(actors)
                ? await SecureRoundBench.RunAsync(
                    parsed.GetValue(hospitals), parsed.GetValue(parameters), parsed.GetValue(seed), cancel)
                : SecureAggregationBench.Run(
                    parsed.GetValue(hospitals), parsed.GetValue(parameters), parsed.GetValue(dropout),
                    parsed.GetValue(seed)));
    }

    private static Benchmark Privacy()
    {
        var appends = Count("--appends", "N", "Charges to time.", 1000, 1, 1_000_000);
        var records = Count("--records", "N", "Records of the ledger to read.", 1_000_000, 3, 10_000_000);
        return new Benchmark(
            "privacy",
            "The accountants, the noise and the ledger: CPU milliseconds, draws a second, and how long a charge "
                + "waits for the disk.",
            "fedactors bench privacy --appends 1000 --records 1000000",
            [appends, records],
            (parsed, _) =>
                Task.FromResult<object>(PrivacyBench.Run(parsed.GetValue(appends), parsed.GetValue(records))));
    }

    private static Option<int> Count(
        string name, string unit, string description, int usual, int least, int most)
    {
        var option = Value(name, unit, description, usual);
        option.Validators.Add(Validate.Within(least, most));
        return option;
    }

    private static Option<T> Value<T>(string name, string unit, string description, T usual) =>
        new(name) { Description = description, DefaultValueFactory = _ => usual, HelpName = unit };
}
