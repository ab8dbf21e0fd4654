using FedActors.Core.Federation;
using FedActors.Core.Identity;

namespace FedActors.Core.Tests.Federation;

public class PlanCheckTests
{
    private static readonly JobPlan Plan = new(
        "test", Seed: 1, Patients: 100, new ModelPlan(ModelKind.LogisticRegression, ["x"]),
        new TrainingPlan(Algorithm.FedAvg, 20, 1, 0.1, null, 0),
        new CohortPlan(3, 1, TimeSpan.FromMinutes(1), [], 0, 1),
        new SecureAggregationPlan(true, 32, 8, 4096, TimeSpan.FromMinutes(1)), new PrivacyPlan(PrivacyMode.Off),
        new EvaluationPlan(5, Metric.Auroc, ByHospitals: true));

    [Test]
    public void A_plan_that_can_be_carried_out_has_no_fault() => Assert.That(Faults(Plan), Is.Empty);

    [Test]
    public void A_job_that_goes_by_what_hospitals_count_is_refused_where_they_count_nothing(
        [Values(KeptModel.Last, KeptModel.Best)] KeptModel keep, [Values(0, 3)] int patience)
    {
        var selects = Plan with { Evaluation = Plan.Evaluation with { Keep = keep, Patience = patience } };
        var path = keep == KeptModel.Best ? "job.evaluation.keep" : "job.evaluation.patience";
        JobPlan[] without =
        [
            selects with { Evaluation = selects.Evaluation with { ByHospitals = false } },
            selects with { SecureAggregation = selects.SecureAggregation with { Enabled = false } },
            selects with { Privacy = new PrivacyPlan(PrivacyMode.PatientLocal, Epsilon: 1) },
        ];
        Assert.That(Faults(selects), Is.Empty);
        foreach (var plan in without)
        {
            if (keep == KeptModel.Last && patience == 0)
                Assert.That(Faults(plan), Has.None.Matches<Fault>(fault => fault.Where.Contains("job.evaluation")));
            else
                Assert.That(Faults(plan), Has.One.Matches<Fault>(
                    fault => fault.Number == FaultNumber.NotAllowedTogether && fault.Where == $"job.conf: {path}"));
        }
    }

    [Test]
    public void So_many_hospitals_that_a_ring_cannot_hold_their_counts_are_refused_before_the_first_round()
    {
        var fine = Plan with { SecureAggregation = Plan.SecureAggregation with { Range = 0.5 } };
        Assert.That(Faults(fine, hospitals: 8000), Has.One.Matches<Fault>(
            fault => fault.Where == "job.conf: job.evaluation.by-hospitals" && fault.Fix.Contains("ring-bits = 64")));
        Assert.That(
            Faults(fine with { SecureAggregation = fine.SecureAggregation with { RingBits = 64 } }, hospitals: 8000),
            Is.Empty);
        Assert.That(Faults(fine with { Evaluation = fine.Evaluation with { ByHospitals = false } }, hospitals: 8000),
            Is.Empty);
    }

    private static Fault[] Faults(JobPlan plan, int hospitals = 5) =>
    [
        .. PlanCheck.Faults(
            plan, Enumerable.Range(0, hospitals).ToDictionary(i => new HospitalId($"h{i:0000}"), _ => 20),
            updateLength: 2, "job.conf"),
    ];
}
