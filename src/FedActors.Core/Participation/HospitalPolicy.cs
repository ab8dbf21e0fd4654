using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Participation;

/// <summary>
/// What a hospital's data officer allows: a local file that no message changes. A job that breaks one rule is declined.
/// </summary>
/// <param name="Scope">Names the patients whose budget is one: the ledger's.</param>
/// <param name="PrivacyRequired">No job without noise.</param>
/// <param name="Modes">Allowed among the modes with noise.</param>
/// <param name="Lifetime">What all jobs together may spend.</param>
/// <param name="PerJob">What one job may spend.</param>
/// <param name="Rule">How jobs add up.</param>
/// <param name="NominalPatients">A public, rounded figure: nothing that leaves tells the true number.</param>
/// <param name="MinimumCohort">A job must not commit a round with fewer hospitals.</param>
/// <param name="MinimumPatients">Training patients that a job must have over all hospitals.</param>
/// <param name="MinimumNoiseMultiplier">Least noise, whatever epsilon says.</param>
/// <param name="MaximumSamplingRate">Largest share of the patients in one step.</param>
/// <param name="MaximumRounds">Most releases one job may be granted.</param>
/// <param name="MinimumSurvivors">Shared noise: least hospitals in a sum. Fewer, and no unmask share leaves.</param>
/// <param name="AssumedColluders">Shared noise: hospitals whose share is not counted on, at least.</param>
/// <param name="SecureAggregationRequired">No plain sums.</param>
/// <param name="AllowedJobs">Plan hashes; null where any plan that keeps the other rules may run.</param>
public sealed record HospitalPolicy(
    string Scope,
    bool PrivacyRequired,
    ImmutableArray<PrivacyMode> Modes,
    PrivacyBudget Lifetime,
    PrivacyBudget PerJob,
    CompositionRule Rule,
    long NominalPatients,
    int MinimumCohort,
    long MinimumPatients,
    double MinimumNoiseMultiplier,
    double MaximumSamplingRate,
    long MaximumRounds,
    int MinimumSurvivors,
    int AssumedColluders,
    bool SecureAggregationRequired,
    ImmutableArray<Digest>? AllowedJobs)
{
    /// <summary>
    /// The public figure may be wrong by this factor: what a sum of more patients could hide in the rounding of doubles
    /// is not accounted for, and with fewer the noise drowns them. A hospital does not start otherwise.
    /// </summary>
    public const int MostPatientsPerNominal = 16;

    /// <summary>
    /// What is wrong with <see cref="NominalPatients"/> beside the true number; null where nothing is. For the
    /// hospital's own eyes: it depends on the patients, and is never sent.
    /// </summary>
    /// <param name="patients">The true number of those the hospital trains on.</param>
    public Fault? Misjudges(long patients) =>
        patients > MostPatientsPerNominal * NominalPatients || NominalPatients > MostPatientsPerNominal * patients
            ? new Fault(FaultNumber.NominalPatientsFarOff,
                $"nominal-patients = {NominalPatients} is more than {MostPatientsPerNominal} times off the patients "
                    + "that the data holds.",
                "nominal-patients", "Write a rounded figure that is nearer to the truth: it is public.")
            : null;

    /// <summary>What contradicts itself in the policy. Places are the policy's keys.</summary>
    public IEnumerable<Fault> Faults()
    {
        if (PerJob.Epsilon > Lifetime.Epsilon)
            yield return Contradiction("epsilon-per-job", "A job may spend more than all jobs together.",
                "epsilon-lifetime");
        if (PerJob.Delta > Lifetime.Delta)
            yield return Contradiction("delta-per-job", "A job may spend more than all jobs together.",
                "delta-lifetime");
        if (Lifetime.Delta * NominalPatients > 0.1)
            yield return new Fault(FaultNumber.DeltaOutOfRange,
                $"delta-lifetime = {NumberText.Of(Lifetime.Delta)} is too much for {NominalPatients} patients: one "
                    + "could be published whole.",
                "delta-lifetime",
                $"Give at most a tenth of one over nominal-patients: {NumberText.Of(0.1 / NominalPatients)}.");
        if (Modes.Any(mode => mode is PrivacyMode.PatientDistributed or PrivacyMode.Hospital)
            && AssumedColluders >= MinimumSurvivors)
            yield return Contradiction("assumed-colluders", "All survivors may collude: nobody's noise is left.",
                "minimum-survivors - 1");
        if (PrivacyRequired && Modes.IsEmpty)
            yield return new Fault(FaultNumber.PolicyContradicts,
                "Noise is required and no mode with noise is allowed: every job is refused.", "modes",
                "Allow a mode, for example [patient-local].");
    }

    private static Fault Contradiction(string key, string what, string limit) =>
        new(FaultNumber.PolicyContradicts, what, key, $"Set {key} to at most {limit}.");
}
