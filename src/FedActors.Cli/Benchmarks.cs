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
        var hospitals =
            new Option<int>("--hospitals")
            {
                Description = "Made-up hospitals of 50 patients.",
                DefaultValueFactory = _ => 1000,
                HelpName = "N"
            };
        var rounds =
            new Option<int>("--rounds")
            {
                Description = "Rounds to measure, after a warm-up.",
                DefaultValueFactory = _ => 50,
                HelpName = "R"
            };
        var model = Model("logistic-regression, or mlp 30-64-2.", ModelKind.LogisticRegression);
        hospitals.Validators.Add(Validate.Within(1, 100_000));
        rounds.Validators.Add(Validate.Within(1, 100_000));
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
        var hospitals =
            new Option<int>("--hospitals")
            {
                Description = "Hospitals of this process.",
                DefaultValueFactory = _ =>
                1000,
                HelpName = "N"
            };
        var parameters =
            new Option<int>("--parameters")
            {
                Description = "Coordinates of the model.",
                DefaultValueFactory = _ =>
                1_000_000,
                HelpName = "D"
            };
        var rounds =
            new Option<int>("--rounds")
            {
                Description = "Rounds to train.",
                DefaultValueFactory = _ =>
                3,
                HelpName = "R"
            };
        hospitals.Validators.Add(Validate.Within(1, 100_000));
        parameters.Validators.Add(Validate.Within(2, 100_000_000));
        rounds.Validators.Add(Validate.Within(1, 1000));
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
        var vectors =
            new Option<int>("--vectors") { Description = "Updates.", DefaultValueFactory = _ => 100, HelpName = "N" };
        var parameters =
            new Option<int>("--parameters")
            {
                Description = "Coordinates of an update.",
                DefaultValueFactory = _ =>
                1_000_000,
                HelpName = "D"
            };
        var rule =
            new Option<string>("--rule")
            {
                Description = "What is done with them.",
                DefaultValueFactory = _ =>
                "mean",
                HelpName = "RULE"
            };
        vectors.Validators.Add(Validate.Within(3, 10_000));
        parameters.Validators.Add(Validate.Within(1, 100_000_000));
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
        var hospitals =
            new Option<int>("--hospitals")
            {
                Description = "Hospitals in the cohort.",
                DefaultValueFactory = _ =>
                100,
                HelpName = "N"
            };
        var parameters =
            new Option<int>("--parameters")
            {
                Description = "Coordinates of an update.",
                DefaultValueFactory = _ =>
                100_000,
                HelpName = "D"
            };
        var dropout =
            new Option<double>("--dropout")
            {
                Description = "Share of hospitals that fall away after they shared.",
                DefaultValueFactory = _ => 0.1,
                HelpName = "P"
            };
        var seed =
            new Option<long>("--seed")
            {
                Description = "Seeds keys and updates of this measurement.",
                DefaultValueFactory = _ => 1,
                HelpName = "S"
            };
        var actors = new Option<bool>("--through-actors")
        {
            Description =
                "Whole rounds through the actors instead, beside the same rounds with plain sums; nobody falls away.",
        };
        hospitals.Validators.Add(Validate.Within(3, 10_000));
        parameters.Validators.Add(Validate.Within(2, 100_000_000));
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
        var appends =
            new Option<int>("--appends")
            {
                Description = "Charges to time.",
                DefaultValueFactory = _ =>
                1000,
                HelpName = "N"
            };
        var records = new Option<int>("--records")
        {
            Description = "Records of the ledger to read.",
            DefaultValueFactory = _ => 1_000_000,
            HelpName = "N",
        };
        appends.Validators.Add(Validate.Within(1, 1_000_000));
        records.Validators.Add(Validate.Within(3, 10_000_000));
        return new Benchmark(
            "privacy",
            "The accountants, the noise and the ledger: CPU milliseconds, draws a second, and how long a charge "
                + "waits for the disk.",
            "fedactors bench privacy --appends 1000 --records 1000000",
            [appends, records],
            (parsed, _) =>
                Task.FromResult<object>(PrivacyBench.Run(parsed.GetValue(appends), parsed.GetValue(records))));
    }
}
