using System.Collections.Immutable;
using Akka.Configuration;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Actors.Configuration;

/// <summary>A job file, read over the defaults of <c>reference.conf</c> and under the overrides of a command
/// line.</summary>
public sealed class JobFile
{
    private static readonly ImmutableArray<string> Sections =
        ["model", "training", "cohort", "secure-aggregation", "privacy", "evaluation", "data"];

    private readonly Config _config;

    private JobFile(string path, Config config) => (Path, _config) = (path, config);

    /// <summary>The file's path as it was given: what faults name.</summary>
    public string Path { get; }

    /// <summary>Reads the text; what the keys mean is <see cref="Read"/>'s.</summary>
    /// <exception cref="FaultException">The file is missing or is not HOCON.</exception>
    public static JobFile Open(string path, IEnumerable<KeyValuePair<string, string>> overrides)
    {
        if (!File.Exists(path))
            throw new FaultException(new Fault(FaultNumber.JobFileMissing, $"There is no file '{path}'.", path,
                "Give the path of a job file, for example samples/breast-tumour/job.conf."));
        return Of(File.ReadAllText(path), path, overrides);
    }

    /// <summary>Reads a text that came from <paramref name="path"/>, or that whoever sent it calls so.</summary>
    /// <exception cref="FaultException">The text is not HOCON.</exception>
    public static JobFile Of(string text, string path, IEnumerable<KeyValuePair<string, string>> overrides)
    {
        var own = Parse(text, path);
        if (own.HasPath("node"))
            throw new FaultException(
                new Fault(FaultNumber.UnknownKey, "This is a node's file, not a job's.", $"{path}: node",
                "Start it with 'fedactors-node --config'; a job file holds one section: job { ... }."));
        var file = own.WithFallback(Reference.Config);
        Config? set = null;
        foreach (var (key, value) in overrides)
            set = Over(Parse($"{key} = {value}", $"--set {key}={value}"), set);
        var config = Over(set, file);
        return new JobFile(path, ProfileOf(config) is { } profile ? Over(set, profile.WithFallback(file)) : config);
    }

    private static Config Over(Config? upper, Config? lower) =>
        upper is null ? lower! : lower is null ? upper : upper.WithFallback(lower);

    // What the job changes under the privacy mode it has: above the file's other sections, and below what the command
    // line sets.
    private static Config? ProfileOf(Config config)
    {
        var mode = config.HasPath("job.privacy.mode") ? config.GetString("job.privacy.mode") : "";
        var profile = $"job.privacy.profiles.{mode}";
        return mode.Length > 0 && mode.All(c => char.IsAsciiLetterLower(c) || c == '-') && config.HasPath(profile)
            && config.GetValue(profile).IsObject()
            ? config.GetValue(profile).AtKey("job")
            : null;
    }

    /// <summary>Whether the job says where a simulation finds its data.</summary>
    public bool HasData => _config.HasPath("job.data");

    /// <summary>The job's data section, for a simulation.</summary>
    public HoconReader Data(List<Fault> faults) => HoconReader.Of(_config, "job.data", Path, faults);

