using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.SecureAggregation;
using Dropout = FedActors.Core.Rounds.Dropout;

namespace FedActors.Core.Federation;

/// <summary>What follows from a plan for the privacy of one patient: how often there is a release, with which noise, at
/// which price.</summary>
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
    public static double NoiseMultiplier(JobPlan plan) =>
        Known.GetValue(plan, unknown => new Derived(NoiseOf(unknown))).Noise;

    /// <summary>
    /// What the plan releases at worst, with whole noise in each sum: <see cref="PrivacyMode.PatientLocal"/>. Where
    /// noise is shared, the event also knows the shares and the grid.
    /// </summary>
    /// <exception cref="FaultException">FA-6006: no noise reaches the epsilon.</exception>
    /// <exception cref="ArgumentException">The plan's privacy is off, or is out of range.</exception>
    public static PrivacyTerms Terms(JobPlan plan) => PrivacyTerms.Of(
        new DpEvent.SampledGaussian(plan.Privacy.SamplingRate, NoiseMultiplier(plan), StepsPerRound(plan)),
        Releases(plan), plan.Privacy.Delta);

    /// <summary>What the plan releases at worst in rounds of a cohort of so many: what a hospital's ledger is
    /// charged.</summary>
    /// <exception cref="FaultException">FA-6006: no noise reaches the epsilon. FA-6050: a share of the noise is too
    /// small.</exception>
    /// <exception cref="ArgumentException">The plan's privacy is off, or is out of range, or its ring has no
    /// room.</exception>
    public static PrivacyTerms Terms(JobPlan plan, int cohort) => Of(plan, cohort).Terms;

    /// <summary>The same for a plan that a stranger sent: null where it is faulty, and so has no price that a policy
    /// could allow.</summary>
    public static PrivacyTerms? TermsOrNull(JobPlan plan, int cohort) =>
        plan.Privacy.Mode == PrivacyMode.Off || Faults(plan, cohort, "").Any() ? null : Terms(plan, cohort);

    /// <summary>The grid that a hospital of a cohort of so many releases its sums on.</summary>
    /// <exception cref="FaultException">FA-6006: no noise reaches the epsilon. FA-6050: a share of the noise is too
    /// small.</exception>
    /// <exception cref="ArgumentException">The plan's privacy is off, or is out of range, or its ring has no
    /// room.</exception>
    public static NoisyGrid GridOf(JobPlan plan, int cohort) => Of(plan, cohort).Grid;

    /// <summary>Epsilon at the plan's delta after so many rounds were charged, by the accountant that is enforced; 0
    /// after none.</summary>
    public static double EpsilonAfter(JobPlan plan, int cohort, long releases)
    {
        if (releases == 0)
            return 0;
        var release = Terms(plan, cohort).Release;
        return RdpAccountant.Integer.Compose(release with { Steps = release.Steps * releases })
            .Spent(plan.Privacy.Delta).Epsilon;
    }

    /// <summary>
    /// Epsilon of all the plan may release by privacy-loss distributions, for continuous noise: shown beside what is
    /// enforced.
    /// </summary>
    public static double EpsilonShown(JobPlan plan) => PldAccountant.Empty
        .Compose(
            new DpEvent.SampledGaussian(plan.Privacy.SamplingRate, NoiseMultiplier(plan),
                StepsPerRound(plan) * Releases(plan)))
        .Spent(plan.Privacy.Delta).Epsilon;

    /// <summary>What a person should know before such a job is run, one sentence each: where the noise drowns what is
    /// to be learned.</summary>
    /// <param name="cohort">Hospitals invited to a round.</param>
    public static IEnumerable<string> Warnings(JobPlan plan, int cohort)
    {
        var (noise, dimension) = (NoiseMultiplier(plan), ModelCatalog.Create(plan.Model).ParameterCount);
        var length = noise * Math.Sqrt(dimension);
        if (plan.Privacy.Mode == PrivacyMode.Hospital && length > cohort)
            yield return FormattableString.Invariant(
                $"The noise of mode hospital is {length / cohort:0.#} times as long as the sum of {cohort} hospitals' ")
                + "updates can be: the model will hardly learn anything. Protect patients instead, with "
                + "patient-distributed.";
        else if (plan.Privacy.Mode == PrivacyMode.PatientLocal && plan.Patients > 0
            && plan.Privacy.SamplingRate * plan.Patients / cohort < length)
            yield return "In a hospital of average size the noise of a step is "
                + FormattableString.Invariant($"{length * cohort / (plan.Privacy.SamplingRate * plan.Patients):0.#} ")
                + "times as long as the gradient can be: only the mean over hospitals and steps learns. "
                + "patient-distributed needs less noise.";
    }

    /// <summary>
    /// Whether an attempt failed because hospitals will not take part for reasons of privacy: with them gone no further
    /// attempt can succeed. The number of the first such reason; null where another attempt may help.
    /// </summary>
    /// <param name="cohort">Hospitals invited.</param>
    /// <param name="dropped">Who was missing, and why.</param>
    public static FaultNumber? EndsByRefusal(JobPlan plan, int cohort, IEnumerable<Dropout> dropped)
    {
        var refused = dropped.Where(drop => drop.Reason == DropReason.PrivacyRefused).ToArray();
        var needed = plan.SecureAggregation.Enabled && cohort >= Thresholds.LeastHospitals
            ? RoundCode.ThresholdsOf(plan, cohort).MinSurvivors
            : plan.CohortRules.Minimum;
        return refused.Length > 0
            && (cohort - refused.Length < needed || refused.Any(drop => plan.Cohort.Require.Contains(drop.Hospital)))
            ? PrivacyRefusal.NumberIn(refused[0].Detail)
            : null;
    }

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
        if (plan.Privacy.Mode == PrivacyMode.Off)
            return [];
        Fault[] faults = [.. OfPrivacy(plan.Privacy), .. OfRest(plan, hospitals), .. OfTraining(plan)];
        // Noise and grid follow only where all of that is right.
        return [.. (faults.Length > 0 ? faults : OfGrid(plan, hospitals))
            .Select(fault => fault with { Where = $"{file}: job.privacy.{fault.Where}" })];
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
        .. privacy.IsDistributed && privacy.MinimumSurvivorShare == 0 && privacy.HonestSharesOf(0) < 1
            ? new[] { new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"Of {privacy.MinimumSurvivors} survivors {privacy.AssumedColluders} may collude: nobody's "
                    + "noise is left.", "minimum-survivors",
                $"Set it to {privacy.AssumedColluders + 1} or more.") } : [],
    ];

    // What is wrong between the section and the rest of the plan.
    private static IEnumerable<Fault> OfRest(JobPlan plan, int hospitals)
    {
        var privacy = plan.Privacy;
        if (plan.Patients > 0 && privacy.Delta is > 0 and < 1 && privacy.Delta > 1.0 / plan.Patients)
            yield return new Fault(FaultNumber.DeltaOutOfRange,
                $"delta = {NumberText.Of(privacy.Delta)} is above 1/{plan.Patients}: the records of one patient could "
                    + "be published whole.",
                "delta", $"Give a delta above 0 and at most {NumberText.Of(1.0 / plan.Patients)}.");
        if (privacy.IsDistributed && !plan.SecureAggregation.Enabled)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                "Shared noise hides nothing in plain sums: the hub would see one hospital's share.",
                "mode", "Set job.secure-aggregation.enabled = on, or mode = patient-local.");
        if (privacy.Mode == PrivacyMode.PatientDistributed && plan.Training.LocalSteps != 1)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"Shared noise is proven for one gradient sum a round, not for {plan.Training.LocalSteps} local steps.",
                "mode",
                "Set job.training.local-steps = 1, or mode = patient-local.");
        if (privacy.IsDistributed && privacy.SurvivorsOf(hospitals) <= hospitals
            && privacy.HonestSharesOf(hospitals) < 1)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"Of {privacy.SurvivorsOf(hospitals)} survivors {privacy.AssumedColluders} may collude: nobody's "
                    + "noise is left.", "assumed-colluders",
                $"Set it to {privacy.SurvivorsOf(hospitals) - 1} or fewer.");
        if (privacy.IsDistributed && privacy.MinimumSurvivors > hospitals)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"The noise is shared among {privacy.MinimumSurvivors} survivors, and there are {hospitals} hospitals.",
                "minimum-survivors",
                $"Set it to {hospitals} or fewer.");
    }

    // What no noise of this project was proven for.
    private static IEnumerable<Fault> OfTraining(JobPlan plan)
    {
        var (model, training) = (ModelCatalog.Create(plan.Model), plan.Training);
        if (plan.Privacy.Mode != PrivacyMode.Hospital && model is not IPerPatientModel)
            yield return new Fault(FaultNumber.PrivacyNotTrained,
                $"What one patient adds to the gradient of {plan.Model.Kind} cannot be clipped: its loss is no sum "
                    + "over patients.", "mode",
                "Train a model whose loss is such a sum (logistic-regression), or set mode = hospital or off.");
        if (plan.Privacy.Mode != PrivacyMode.Hospital && plan.Model.Kind == ModelKind.Mlp
            && model.ParameterCount > ExactSums.MostDimension)
            yield return new Fault(FaultNumber.PrivacyNotTrained,
                $"An mlp of {model.ParameterCount} weights is too large to add clipped gradients in single precision: "
                + $"rounding takes too much of the clip beyond {ExactSums.MostDimension}.",
                "mode", "Train a smaller network, or set mode = hospital or off.");
        if (plan.Privacy is { PatientId: not null, Mode: PrivacyMode.Hospital })
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                "A whole hospital is what mode = hospital hides: its patients are not told apart.", "patient-id",
                "Leave it out.");
        if (training.Algorithm == Algorithm.Newton)
            yield return new Fault(FaultNumber.PrivacyNotTrained,
                "Newton sends second derivatives, and nothing clips what one patient adds to them.", "mode",
                "Set job.training.algorithm = fedavg, or mode = off.");
        // What noise promises is proven for one update a round that depends on the round's model alone.
        if (training.Robust is not null || training.KeepsOwnState)
            yield return new Fault(FaultNumber.PrivacyNotTrained,
                "What noise promises is not proven for hospitals that remember, nor for rules that compare updates.",
                "mode",
                "Train with one that needs sums only and no local layers, or set mode = off.");
        if (training.BatchSize is not null)
            yield return new Fault(FaultNumber.ModeNeedsOtherSettings,
                $"Batches of {training.BatchSize} patients are not Poisson samples: no accountant here bounds "
                    + "what they reveal.", "sampling-rate",
                "Leave job.training.batch-size = full, and give the share of patients in a step as "
                    + "job.privacy.sampling-rate.");
    }

    private static Fault[] OfGrid(JobPlan plan, int hospitals)
    {
        var cohort = FederationState.CohortSize(hospitals, plan.CohortRules);
        try
        {
            if (plan.Privacy.IsDistributed
                && RoundCode.RingOf(plan, RoundCode.Of(plan, round: 1, cohort, GridOf(plan, cohort).Dimension), cohort)
                .Overflows(cohort))
                return [new Fault(FaultNumber.NotAllowedTogether,
                    "The ring has no room for the noise of so many hospitals.", "noise-multiplier",
                    "Set job.secure-aggregation.ring-bits = 64, or a smaller weight-cap.")];
            Terms(plan, cohort);
            return [];
        }
        catch (FaultException e)
        {
            return [.. e.Faults];
        }
        catch (ArgumentException)
        {
            return [new Fault(FaultNumber.NotAllowedTogether, "The ring has no room for sums under this noise.",
                "noise-multiplier",
                "Set job.secure-aggregation.ring-bits = 64, or a smaller weight-cap.")];
        }
    }

    private static (NoisyGrid Grid, PrivacyTerms Terms) Of(JobPlan plan, int cohort) =>
        Known.GetValue(plan, unknown => new Derived(NoiseOf(unknown))).ByCohort.GetOrAdd(cohort, size =>
        {
            var grid = MakeGrid(plan, size);
            return (grid,
                PrivacyTerms.Of(grid.Event(plan.Privacy.SamplingRate, StepsPerRound(plan)), Releases(plan),
                    plan.Privacy.Delta));
        });

    private static NoisyGrid MakeGrid(JobPlan plan, int cohort)
    {
        var (privacy, dimension, noise) =
            (plan.Privacy, ModelCatalog.Create(plan.Model).ParameterCount, NoiseMultiplier(plan));
        if (!privacy.IsDistributed)
            return new NoisyGrid(dimension, privacy.Clip, noise, 1, NoisyGrid.BitsFor(noise), MostUnits(plan));
        return new NoisyGrid(
            dimension, privacy.Clip, noise, privacy.HonestSharesOf(cohort),
            RoundCode.Of(plan, round: 1, cohort, dimension).ScaleBits,
            privacy.Mode == PrivacyMode.Hospital ? 1 : MostUnits(plan));
    }

    // A hospital's true number of patients may lie above the public one, and is not above this.
    private static int MostUnits(JobPlan plan) =>
        (int)Math.Min(1L << 25, (long)HospitalPolicy.MostPatientsPerNominal * plan.SecureAggregation.WeightCap);

    private static double NoiseOf(JobPlan plan)
    {
        var privacy = plan.Privacy;
        if (privacy.Mode == PrivacyMode.Off || OfPrivacy(privacy).Any())
            throw new ArgumentException("There is no noise without a mode, or with a privacy section that is faulty.",
                nameof(plan));
        if (privacy.NoiseMultiplier is { } given)
            return given;
        var least = Calibration.Noise(
            RdpAccountant.Integer, privacy.Epsilon!.Value, privacy.Delta, privacy.SamplingRate,
            Math.Min(PrivacyRange.MostSteps, Releases(plan) * StepsPerRound(plan))).NoiseMultiplier;
        // A sum of shares is not quite one draw, and is charged for it: this covers the difference.
        return privacy.IsDistributed ? least * (1 + 1e-9) : least;
    }

    // A plan never changes, and every hospital of a process asks for the same one, round after round.
    private static readonly ConditionalWeakTable<JobPlan, Derived> Known = [];

    private sealed class Derived(double noise)
    {
        public double Noise => noise;

        public ConcurrentDictionary<int, (NoisyGrid Grid, PrivacyTerms Terms)> ByCohort { get; } = [];
    }

    private static Fault EitherOr(PrivacyPlan privacy) => privacy.Epsilon is null
        ? new Fault(FaultNumber.NoiseOrEpsilon, "Neither epsilon nor noise-multiplier is given.", "epsilon",
            "Give one of them.")
        : new Fault(FaultNumber.NoiseOrEpsilon, "Both epsilon and noise-multiplier are given.", "noise-multiplier",
            "Give one of them: each follows from the other.");
}
