using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Federation;

public sealed class JobPrivacyTests
{
    private static readonly JobPlan Plan = new(
        "job", 1, Patients: 1000, new ModelPlan(ModelKind.LogisticRegression, ["x"]), new TrainingPlan(Algorithm.FedAvg, 20, 5, 1, null, 0),
        new CohortPlan(3, 1, TimeSpan.FromMinutes(1), [], 0, 1), new SecureAggregationPlan(true, 32, 8, 4096, TimeSpan.FromMinutes(1)),
        new PrivacyPlan(PrivacyMode.PatientLocal, Epsilon: 2, SamplingRate: 0.2), new EvaluationPlan(1, Metric.Auroc));

    [Test]
    public void The_noise_is_the_least_that_keeps_epsilon_over_all_rounds_spare_ones_included()
    {
        var terms = JobPrivacy.Terms(Plan);
        Assert.That(terms.Releases, Is.EqualTo(22));
        Assert.That(terms.Release.Steps, Is.EqualTo(5));
        Assert.That(terms.Cost.Epsilon, Is.LessThanOrEqualTo(2).And.GreaterThan(2 - 1e-6));
    }

    [Test]
    public void A_given_noise_is_taken_as_it_is() =>
        Assert.That(
            JobPrivacy.Terms(Plan with { Privacy = Plan.Privacy with { Epsilon = null, NoiseMultiplier = 3 } }).Release,
            Is.EqualTo(new DpEvent.SampledGaussian(0.2, 3, 5)));

    [Test]
    public void Shared_noise_is_one_sum_a_round() =>
        Assert.That(JobPrivacy.StepsPerRound(Plan with { Privacy = Plan.Privacy with { Mode = PrivacyMode.PatientDistributed } }), Is.EqualTo(1));

    [Test]
    public void More_rounds_under_noise_are_another_plan_and_without_noise_the_same()
    {
        var longer = Plan.Training with { Rounds = 40 };
        Assert.That(PlanHash.Of(Plan with { Training = longer }), Is.Not.EqualTo(PlanHash.Of(Plan)));
        var off = Plan with { Privacy = new PrivacyPlan(PrivacyMode.Off) };
        Assert.That(PlanHash.Of(off with { Training = longer }), Is.EqualTo(PlanHash.Of(off)));
    }

    private static IEnumerable<PrivacyPlan> Changes() =>
    [
        Plan.Privacy with { Mode = PrivacyMode.PatientDistributed },
        Plan.Privacy with { Epsilon = 1 },
        Plan.Privacy with { Epsilon = null, NoiseMultiplier = 2 },
        Plan.Privacy with { Delta = 1e-7 },
        Plan.Privacy with { Clip = 2 },
        Plan.Privacy with { SamplingRate = 0.1 },
        Plan.Privacy with { Spare = 0.2 },
        Plan.Privacy with { MinimumSurvivors = 4 },
        Plan.Privacy with { AssumedColluders = 0 },
        Plan.Privacy with { MinimumSurvivorShare = 0.5 },
        Plan.Privacy with { PatientId = "patient" },
    ];

    [TestCaseSource(nameof(Changes))]
    public void Each_part_of_the_promise_is_part_of_the_plans_name(PrivacyPlan changed) =>
        Assert.That(PlanHash.Of(Plan with { Privacy = changed }), Is.Not.EqualTo(PlanHash.Of(Plan)));

    private static IEnumerable<TestCaseData> Misfits() =>
    [
        new(Plan with { Privacy = Plan.Privacy with { Delta = 1.1e-3 } }, FaultNumber.DeltaOutOfRange, "delta"),
        new(Shared with { SecureAggregation = Plan.SecureAggregation with { Enabled = false } }, FaultNumber.ModeNeedsOtherSettings, "mode"),
        new(Shared with { Training = Plan.Training with { LocalSteps = 2 } }, FaultNumber.ModeNeedsOtherSettings, "mode"),
        new(Shared with { Privacy = Shared.Privacy with { MinimumSurvivors = 11 } }, FaultNumber.ModeNeedsOtherSettings, "minimum-survivors"),
        new(Shared with { Privacy = Shared.Privacy with { MinimumSurvivorShare = 0.5, AssumedColluders = 5 } },
            FaultNumber.ModeNeedsOtherSettings, "assumed-colluders"),
        new(Plan with { Training = Plan.Training with { Algorithm = Algorithm.Newton } }, FaultNumber.PrivacyNotTrained, "mode"),
        new(Plan with { Model = Plan.Model with { Kind = ModelKind.Cox } }, FaultNumber.PrivacyNotTrained, "mode"),
        new(Plan with { Model = Plan.Model with { Kind = ModelKind.Mlp, Hidden = [1 << 13, 1 << 13] } },
            FaultNumber.PrivacyNotTrained, "mode"),
        new(Shared with { Privacy = Shared.Privacy with { Mode = PrivacyMode.Hospital, PatientId = "patient" } },
            FaultNumber.ModeNeedsOtherSettings, "patient-id"),
        new(Plan with { Training = Plan.Training with { BatchSize = 32 } }, FaultNumber.ModeNeedsOtherSettings, "sampling-rate"),
        new(Shared with
            {
                SecureAggregation = Plan.SecureAggregation with { WeightCap = 1 << 24 },
                Privacy = Shared.Privacy with { MinimumSurvivors = 10 },
            }, FaultNumber.NoiseShareTooSmall, "noise-multiplier"),
    ];