    /// <summary>Reads everything but the data section, and reports every fault it finds.</summary>
    /// <param name="faults">Receives what is wrong; the plan is usable only where it stays empty.</param>
    public JobPlan Read(List<Fault> faults)
    {
        var job = HoconReader.Of(_config, "job", Path, faults);
        var name = job.Text("name");
        if (name.Length > 0 && !HospitalId.IsValid(name))
            job.Report(FaultNumber.ValueOutOfRange, $"'{name}' cannot name a job.", job.PathOf("name"),
                "Use 1 to 64 letters, digits, '-', '_' or '.'.");
        var training = ReadTraining(job.Section("training"));
        var secure = ReadSecureAggregation(job.Section("secure-aggregation"), training.Algorithm);
        var model = job.Section("model");
        var plan = new JobPlan(
            name,
            job.Integer("seed", 0, long.MaxValue),
            Patients: job.Integer("patients", 0, 1L << 40),
            ReadModel(model, job.Section("training"), training.Algorithm),
            training,
            ReadCohort(job.Section("cohort"), secure.Enabled),
            secure,
            PrivacySection.Read(job.Section("privacy")),
            ReadEvaluation(job.Section("evaluation")));
        // What a perceptron learns is known with its data only.
        if (plan.Evaluation.Metric == Metric.Auto && plan.Model.Kind != ModelKind.Mlp)
            plan = plan
                with
            { Evaluation = plan.Evaluation with { Metric = ModelRules.MetricsOf(plan.Model.Outcome)[0] } };
        if (secure.Enabled && training.Robust is not null)
            job.Report(FaultNumber.NeedsSingleUpdates,
                $"The rule '{Names.Of(training.Algorithm)}' must see every hospital's update, and secure "
                    + "aggregation hides them.",
                job.PathOf("training.algorithm"),
                "Train with one that needs sums only (fedavg, scaffold, ...), or set secure-aggregation.enabled = off "
                    + "if all hospitals agree.");
        // What noise promises is proven for one update a round that depends on the round's model alone.
        if (plan.Privacy.Mode != PrivacyMode.Off && (training.Robust is not null || training.KeepsOwnState))
            job.Report(FaultNumber.NotAllowedTogether,
                "What noise promises is not proven for hospitals that remember, nor for rules that compare updates.",
                job.PathOf("privacy.mode"),
                "Train with one that needs sums only and no local layers, or set privacy.mode = off.");
        foreach (var section in Sections)
            job.Section(section);
        job.Done();
        var root = HoconReader.Of(_config.Root.AtKey("root"), "root", Path, []);
        var nearest = root.Keys.Where(key => key is not ("job" or "akka" or "fedactors" or "node")).ToArray();
        foreach (var key in nearest)
            faults.Add(
                new Fault(FaultNumber.UnknownKey, $"There is no key '{key}'.", $"{Path}: {key}",
                    "A job file holds one section: job { ... }."));
        return plan;
    }

    private static TrainingPlan ReadTraining(HoconReader reader)
    {
        int? batch = null;
        if (reader.Text("batch-size", otherwise: "full") != "full")
            batch = (int)reader.Integer("batch-size", 1, int.MaxValue);
        var algorithm = Names.Read<Algorithm>(reader, "algorithm");
        var plan = new TrainingPlan(
            algorithm,
            (int)reader.Integer("rounds", 1, 1_000_000),
            (int)reader.Integer("local-steps", 1, 1_000_000),
            reader.Number("learning-rate", 1e-12, 1e6),
            batch,
            reader.Number("l2", 0, 1e12))
        {
            Server = ReadServer(reader, algorithm),
            ProximalMu = reader.Number("proximal-mu", 0, 1e6),
            LocalLayers = ReadLocalLayers(reader, algorithm),
            Robust = ReadRobust(reader, algorithm),
        };
        reader.Done();
        return plan;
    }

    private static ModelPlan ReadModel(HoconReader reader, HoconReader training, Algorithm algorithm)
    {
        var kind = Names.Read<ModelKind>(reader, "kind");
        var plan = new ModelPlan(kind, []) { Outcome = ModelRules.OutcomesOf(kind)[0] };
        if (kind == ModelKind.Mlp)
            plan = plan with
            {
                Hidden = [.. reader.Integers("hidden", 1, 65_536).Select(size => (int)size)],
                Activation = Names.Read<Activation>(reader, "activation", Activation.Tanh),
            };
        if (algorithm == Algorithm.Newton && !ModelRules.HasHessian(kind) && !reader.IsFaulty("kind"))
            training.Report(FaultNumber.NotAllowedTogether,
                $"Newton needs second derivatives, and {Names.Of(kind)} sends none.",
                training.PathOf("algorithm"), "Train with fedavg, or choose another model.");
        reader.Done();
        return plan;
    }

    // A share of the past of 1 would never let go of it.
    private const double LargestShare = 1 - 1e-9;

    private static ServerPlan ReadServer(HoconReader reader, Algorithm algorithm)
    {
        // An adaptive step is as long as the rate whatever the update's size, so that 1 would be far too long.
        var rate = algorithm is Algorithm.FedAdam or Algorithm.FedYogi or Algorithm.FedAdagrad ? 0.1 : 1;
        if (reader.Text("server-learning-rate", otherwise: "auto") != "auto")
            rate = reader.Number("server-learning-rate", 1e-9, 1e6);
        return new ServerPlan(
            rate, reader.Number("momentum", 0, LargestShare), reader.Number("beta1", 0, LargestShare),
            reader.Number("beta2", 0, LargestShare), reader.Number("tau", 1e-12, 1e6));
    }

