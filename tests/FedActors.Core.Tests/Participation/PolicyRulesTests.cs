using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Participation;

public sealed class PolicyRulesTests
{
    private static readonly HospitalPolicy Policy = new(
        "ward", PrivacyRequired: true, [PrivacyMode.PatientLocal, PrivacyMode.PatientDistributed],
        Lifetime: new PrivacyBudget(4, 1e-5),
        PerJob: new PrivacyBudget(2, 1e-6), new CompositionRule(null, 0), NominalPatients: 2000, MinimumCohort: 4,
        MinimumPatients: 500,
        MinimumNoiseMultiplier: 0.8, MaximumSamplingRate: 0.25, MaximumRounds: 30, MinimumSurvivors: 5,
        AssumedColluders: 1,
        SecureAggregationRequired: true, AllowedJobs: null);

    private static readonly JobPlan Plan = new(
        "job", 1, Patients: 1000, new ModelPlan(ModelKind.LogisticRegression, ["x"]),
        new TrainingPlan(Algorithm.FedAvg, 20, 1, 1, null, 0),
        new CohortPlan(4, 1, TimeSpan.FromMinutes(1), [], 0, 1),
        new SecureAggregationPlan(true, 32, 8, 4096, TimeSpan.FromMinutes(1)),
        new PrivacyPlan(PrivacyMode.PatientLocal, Epsilon: 2, SamplingRate: 0.2), new EvaluationPlan(1, Metric.Auroc));

    private static readonly PrivacyPlan Shared = Plan.Privacy
        with
    { Mode = PrivacyMode.PatientDistributed, MinimumSurvivors = 5 };

    private static IEnumerable<TestCaseData> Offences() =>
    [
        new(Policy, Plan with { Privacy = new PrivacyPlan(PrivacyMode.Off) }, "privacy-required",
            FaultNumber.ModeNotAllowed),
        new(Policy with { Modes = [PrivacyMode.PatientDistributed] }, Plan, "modes", FaultNumber.ModeNotAllowed),
        new(Policy, Plan with { Privacy = Plan.Privacy with { Epsilon = 2.01 } }, "epsilon-per-job",
            FaultNumber.JobBudgetAbovePolicy),
        new(Policy, Plan with { Privacy = Plan.Privacy with { Delta = 1.1e-6 } }, "delta-per-job",
            FaultNumber.JobBudgetAbovePolicy),
        new(Policy with { MinimumNoiseMultiplier = 20 }, Plan, "minimum-noise-multiplier",
            FaultNumber.NoiseBelowPolicy),
        new(Policy, Plan with { Privacy = Plan.Privacy with { SamplingRate = 0.26 } }, "maximum-sampling-rate",
            FaultNumber.SamplingAbovePolicy),
        new(Policy, Plan with { Privacy = Plan.Privacy with { Spare = 0.51 } }, "maximum-rounds",
            FaultNumber.RoundsAbovePolicy),
        new(Policy, Plan with { Privacy = Shared with { MinimumSurvivors = 4 } }, "minimum-survivors",
            FaultNumber.SurvivorsBelowPolicy),
        new(Policy, Plan with { Privacy = Shared with { AssumedColluders = 0 } }, "assumed-colluders",
            FaultNumber.SurvivorsBelowPolicy),
        new(Policy, Plan with { Cohort = Plan.Cohort with { Minimum = 3 } }, "minimum-cohort",
            FaultNumber.CohortBelowPolicy),
        new(Policy, Plan with { Patients = 499 }, "minimum-patients", FaultNumber.PatientsBelowPolicy),
        new(Policy, Plan with { SecureAggregation = Plan.SecureAggregation with { Enabled = false } },
            "secure-aggregation-required",
            FaultNumber.SecureSumsRequired),
        new(Policy with { AllowedJobs = [] }, Plan, "allowed-jobs", FaultNumber.JobNotAllowed),
    ];

    [Test]
    public void A_job_that_keeps_every_rule_may_run()
    {
        Assert.That(Refused(Policy, Plan), Is.Empty);
        Assert.That(Refused(Policy, Plan with { Privacy = Shared }), Is.Empty);
        Assert.That(Refused(Policy with { AllowedJobs = [PlanHash.Of(Plan)] }, Plan), Is.Empty);
        Assert.That(
            Refused(Policy with { PrivacyRequired = false }, Plan with { Privacy = new PrivacyPlan(PrivacyMode.Off) }),
            Is.Empty);
    }

    [TestCaseSource(nameof(Offences))]
    public void A_job_that_breaks_one_rule_is_refused_by_that_rule_and_declined(
        HospitalPolicy policy, JobPlan plan, string rule, FaultNumber number)
    {
        var refused = Refused(policy, plan);
        Assert.That(refused.Select(verdict => verdict.Rule), Is.EqualTo(new[] { rule }));
        Assert.That(refused[0].Refusal!.Number, Is.EqualTo(number));
        Assert.That(Answer(plan, policy, TermsOf(plan)),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.PrivacyRefused)
                .And.Property("Detail").StartsWith(number.Code()));
    }

    [Test]
    public void A_job_whose_price_nobody_worked_out_is_refused() =>
        Assert.That(Answer(Plan, Policy, null),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.PrivacyRefused));

    [Test]
    public void A_job_with_noise_is_refused_where_there_is_no_policy() =>
        Assert.That(Answer(Plan, null, TermsOf(Plan)),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Detail").StartsWith(FaultNumber.PolicyMissing.Code()));

    [Test]
    public void A_cohort_smaller_than_the_policy_asks_for_is_refused_whatever_the_plan_says() =>
        Assert.That(
            PolicyRules.Judge(Policy, Plan, PlanHash.Of(Plan), TermsOf(Plan), cohort: 3)
            .Single(verdict => verdict.Refusal is not null).Rule,
            Is.EqualTo("minimum-cohort"));

    [Test]
    public void Every_rule_is_told_whatever_the_others_say() =>
        Assert.That(
            PolicyRules.Judge(Policy with { Modes = [] },
                Plan with { Patients = 1, Privacy = Shared with { MinimumSurvivors = 2 } }, default, null),
            Has.Length.EqualTo(12));

    private static RuleVerdict[] Refused(HospitalPolicy policy, JobPlan plan) =>
        [.. PolicyRules.Judge(policy, plan, PlanHash.Of(plan), TermsOf(plan))
            .Where(verdict => verdict.Refusal is not null)];

    private static PrivacyTerms? TermsOf(JobPlan plan) =>
        plan.Privacy.Mode == PrivacyMode.Off ? null : JobPrivacy.Terms(plan);

    private static OfferAnswer Answer(JobPlan plan, HospitalPolicy? policy, PrivacyTerms? terms)
    {
        var berlin = new HospitalId("berlin");
        HospitalId[] others = [.. Enumerable.Range(0, 9).Select(i => new HospitalId($"h{i}"))];
        return ParticipationState.Of(berlin).Answer(
            new RoundProtocol.RoundOffered(new RoundId("job", 1, 1), plan, PlanHash.Of(plan), default,
                [berlin, .. others]),
            new HospitalFacts(Patients: 40, HasModel: true, CanMask: true, RequiresSecureSums: false, policy, terms));
    }
}
