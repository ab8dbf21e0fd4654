using FedActors.Core.Data;
using FedActors.Core.Federation;

namespace FedActors.Core.Tests.Federation;

public class ModelRulesTests
{
    private static readonly JobPlan Plan = new(
        "job", 1, 100, new ModelPlan(ModelKind.Cox, ["x"]) { Outcome = OutcomeKind.Survival },
        new TrainingPlan(Algorithm.FedAvg, 1, 1, 1, null, 0),
        new CohortPlan(1, 1, TimeSpan.FromMinutes(1), [], 0, 1),
        new SecureAggregationPlan(false, 32, 8, WeightCap: 40, TimeSpan.FromMinutes(1)),
        new PrivacyPlan(PrivacyMode.Off), new EvaluationPlan(1, Metric.CIndex));

    [Test]
    public void Every_model_has_metrics_for_what_it_learns_and_no_others(
        [Values] ModelKind kind, [Values] Metric metric)
    {
        foreach (var outcome in ModelRules.OutcomesOf(kind))
        {
            var plan = Plan
                with
            {
                Model = Plan.Model with { Kind = kind, Outcome = outcome },
                Evaluation = new EvaluationPlan(1, metric)
            };
            var fits = metric == Metric.Auto || ModelRules.MetricsOf(outcome).Contains(metric);
            Assert.That(Numbers(plan), Is.EqualTo(fits ? [] : new[] { FaultNumber.MetricNotOfModel }), $"{outcome}");
        }
    }

    [Test]
    public void A_target_that_the_model_does_not_learn_is_refused_and_the_keys_are_named()
    {
        var fault =
            ModelRules.Faults(Plan with { Model = Plan.Model with { Outcome = OutcomeKind.Real } }, value =>
                $"<{value}>", "job.conf").Single();
        Assert.That((fault.Number, fault.Where),
            Is.EqualTo((FaultNumber.OutcomeNotOfModel, "job.conf: job.model.kind")));
        Assert.That(fault.ToString(), Does.Contain("<Real>").And.Contain("<Survival>").And.Contain("job.data.targets"));
    }

    private static IEnumerable<FaultNumber> Numbers(JobPlan plan) =>
        ModelRules.Faults(plan, value => value.ToString(), "job.conf").Select(fault => fault.Number);
}
