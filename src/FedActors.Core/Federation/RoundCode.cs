using System.Collections.Immutable;
using FedActors.Core.Aggregation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Federation;

/// <summary>What follows from a plan for one round: the same for the hub and every hospital of the cohort.</summary>
public static class RoundCode
{
    /// <summary>The code that updates are written in.</summary>
    /// <param name="plan">Fixes ring, range and weight cap, and in which rounds hospitals evaluate.</param>
    /// <param name="round">From 1.</param>
    /// <param name="parties">Hospitals in the cohort.</param>
    /// <param name="updateLength">Values of an update; the mean training loss travels as one more behind them.</param>
    /// <exception cref="ArgumentException">The ring has no room for so many parties.</exception>
    public static FixedPointCode Of(JobPlan plan, int round, int parties, int updateLength) =>
        plan.Privacy.IsDistributed
        // Shared noise is drawn on the code's own grid, and sums stand in units of the clip.
        ? new(plan.SecureAggregation.RingBits, parties,
            plan.Privacy.Mode == PrivacyMode.Hospital ? 1 : plan.SecureAggregation.WeightCap, range: 1,
            updateLength + 1, mostScaleBits: NoisyGrid.BitsFor(JobPrivacy.NoiseMultiplier(plan)))
        : new(plan.SecureAggregation.RingBits, parties, plan.SecureAggregation.WeightCap, plan.SecureAggregation.Range,
            updateLength + 1,
            FederatedEvaluation.IsDue(plan, round) ? FederatedEvaluation.Counts(plan) : 0);

    /// <summary>The ring of a secure session, with room for what noise may add.</summary>
    /// <param name="parties">Hospitals in the cohort.</param>
    public static RingSpec RingOf(JobPlan plan, FixedPointCode code, int parties) => new(
        code.RingBits, code.Words, code.ConstantOneAt, code.ScaleBits, code.Range, code.WeightCap,
        // A draw lies beyond 12 standard deviations once in 10^32.
        plan.Privacy.IsDistributed ? Math.Ceiling(12 * JobPrivacy.GridOf(plan, parties).ShareSigma) : 0);

    /// <summary>The code that updates of a session are written in, as its ring says.</summary>
    public static FixedPointCode Of(RoundSpec spec)
    {
        var (ring, values) = (spec.Ring, spec.Ring.ConstantOne - 1);
        return new FixedPointCode(ring.WordBits, spec.Cohort.Length, (int)ring.WeightCap, ring.Range, values,
            ring.Coordinates - values - FixedPointCode.HiddenCoordinates, ring.FractionBits);
    }

    /// <summary>The code of single updates, for a job with a robust rule.</summary>
    public static SingleUpdateCode SingleOf(FixedPointCode code) => new(code.Values, code.WeightCap);

    /// <summary>The secure session of an attempt. Follows from what is journaled, so that a restarted hub finds the
    /// same one.</summary>
    /// <param name="previousSum">SHA-256 of the sum that led to the model; of no bytes in the first round.</param>
    /// <exception cref="ArgumentException">Fewer than three hospitals.</exception>
    public static RoundSpec SpecOf(
        JobPlan plan, RoundId id, Digest planHash, Digest model, Digest previousSum, ImmutableArray<HospitalId> cohort,
        Digest roster,
        FixedPointCode code)
    {
        var thresholds = ThresholdsOf(plan, cohort.Length);
        var phase = plan.SecureAggregation.PhaseDeadline;
        return new RoundSpec(
            TrainingOf(planHash), id.Round, id.Attempt, roster, model, planHash, previousSum, cohort,
            RingOf(plan, code, cohort.Length), thresholds, GraphSpec.For(thresholds), NoiseOf(plan, cohort.Length),
            new PhaseDeadlines(phase, phase, phase, phase));
    }

    /// <summary>How many must agree, in a cohort of so many.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than three hospitals, or fewer than the plan's
    /// minimum.</exception>
    public static Thresholds ThresholdsOf(JobPlan plan, int hospitals) =>
        Thresholds.For(hospitals, minSurvivors: Math.Max(
            Math.Max(Thresholds.LeastHospitals, plan.Cohort.Minimum),
            plan.Privacy.IsDistributed ? plan.Privacy.SurvivorsOf(hospitals) : 0));

    // With noise of its own in every update, a hospital may be in two sums that differ by it: each was charged.
    private static NoiseSpec NoiseOf(JobPlan plan, int cohort) => plan.Privacy.Mode switch
    {
        PrivacyMode.Off => NoiseSpec.None,
        PrivacyMode.PatientLocal => new NoiseSpec(NoiseKind.Inside, 0, 0),
        _ =>
            new NoiseSpec(NoiseKind.DiscreteGaussian, JobPrivacy.GridOf(plan, cohort).ShareSigma,
                plan.Privacy.HonestSharesOf(cohort)),
    };

    // One plan is one training run: a hospital's rounds of it only ever go up.
    private static Digest TrainingOf(Digest planHash)
    {
        using var writer = new CanonicalWriter("FA/training/v1");
        return writer.Digest(planHash).Hash();
    }
}
