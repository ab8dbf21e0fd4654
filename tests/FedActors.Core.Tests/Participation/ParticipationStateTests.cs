using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Participation;

public sealed class ParticipationStateTests
{
    private static readonly HospitalId Berlin = new("berlin");
    private static readonly HospitalFacts Facts = new(Patients: 40, HasModel: true, CanMask: true, RequiresSecureSums: false);
    private static readonly JobPlan Plan = new(
        "job", 1, 100, new ModelPlan(ModelKind.LogisticRegression, ["x"]), new TrainingPlan(Algorithm.FedAvg, 1, 1, 1, null, 0),
        new CohortPlan(1, 1, TimeSpan.FromMinutes(1), [], 0, 1), new SecureAggregationPlan(false, 32, 8, WeightCap: 40, TimeSpan.FromMinutes(1)),
        new PrivacyPlan(PrivacyMode.Off), new EvaluationPlan(1, Metric.Auroc));

    [Test]
    public void An_offer_that_fits_is_trained() =>
        Assert.That(ParticipationState.Of(Berlin).Answer(Offer(1), Facts), Is.InstanceOf<OfferAnswer.Train>());

    [Test]
    public void A_hospital_above_the_weight_cap_declines() =>
        Assert.That(ParticipationState.Of(Berlin).Answer(Offer(1), Facts with { Patients = 41 }),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.WeightAboveCap));

    [Test]
    public void A_hospital_that_requires_secure_sums_sends_no_plain_update() =>
        Assert.That(ParticipationState.Of(Berlin).Answer(Offer(1), Facts with { RequiresSecureSums = true }),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.Refused));

    [Test]
    public void A_hospital_without_a_key_takes_no_part_in_a_secure_sum()
    {
        var secure = Plan with { SecureAggregation = Plan.SecureAggregation with { Enabled = true } };
        Assert.That(
            ParticipationState.Of(Berlin).Answer(Offer(1) with { Plan = secure, PlanHash = PlanHash.Of(secure) }, Facts with { CanMask = false }),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.Refused));
    }

    [Test]
    public void A_plan_that_is_not_the_one_its_hash_names_is_declined() =>
        Assert.That(ParticipationState.Of(Berlin).Answer(Offer(1) with { PlanHash = default }, Facts),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.Refused));

    [Test]
    public void A_model_that_does_not_fit_the_patients_is_declined_with_the_key_to_look_at()
    {
        var decline = (OfferAnswer.Decline)ParticipationState.Of(Berlin).Answer(Offer(1),
            Facts with { Misfit = ModelRules.Misfit(Plan.Model, new PatientTable(["x", "y"], [1, 2], [1])) });
        Assert.That((decline.Reason, decline.Detail.Contains("job.data.features")), Is.EqualTo((DropReason.Refused, true)));
        Assert.That(ModelRules.Misfit(Plan.Model, new PatientTable(["y"], [1], [1])), Is.Not.Null);
        Assert.That(ModelRules.Misfit(Plan.Model, new PatientTable(["x"], [1], Outcomes.Real([1]))), Does.Contain("job.data.targets"));
        Assert.That(ModelRules.Misfit(Plan.Model, new PatientTable(["x"], [1], [1])), Is.Null);
    }

    [TestCase("pid", "pid", null)]
    [TestCase("pid", "visit", "rows with one 'visit' are")]
    [TestCase("pid", null, "each row is a patient")]
    [TestCase(null, "visit", null)]
    public void A_promise_to_patients_that_the_data_do_not_know_is_declined(string? asked, string? own, string? reason)
    {
        var plan = Plan with { Privacy = new PrivacyPlan(PrivacyMode.PatientLocal, Epsilon: 1, Delta: 1e-5, PatientId: asked) };
        var policy = new HospitalPolicy(
            "ward", false, [PrivacyMode.PatientLocal], new PrivacyBudget(4, 1e-4), new PrivacyBudget(4, 1e-4), new CompositionRule(null, 0),
            40, 1, 0, 0.1, 1, 100, 1, 0, false, null);
        var facts = Facts with { Policy = policy, Terms = JobPrivacy.Terms(plan, 1), PatientId = own };
        var answer = ParticipationState.Of(Berlin).Answer(Offer(1) with { Plan = plan, PlanHash = PlanHash.Of(plan) }, facts);
        if (reason is null)
            Assert.That(answer, Is.InstanceOf<OfferAnswer.Train>());
        else
            Assert.That(answer, Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.PrivacyRefused)
                .And.Property("Detail").StartsWith("FA-6036").And.Property("Detail").Contains(reason));
    }

    [Test]
    public void A_model_that_cannot_be_had_is_declined() =>
        Assert.That(ParticipationState.Of(Berlin).Answer(Offer(1), Facts with { HasModel = false }),
            Is.InstanceOf<OfferAnswer.Decline>().With.Property("Reason").EqualTo(DropReason.ModelUnavailable));

    [Test]
    public void An_offer_that_does_not_invite_it_gets_no_answer() =>
        Assert.That(ParticipationState.Of(new HospitalId("rome")).Answer(Offer(1), Facts), Is.InstanceOf<OfferAnswer.Stale>());

    [TestCase(1, 1)]
    [TestCase(2, 1)]
    public void An_offer_behind_the_round_it_is_in_gets_no_answer(int round, int attempt) =>
        Assert.That(InRound(2, 2).Answer(Offer(round, attempt), Facts), Is.InstanceOf<OfferAnswer.Stale>());

    [TestCase(2, 3)]
    [TestCase(3, 1)]
    public void An_offer_ahead_of_the_round_it_is_in_replaces_it(int round, int attempt) =>
        Assert.That(InRound(2, 2).Answer(Offer(round, attempt), Facts), Is.InstanceOf<OfferAnswer.Train>());

    [Test]
    public void The_same_offer_again_is_not_trained_twice()
    {
        Assert.That(InRound(2, 2).Answer(Offer(2, 2), Facts), Is.EqualTo(new OfferAnswer.Known(ParticipationPhase.Training)));
        Assert.That(InRound(2, 2).Ready().Answer(Offer(2, 2), Facts), Is.EqualTo(new OfferAnswer.Known(ParticipationPhase.Ready)));
    }

    private static ParticipationState InRound(int round, int attempt) =>
        ParticipationState.Of(Berlin).Begin(new RoundId("job", round, attempt));

    private static RoundProtocol.RoundOffered Offer(int round, int attempt = 1) =>
        new(new RoundId("job", round, attempt), Plan, PlanHash.Of(Plan), default, [Berlin]);
}