    private static RobustPlan? ReadRobust(HoconReader reader, Algorithm algorithm)
    {
        var plan = new RobustPlan(
            algorithm, (int)reader.Integer("faulty", 0, 10_000),
            reader.Text("selected", otherwise: "auto") == "auto" ? null : (int)reader.Integer("selected", 1, 100_000),
            reader.Text("norm-bound", otherwise: "auto") == "auto" ? null : reader.Number("norm-bound", 1e-12, 1e12));
        return algorithm is >= Algorithm.Median and <= Algorithm.NormBound ? plan : null;
    }

    private static ImmutableArray<string> ReadLocalLayers(HoconReader reader, Algorithm algorithm)
    {
        var layers = reader.Texts("local-layers");
        if (layers.Distinct().Count() < layers.Count)
            reader.Report(FaultNumber.DuplicateName, "A layer stands twice.", reader.PathOf("local-layers"),
                "Name each layer once.");
        if (layers.Count > 0 && algorithm is Algorithm.Newton or Algorithm.Scaffold)
            reader.Report(FaultNumber.NotAllowedTogether,
                $"With {Names.Of(algorithm)} every layer is part of the sum: none can stay at the hospitals.",
                reader.PathOf("local-layers"), "Take the layers out, or train with fedavg.");
        return [.. layers];
    }

    private static CohortPlan ReadCohort(HoconReader reader, bool secure)
    {
        var require = reader.Hospitals("require");
        var minimum = (int)reader.Integer("minimum", 1, 100_000);
        if (secure && minimum < 3 && !reader.IsFaulty("minimum"))
            reader.Report(FaultNumber.NotAllowedTogether,
                $"A secure sum of {minimum} hides nothing: each of two hospitals subtracts itself and sees the other.",
                reader.PathOf("minimum"), "Set it to 3 or more.");
        var plan = new CohortPlan(
            minimum,
            reader.Number("fraction", 1e-6, 1),
            reader.Duration("deadline", TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(30)),
            [.. require.Order()],
            reader.Number("minimum-sample-share", 0, 1),
            (int)reader.Integer("attempts", 1, 1000));
        reader.Done();
        return plan;
    }

    private static SecureAggregationPlan ReadSecureAggregation(HoconReader reader, Algorithm algorithm)
    {
        var bits = reader.OneOf("ring-bits", ["auto", "32", "64"]) switch
        {
            "32" => 32,
            "64" => 64,
            _ => algorithm == Algorithm.Newton ? 64 : 32,
        };
        if (algorithm == Algorithm.Newton && bits == 32)
            reader.Report(FaultNumber.NotAllowedTogether, "Newton solves what it sums: 32 bits are too coarse for it.",
                reader.PathOf("ring-bits"), "Set ring-bits = 64, or leave it out.");
        var plan = new SecureAggregationPlan(
            reader.Switch("enabled"), bits, reader.Number("range", 1e-6, 1e6),
            (int)reader.Integer("weight-cap", 1, 1 << 24),
            reader.Duration("phase-deadline", TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1)));
        reader.Done();
        return plan;
    }

    private static EvaluationPlan ReadEvaluation(HoconReader reader)
    {
        var patience = reader.Text("patience", otherwise: "off") == "off"
            ? 0
            : (int)reader.Integer("patience", 1, 1_000_000);
        var plan = new EvaluationPlan(
            (int)reader.Integer("every", 1, 1_000_000), Names.Read<Metric>(reader, "metric"),
            reader.Switch("by-hospitals"),
            (int)reader.Integer("minimum-patients", 1, 1_000_000), Names.Read<KeptModel>(reader, "keep"), patience);
        reader.Done();
        return plan;
    }

    internal static Config Parse(string text, string source)
    {
        if (HoconStructure.FirstFault(text) is var (line, what))
            throw new FaultException(
                new Fault(FaultNumber.JobFileUnreadable, what, $"{source}, line {line}",
                    "Close what is open, or open what is closed."));
        try
        {
            return ConfigurationFactory.ParseString(text);
        }
        // Akka's parser has no exception type of its own: these are the ones it throws on malformed text.
        catch (Exception e)
            when (e is FormatException or ConfigurationException or InvalidOperationException
                or IndexOutOfRangeException or NullReferenceException or ArgumentException)
        {
            throw new FaultException(
                new Fault(FaultNumber.JobFileUnreadable, $"The text is not HOCON: {e.Message.TrimEnd('.')}.", source,
                "Look for a comma after a closing brace: put list entries on lines of their own."));
        }
    }
}
