namespace FedActors.Core.Federation;

/// <summary>Where noise is added, and so against whom it protects. Frozen: stands in policies and hashes.</summary>
public enum PrivacyMode
{
    /// <summary>No noise: what hospitals send reveals what it reveals.</summary>
    Off = 0,

    /// <summary>Each hospital adds all the noise itself: holds against the hub, all other hospitals and the model's users.</summary>
    PatientLocal = 1,

    /// <summary>
    /// Each hospital adds its share, and the secure sum holds all of it: one clipped gradient sum a round, against a hub that
    /// follows the protocol with up to <see cref="PrivacyPlan.AssumedColluders"/> hospitals, and the model's users.
    /// </summary>
    PatientDistributed = 2,

    /// <summary>As <see cref="PatientDistributed"/>, but what is hidden is a whole hospital.</summary>
    Hospital = 3,
}

/// <summary>What a job promises about one patient. The patients are those of a hospital; neighbours differ by all records of one.</summary>
/// <param name="Epsilon">Promise of the whole job, from which the noise follows; null where the noise is given.</param>
/// <param name="NoiseMultiplier">Standard deviation of the noise over the clip; null where epsilon is given.</param>
/// <param name="Delta">Probability that the promise fails, in (0, 1/n] for n patients.</param>
/// <param name="Clip">Largest norm of what one patient adds to a step, in model units.</param>
/// <param name="SamplingRate">Probability that a patient takes part in a step, in (0, 1].</param>
/// <param name="Spare">Share of the rounds that may be charged once more, for attempts that fail; in [0, 10].</param>
/// <param name="MinimumSurvivors">Distributed noise: hospitals that a sum must hold, at least.</param>
/// <param name="AssumedColluders">Distributed noise: hospitals whose share does not count, for they may tell it.</param>
/// <param name="MinimumSurvivorShare">Distributed noise: share of the invited hospitals that a sum must hold, at least; in [0, 1].</param>
/// <param name="PatientId">Column that says which rows are one patient's, by which every hospital must read its data; null where
/// each hospital says for itself what a patient is.</param>
public sealed record PrivacyPlan(
    PrivacyMode Mode,
    double? Epsilon = null,
    double? NoiseMultiplier = null,
    double Delta = 1e-6,
    double Clip = 1,
    double SamplingRate = 1,
    double Spare = 0.1,
    int MinimumSurvivors = 3,
    int AssumedColluders = 1,
    double MinimumSurvivorShare = 0,
    string? PatientId = null)
{
    /// <summary>Distributed noise: hospitals that a sum over a cohort of so many must hold.</summary>
    public int SurvivorsOf(int cohort) => Math.Max(MinimumSurvivors, (int)Math.Ceiling(MinimumSurvivorShare * cohort - 1e-9));

    /// <summary>Hospitals whose noise is certain to be in a sum over a cohort of so many.</summary>
    public int HonestSharesOf(int cohort) => SurvivorsOf(cohort) - AssumedColluders;

    /// <summary>Whether the noise is shared among the hospitals of a secure sum.</summary>
    public bool IsDistributed => Mode is PrivacyMode.PatientDistributed or PrivacyMode.Hospital;
}
