using System.Collections.Immutable;
using System.Text.Json.Serialization;
using FedActors.Core.Data;

namespace FedActors.Simulation.Results;

/// <summary><c>summary.json</c>: a finished run in figures. Keys keep their names and order; new ones go to the
/// end.</summary>
/// <param name="Algorithm">As the job file writes it: <c>fedavg</c>.</param>
/// <param name="Rounds">Committed rounds.</param>
/// <param name="Parameters">Coordinates of the model.</param>
/// <param name="Ensemble">The mean of the local models' probabilities: the honest rival.</param>
/// <param name="ModelSha256">Of the last model's bytes, 64 hex digits: its parameters as little-endian binary64, and
/// behind them what the strategy remembers (momentum, moments, a control), where it does.</param>
/// <param name="Test">What every figure was taken on.</param>
/// <param name="PeakMemoryMb">Largest resident memory of the process, MB of 1,000,000 bytes; NaN where it was not
/// measured.</param>
/// <param name="ModelRound">The round that the model is of: the last, unless the job keeps the best.</param>
/// <param name="StoppedEarly">Whether the job ended before its last round, since the hospitals found no better
/// model.</param>
/// <param name="ByHospitals">What the hospitals themselves found last up to that round; null where they did not
/// evaluate.</param>
public sealed record RunSummary(
    string Job,
    long Seed,
    string Algorithm,
    int Hospitals,
    int Rounds,
    int Parameters,
    double DurationSeconds,
    Figures Federated,
    PooledFigures Pooled,
    AloneSummary Alone,
    Figures Ensemble,
    SecureAggregationSummary SecureAggregation,
    PrivacySummary Privacy,
    TrafficSummary Traffic,
    ParticipationSummary Participation,
    string ModelSha256,
    TestSummary Test,
    double PeakMemoryMb,
    int ModelRound = 0,
    bool StoppedEarly = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] HospitalsEvaluation? ByHospitals = null)
{
    public const string CurrentSchema = "fedactors.summary/1";

    [JsonPropertyOrder(-1)]
    public string Schema { get; init; } = CurrentSchema;
}

/// <param name="Threshold">Hospitals without whom no sum can be opened; 0 where secure aggregation is off.</param>
/// <param name="ToleratedDropouts">Hospitals that may drop out of a round without ending it.</param>
/// <param name="ToleratedColluders">Hospitals that may side with the coordinator and still learn no other's
/// update.</param>
public sealed record SecureAggregationSummary(
    bool Enabled, int Threshold, int RingBits, int ToleratedDropouts, int ToleratedColluders);

/// <param name="Mode"><c>off</c>, <c>patient-local</c>, <c>patient-distributed</c> or <c>hospital</c>.</param>
/// <param name="Epsilon">
/// Bound of this job with all it may release, by the accountant that the ledgers enforce: Renyi divergence at integer
/// orders. 0, and without meaning, while the mode is off.
/// </param>
/// <param name="NoiseMultiplier">Standard deviation of the noise over how far one unit moves a sum.</param>
public sealed record PrivacySummary(
    string Mode, double Epsilon, double Delta, double NoiseMultiplier, ImmutableArray<HospitalPrivacy> ByHospital)
{
    public const string Off = "off";

    /// <summary><c>patient</c> or <c>hospital</c>: neighbours differ by all records of one.</summary>
    public string Unit { get; init; } = "patient";

    /// <summary>The same releases by privacy-loss distributions: tighter, and for continuous noise. Shown, not
    /// enforced.</summary>
    public double EpsilonPld { get; init; }

    /// <summary>Times a hospital may release under the job, spare attempts included.</summary>
    public long Releases { get; init; }

    /// <summary>Noise shared: hospitals whose share the bound counts on. 1 where each hospital adds all of
    /// it.</summary>
    public int Shares { get; init; } = 1;

    /// <summary>No noise, no bound: all figures are 0.</summary>
    public static PrivacySummary None(IEnumerable<string> hospitals) =>
        new(Off, 0, 0, 0, [.. hospitals.Select(hospital => new HospitalPrivacy(hospital, 0, 0, 0))]);
}

/// <param name="Epsilon">What the hospital's ledger has spent, in all jobs.</param>
/// <param name="Budget">The largest epsilon its policy allows for all jobs together.</param>
public sealed record HospitalPrivacy(string Hospital, double Epsilon, double Delta, double Budget)
{
    /// <summary>What later jobs may still spend.</summary>
    public double Left => Math.Max(0, Budget - Epsilon);
}

/// <summary>Bytes of all hospitals and rounds; up is from hospital to hub.</summary>
public sealed record TrafficSummary(long BytesUp, long BytesDown);

/// <param name="Invited">Hospitals invited to at least one round.</param>
/// <param name="IncludedEveryRound">Hospitals that were in the sum of every round.</param>
/// <param name="Dropouts">Times a hospital was invited to a committed round and was not in its sum.</param>
public sealed record ParticipationSummary(int Invited, int IncludedEveryRound, int Dropouts);

/// <param name="Positives">Of the <paramref name="N"/> held-out patients, those with label 1.</param>
public sealed record TestSummary(int N, int Positives)
{
    /// <summary>How they fall apart, in brackets behind their number; empty where the outcome is no yes or
    /// no.</summary>
    public string Shares(OutcomeKind outcome, CaseWords words) => outcome is OutcomeKind.Binary or OutcomeKind.Survival
        ? $" ({Positives:#,0} {words.Plural}, {N - Positives:#,0} others)"
        : "";
}