    [TestCaseSource(nameof(Misfits))]
    public void A_promise_that_does_not_go_with_the_rest_of_the_job_is_refused(JobPlan plan, FaultNumber number, string key) =>
        Assert.That(
            JobPrivacy.Faults(plan, hospitals: 10, "job.conf"),
            Has.One.Property("Number").EqualTo(number).And.Property("Where").EqualTo($"job.conf: job.privacy.{key}"));

    [Test]
    public void A_delta_of_one_over_the_patients_is_still_allowed() =>
        Assert.That(
            JobPrivacy.Faults(Plan with { Privacy = Plan.Privacy with { Delta = 1e-3 } }, 10, "job.conf").Select(fault => fault.Number),
            Has.None.EqualTo(FaultNumber.DeltaOutOfRange));

    [Test]
    public void A_share_of_survivors_is_rounded_up_and_the_larger_of_share_and_number_holds()
    {
        var privacy = Shared.Privacy with { MinimumSurvivors = 3, MinimumSurvivorShare = 0.9, AssumedColluders = 1 };
        Assert.That(new[] { 49, 5, 10, 3 }.Select(privacy.SurvivorsOf), Is.EqualTo((int[])[45, 5, 9, 3]));
        Assert.That(privacy.HonestSharesOf(49), Is.EqualTo(44));
    }

    [Test]
    public void Shared_noise_is_charged_for_the_honest_shares_alone_and_costs_no_more_than_was_asked_for()
    {
        var plan = Shared with { Privacy = Shared.Privacy with { MinimumSurvivors = 7, AssumedColluders = 2 } };
        var terms = JobPrivacy.Terms(plan, cohort: 10);
        Assert.That(terms.Release, Is.TypeOf<DpEvent.DistributedDiscreteGaussian>().With.Property("Shares").EqualTo(5));
        Assert.That(terms.Cost.Epsilon, Is.InRange(2 - 1e-6, 2));
        Assert.That(JobPrivacy.EpsilonAfter(plan, 10, JobPrivacy.Releases(plan)), Is.EqualTo(terms.Cost.Epsilon));
        Assert.That(JobPrivacy.EpsilonAfter(plan, 10, 1), Is.LessThan(terms.Cost.Epsilon));
        Assert.That(JobPrivacy.EpsilonAfter(plan, 10, 0), Is.Zero);
        Assert.That(JobPrivacy.EpsilonShown(plan), Is.LessThanOrEqualTo(terms.Cost.Epsilon));
    }

    [Test]
    public void A_whole_hospital_is_told_when_its_noise_leaves_nothing_to_learn()
    {
        var plan = Shared with { Privacy = Shared.Privacy with { Mode = PrivacyMode.Hospital, Epsilon = 0.2 } };
        Assert.That(JobPrivacy.Warnings(plan, 10).Single(), Does.Contain("hardly learn"));
        Assert.That(JobPrivacy.Warnings(Shared, 10), Is.Empty);
    }

    [Test]
    public void A_job_ends_when_those_who_refuse_leave_too_few_and_goes_on_while_others_suffice()
    {
        Dropout[] One(int count) => [.. Enumerable.Range(0, count).Select(i =>
            new Dropout(new HospitalId($"h{i}"), RoundPhase.Training, DropReason.PrivacyRefused, "FA-6010: no budget."))];
        var needed = RoundCode.ThresholdsOf(Plan, 10).MinSurvivors;
        Assert.That(JobPrivacy.EndsByRefusal(Plan, 10, One(10 - needed)), Is.Null);
        Assert.That(JobPrivacy.EndsByRefusal(Plan, 10, One(10 - needed + 1)), Is.EqualTo(FaultNumber.BudgetExhausted));
        Assert.That(JobPrivacy.EndsByRefusal(Plan, 10, One(10).Select(drop => drop with { Reason = DropReason.Silent })), Is.Null);
    }

    private static JobPlan Shared => Plan with
    {
        Privacy = Plan.Privacy with { Mode = PrivacyMode.PatientDistributed },
        Training = Plan.Training with { LocalSteps = 1 },
    };
}
