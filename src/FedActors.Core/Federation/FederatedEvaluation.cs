//  Evaluation by the hospitals
//      Each hospital counts how the round's model does on its own patients, in whole numbers that add. They travel
//      behind the
//      update in the same secure sum, so that the figures of all patients come out and those of one hospital do not.
//  Layout:   hospitals that counted, then what the model's outcome asks for: BinaryCounts, ClassCounts, RealCounts,
//            SurvivalCounts.
//  Error:    of what is counted, none. Sums of reals: each hospital rounds its own to 2^-FractionBits, so that a mean
//            over N patients
//            of h hospitals is off by at most h/(2N) of such steps.
//  Proof:    FederatedEvaluation.md

using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>In which rounds hospitals evaluate, what they count of a model, and what follows from the counts of
/// all.</summary>
public static class FederatedEvaluation
{
    // More would show nothing: a double keeps 52, a sum takes some of them.
    private const int MostFractionBits = 24;

    /// <summary>
    /// Whether the hospitals evaluate in this job. The one place that decides it. With plain sums the hub would see the
    /// figures of each, under differential privacy no count may leave a hospital without noise, and a model of which
    /// each keeps layers to itself is another one everywhere: then they do not.
    /// </summary>
    public static bool IsPartOf(JobPlan plan) =>
        plan.Evaluation.ByHospitals && plan.SecureAggregation.Enabled && plan.Privacy.Mode == PrivacyMode.Off
        && plan.Training.LocalLayers.IsEmpty;

    /// <summary>
    /// Whether they do in <paramref name="round"/>: its incoming model is the initial one, or that of a round in which
    /// evaluation fell due.
    /// </summary>
    public static bool IsDue(JobPlan plan, int round) => IsPartOf(plan) && (round - 1) % plan.Evaluation.Every == 0;

    /// <summary>Whole numbers that a hospital sends of the plan's model.</summary>
    public static int Counts(JobPlan plan) => CountsOf(plan).Length;

    /// <summary>Sums of reals are counted in steps of 2^-this; below 0 where the ring has no room for them.</summary>
    public static int FractionBits(JobPlan plan, FixedPointCode code) => FractionBits(CountsOf(plan), code);

    /// <summary>Counts one hospital's patients; all counts are 0 where there are fewer than the plan's
    /// minimum.</summary>
    /// <param name="model">The plan's.</param>
    /// <param name="patients">Those the hospital evaluates on; of more than the weight cap the first ones.</param>
    /// <param name="counts">Length <see cref="Counts"/>; overwritten.</param>
    /// <exception cref="ArgumentException">A length does not fit, the ring has no room, or an answer is not a
    /// probability.</exception>
    public static void Count(
        JobPlan plan, IModel model,
        ReadOnlySpan<double> parameters, PatientTable patients, FixedPointCode code, Span<long> counts)
    {
        var counting = CountsOf(plan);
        var bits = FractionBits(counting, code);
        if (counts.Length != counting.Length || bits < 0)
            throw new ArgumentException(
                $"{counts.Length} counts where {counting.Length} belong, or a ring without room for them.",
                nameof(counts));
        counts.Clear();
        if (patients.Rows < plan.Evaluation.MinimumPatients)
            return;
        counting.Count(model, parameters, PatientBatch.All(patients).Slice(0, Math.Min(patients.Rows, code.WeightCap)),
            bits, counts);
    }

    /// <summary>The figures that follow from the counts of all; null where they contradict one another, or nobody
    /// counted.</summary>
    /// <param name="counts">Sums over hospitals; none where it was not the round to evaluate.</param>
    public static FederatedFigures? Of(JobPlan plan, ReadOnlySpan<long> counts, FixedPointCode code)
    {
        var counting = CountsOf(plan);
        return counts.Length == counting.Length ? counting.Of(counts, FractionBits(counting, code)) : null;
    }

    private static int FractionBits(OutcomeCounts counts, FixedPointCode code) =>
        (int)Math.Min(MostFractionBits, Math.Floor(Math.Log2(code.CountCap / (counts.LargestTerm * code.WeightCap))));

    private static OutcomeCounts CountsOf(JobPlan plan) => plan.Model.Outcome switch
    {
        OutcomeKind.Binary => new BinaryCounts(),
        OutcomeKind.Class => new ClassCounts(plan.Model.Classes.Length),
        OutcomeKind.Real => new RealCounts(plan.Model.Unit),
        OutcomeKind.Survival => new SurvivalCounts(plan.SecureAggregation.WeightCap),
        _ => throw new ArgumentOutOfRangeException(nameof(plan), plan.Model.Outcome, "No such outcome."),
    };
}
