using System.Collections.Immutable;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;

namespace FedActors.Actors.Configuration;

/// <summary>
/// A hospital's policy file over the defaults of <c>hocon/policy.conf</c>. It fails closed: a file that is missing,
/// unreadable or contradicts itself gives no policy, and without a policy no job with noise runs.
/// </summary>
public static class PolicyFile
{
    /// <exception cref="FaultException">The file is missing, is not HOCON, or holds faults: all of them are
    /// told.</exception>
    public static HospitalPolicy Read(string path)
    {
        if (!File.Exists(path))
            throw new FaultException(new Fault(FaultNumber.PolicyMissing, $"There is no policy file '{path}'.", path,
                "Give the path of a policy file; hocon/policy.conf shows every key."));
        var faults = new List<Fault>();
        var config = JobFile.Parse(File.ReadAllText(path), path).WithFallback(Reference.Policy);
        var root = HoconReader.Of(config.Root.AtKey("root"), "root", path, []);
        foreach (var key in root.Keys.Where(key => key != "policy"))
            faults.Add(
                new Fault(FaultNumber.UnknownKey, $"There is no key '{key}'.", $"{path}: {key}",
                    "A policy file holds one section: policy { ... }."));
        var reader = HoconReader.Of(config, "policy", path, faults);
        var policy = Read(reader);
        reader.Done();
        faults.AddRange(policy.Faults().Where(fault => !reader.IsFaulty(fault.Where)).ToArray()
            .Select(fault => fault with { Where = $"{path}: {reader.PathOf(fault.Where)}" }));
        return faults.Count == 0 ? policy : throw new FaultException(faults);
    }

    private static HospitalPolicy Read(HoconReader reader)
    {
        var scope = reader.Text("scope");
        if (scope.Length > 200 || (scope.Length > 0 && string.IsNullOrWhiteSpace(scope)))
            reader.Report(FaultNumber.ValueOutOfRange, "The scope names no patients.", reader.PathOf("scope"),
                "Use 1 to 200 characters.");
        var lifetime = Budget(reader, "epsilon-lifetime", "delta-lifetime");
        var isRenyi = reader.OneOf("composition", ["basic", "renyi"]) == "renyi";
        var order = (int)reader.Integer("renyi-order", 2, 4096);
        return new HospitalPolicy(
            scope,
            reader.Switch("privacy-required"),
            Modes(reader),
            lifetime,
            Budget(reader, "epsilon-per-job", "delta-per-job"),
            isRenyi ? new CompositionRule(order, lifetime.Delta) : new CompositionRule(null, 0),
            reader.Integer("nominal-patients", 1, 1_000_000_000),
            (int)reader.Integer("minimum-cohort", 1, 100_000),
            reader.Integer("minimum-patients", 0, 1_000_000_000),
            Checked(reader, "minimum-noise-multiplier", PrivacyRange.NoiseMultiplier),
            Checked(reader, "maximum-sampling-rate", PrivacyRange.SamplingRate),
            reader.Integer("maximum-rounds", 1, 100_000_000),
            (int)reader.Integer("minimum-survivors", 1, 100_000),
            (int)reader.Integer("assumed-colluders", 0, 100_000),
            reader.Switch("secure-aggregation-required"),
            AllowedJobs(reader));
    }

    private static ImmutableArray<PrivacyMode> Modes(HoconReader reader)
    {
        var names = Enum.GetValues<PrivacyMode>().Where(mode => mode != PrivacyMode.Off).ToDictionary(Names.Of);
        var modes = new List<PrivacyMode>();
        foreach (var name in reader.Texts("modes"))
            if (names.TryGetValue(name, out var mode))
                modes.Add(mode);
            else
                reader.Report(FaultNumber.UnknownName, $"'{name}' is no mode of noise.", reader.PathOf("modes"),
                    $"Known: {string.Join(", ", names.Keys)}.");
        return [.. modes.Distinct().Order()];
    }

    private static ImmutableArray<Digest>? AllowedJobs(HoconReader reader)
    {
        var (isRestricted, jobs) = (reader.Switch("restrict-jobs"), new List<Digest>());
        foreach (var text in reader.Texts("allowed-jobs"))
            if (text.Length == 2 * Digest.Size && text.All(char.IsAsciiHexDigit))
                jobs.Add(Digest.Parse(text));
            else
                reader.Report(FaultNumber.ValueOutOfRange, $"'{text}' is no plan's hash.",
                    reader.PathOf("allowed-jobs"),
                    "Write the 64 hex digits that 'fedactors policy test' prints.");
        if (!isRestricted && jobs.Count > 0)
            reader.Report(FaultNumber.PolicyContradicts, "Plans are listed while restrict-jobs = off lets any run.",
                reader.PathOf("restrict-jobs"),
                "Set restrict-jobs = on, or empty the list.");
        return isRestricted ? [.. jobs] : null;
    }

    private static PrivacyBudget Budget(HoconReader reader, string epsilon, string delta) =>
        new(Checked(reader, epsilon, PrivacyRange.Epsilon), Checked(reader, delta, PrivacyRange.Delta));

    private static double Checked(HoconReader reader, string key, Func<double, IEnumerable<Fault>> check)
    {
        var value = reader.Number(key, double.MinValue, double.MaxValue);
        if (!reader.IsFaulty(key))
            foreach (var fault in check(value))
                reader.Report(fault.Number, fault.What, reader.PathOf(key), fault.Fix);
        return value;
    }
}
