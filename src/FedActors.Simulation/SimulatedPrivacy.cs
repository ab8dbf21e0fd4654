using System.Collections.Immutable;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;

namespace FedActors.Simulation;

/// <summary>
/// The privacy policy and ledger of every simulated hospital. The policy stands for a data officer who allows every mode and up to
/// <see cref="EpsilonPerJob"/> a job, and all jobs together <see cref="EpsilonLifetime"/>. A ledger's file outlives runs, hubs and results; as
/// a simulation may, it does not wait for the disk.
/// </summary>
public sealed class SimulatedPrivacy : IDisposable
{
    public const double EpsilonPerJob = 8;
    public const double EpsilonLifetime = 10;
    public const double DeltaPerJob = 1e-5;
    public const double DeltaLifetime = 1e-4;

    private readonly ImmutableSortedDictionary<HospitalId, SitePrivacy> _sites;

    private SimulatedPrivacy(ImmutableSortedDictionary<HospitalId, SitePrivacy> sites, string? folder) => (_sites, Folder) = (sites, folder);

    /// <summary>For jobs without noise: no hospital needs a ledger.</summary>
    public static SimulatedPrivacy None { get; } = new(ImmutableSortedDictionary<HospitalId, SitePrivacy>.Empty, null);

    /// <summary>Where the ledgers lie; null where they are in memory.</summary>
    public string? Folder { get; }

    /// <param name="folder">Holds one file a hospital; null keeps the ledgers in memory.</param>
    /// <param name="patients">Of each hospital: in a simulation the public figure is the true one.</param>
    /// <param name="change">What a data officer changed in the policy; null for nothing.</param>
    /// <param name="patientId">The column by which the data were read; null where each row is a patient.</param>
    /// <exception cref="FaultException">FA-3001: the folder cannot be written.</exception>
    public static SimulatedPrivacy Open(
        string? folder, IEnumerable<KeyValuePair<HospitalId, long>> patients, TimeProvider clock,
        Func<HospitalId, HospitalPolicy, HospitalPolicy>? change = null, string? patientId = null)
    {
        try
        {
            if (folder is not null)
                Directory.CreateDirectory(folder);
            return new SimulatedPrivacy(patients.ToImmutableSortedDictionary(pair => pair.Key, pair =>
            {
                var policy = PolicyOf(pair.Key, pair.Value);
                return SiteOf(folder, pair.Key, change?.Invoke(pair.Key, policy) ?? policy, clock) with { PatientId = patientId };
            }), folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.OutputUnwritable,
                $"The folder of the hospitals' privacy ledgers cannot be written: {e.Message.TrimEnd('.')}.", folder ?? "", "Give another one with --out."));
        }
    }

    /// <summary>A simulated hospital's rules.</summary>
    /// <param name="nominalPatients">At least 1.</param>
    public static HospitalPolicy PolicyOf(HospitalId hospital, long nominalPatients) => new(
        hospital.ToString(), PrivacyRequired: false, [PrivacyMode.PatientLocal, PrivacyMode.PatientDistributed, PrivacyMode.Hospital],
        new PrivacyBudget(EpsilonLifetime, DeltaLifetime), new PrivacyBudget(EpsilonPerJob, DeltaPerJob), new CompositionRule(null, 0),
        nominalPatients, MinimumCohort: 1, MinimumPatients: 0, PrivacyRange.LeastNoiseMultiplier, MaximumSamplingRate: 1, MaximumRounds: 1_000_000,
        MinimumSurvivors: 3, AssumedColluders: 1, SecureAggregationRequired: false, AllowedJobs: null);

    /// <summary>The hospital's rules and ledger; null in a job without noise.</summary>
    public SitePrivacy? Of(HospitalId hospital) => _sites.GetValueOrDefault(hospital);

    /// <summary>What each hospital's patients have lost in all jobs, and may lose.</summary>
    public IEnumerable<(HospitalId Hospital, PrivacyBudget Spent, PrivacyBudget Limit)> Spent => _sites.Select(pair =>
        (pair.Key, pair.Value.Ledger?.Ledger.Spent ?? default, pair.Value.Policy.Lifetime));

    public void Dispose()
    {
        foreach (var site in _sites.Values)
            site.Ledger?.Dispose();
    }

    private static SitePrivacy SiteOf(string? folder, HospitalId hospital, HospitalPolicy policy, TimeProvider clock)
    {
        if (folder is null)
            return new SitePrivacy(
                policy, PrivacyLedgerFile.InMemory(policy.Scope, policy.Rule, clock.GetUtcNow(), policy.Lifetime), null, SecureRandomSource.Instance, clock);
        var path = Path.Combine(folder, $"{hospital}.ledger");
        if (!File.Exists(path))
            return new SitePrivacy(
                policy, PrivacyLedgerFile.Create(path, policy.Scope, policy.Rule, isFlushed: false, clock.GetUtcNow(), policy.Lifetime), null,
                SecureRandomSource.Instance, clock);
        var ledger = PrivacyLedgerFile.Open(path, policy.Scope, isFlushed: false, out var refusal);
        return new SitePrivacy(policy, ledger, refusal, SecureRandomSource.Instance, clock);
    }
}
