using FedActors.Core.Privacy;

namespace FedActors.Core.Federation;

/// <summary>What follows from a plan for the privacy of one patient: how often there is a release, with which noise, at which price.</summary>
public static class JobPrivacy
{
    /// <summary>Noisy sums in one round: a step each inside the hospital, one where noise is shared.</summary>
    public static long StepsPerRound(JobPlan plan) => plan.Privacy.IsDistributed ? 1 : plan.Training.LocalSteps;

    /// <summary>Rounds that may be charged at most: the plan's, and the spare ones for attempts that fail.</summary>
    public static long Releases(JobPlan plan) =>
        plan.Training.Rounds + (long)Math.Ceiling(plan.Training.Rounds * plan.Privacy.Spare);

    /// <summary>The plan's own, or the least that its epsilon allows: by the accountant that is enforced.</summary>
    /// <exception cref="FaultException">FA-6006: no noise reaches the epsilon.</exception>
    /// <exception cref="ArgumentException">The plan's privacy is off, or is out of range.</exception>
    public static double NoiseMultiplier(JobPlan plan)
    {
        var privacy = plan.Privacy;
        if (privacy.Mode == PrivacyMode.Off || OfPrivacy(privacy).Any())
            throw new ArgumentException("There is no noise without a mode, or with a privacy section that is faulty.", nameof(plan));
        return privacy.NoiseMultiplier ?? Calibration.Noise(
            RdpAccountant.Integer, privacy.Epsilon!.Value, privacy.Delta, privacy.SamplingRate,
            Math.Min(PrivacyRange.MostSteps, Releases(plan) * StepsPerRound(plan))).NoiseMultiplier;
    }

    /// <summary>
    /// What the plan releases at worst, with whole noise in each sum: <see cref="PrivacyMode.PatientLocal"/>. Where noise is
    /// shared, the event also knows the shares and the grid.
    /// </summary>
    /// <exception cref="FaultException">FA-6006: no noise reaches the epsilon.</exception>
    /// <exception cref="ArgumentException">The plan's privacy is off, or is out of range.</exception>
    public static PrivacyTerms Terms(JobPlan plan) => PrivacyTerms.Of(
        new DpEvent.SampledGaussian(plan.Privacy.SamplingRate, NoiseMultiplier(plan), StepsPerRound(plan)), Releases(plan), plan.Privacy.Delta);

    /// <summary>Standard deviation of an event's noise over what one unit adds.</summary>
    public static double NoiseOf(DpEvent release) => release switch
    {
        DpEvent.SampledGaussian e => e.NoiseMultiplier,
        DpEvent.DistributedDiscreteGaussian e => e.Sigma / e.L2,
        DpEvent.Skellam e => Math.Sqrt(e.Variance) / e.L2,
        _ => 0,
    };

    /// <summary>Every fault of the plan's privacy; empty where it can be carried out.</summary>
    /// <param name="hospitals">In the roster.</param>
    /// <param name="file">Named in faults.</param>
    public static IEnumerable<Fault> Faults(JobPlan plan, int hospitals, string file)
    {
        var privacy = plan.Privacy;
        if (privacy.Mode == PrivacyMode.Off)
            yield break;
        foreach (var fault in OfPrivacy(privacy).Concat(OfRest(plan, hospitals)))
            yield return fault with { Where = $"{file}: job.privacy.{fault.Where}" };
        yield return new Fault(FaultNumber.PrivacyNotTrained, "No training adds this mode's noise yet.", $"{file}: job.privacy.mode",
            "Set mode = off, which promises nothing about a single patient.");
    }

    /// <summary>What is wrong in the section alone. Places are keys of <c>job.privacy</c>.</summary>
    public static IEnumerable<Fault> OfPrivacy(PrivacyPlan privacy) =>
    [
        .. privacy.Epsilon is { } epsilon ? PrivacyRange.Epsilon(epsilon) : [],
        .. privacy.NoiseMultiplier is { } noise ? PrivacyRange.NoiseMultiplier(noise) : [],
        .. privacy.Mode != PrivacyMode.Off && privacy.Epsilon is null == privacy.NoiseMultiplier is null
            ? new[] { EitherOr(privacy) } : [],
        .. PrivacyRange.Delta(privacy.Delta),
        .. PrivacyRange.SamplingRate(privacy.SamplingRate),
        .. PrivacyRange.Clip(privacy.Clip),
        .. privacy.IsDistributed && privacy.HonestShares < 1
            ? new[] { new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"Of {privacy.MinimumSurvivors} survivors {privacy.AssumedColluders} may collude: nobody's noise is left.", "minimum-survivors",
                $"Set it to {privacy.AssumedColluders + 1} or more.") } : [],
    ];

    // What is wrong between the section and the rest of the plan.
    private static IEnumerable<Fault> OfRest(JobPlan plan, int hospitals)
    {
        var privacy = plan.Privacy;
        if (plan.Patients > 0 && privacy.Delta is > 0 and < 1 && privacy.Delta > 1.0 / plan.Patients)
            yield return new Fault(FaultNumber.DeltaOutOfRange,
                FormattableString.Invariant($"delta = {privacy.Delta} is above 1/{plan.Patients}: the records of one patient could be published whole."),
                "delta", FormattableString.Invariant($"Give a delta above 0 and at most {1.0 / plan.Patients}."));
        if (privacy.IsDistributed && !plan.SecureAggregation.Enabled)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings, "Shared noise hides nothing in plain sums: the hub would see one hospital's share.",
                "mode", "Set job.secure-aggregation.enabled = on, or mode = patient-local.");
        if (privacy.Mode == PrivacyMode.PatientDistributed && plan.Training.LocalSteps != 1)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"Shared noise is proven for one gradient sum a round, not for {plan.Training.LocalSteps} local steps.", "mode",
                "Set job.training.local-steps = 1, or mode = patient-local.");
        if (privacy.IsDistributed && privacy.MinimumSurvivors > hospitals)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"The noise is shared among {privacy.MinimumSurvivors} survivors, and there are {hospitals} hospitals.", "minimum-survivors",
                $"Set it to {hospitals} or fewer.");
    }

    private static Fault EitherOr(PrivacyPlan privacy) => privacy.Epsilon is null
        ? new Fault(FaultNumber.NoiseOrEpsilon, "Neither epsilon nor noise-multiplier is given.", "epsilon", "Give one of them.")
        : new Fault(FaultNumber.NoiseOrEpsilon, "Both epsilon and noise-multiplier are given.", "noise-multiplier",
            "Give one of them: each follows from the other.");
}
