using System.Collections.Immutable;
using FedActors.Core.Data;

namespace FedActors.Core.Federation;

/// <summary>Which outcomes a model learns, which metrics judge it, and what a plan may therefore not ask.</summary>
public static class ModelRules
{
    /// <summary>What a model of this kind can learn.</summary>
    public static ImmutableArray<OutcomeKind> OutcomesOf(ModelKind kind) => kind switch
    {
        ModelKind.LogisticRegression => [OutcomeKind.Binary],
        ModelKind.Softmax => [OutcomeKind.Class],
        ModelKind.LinearRegression => [OutcomeKind.Real],
        ModelKind.Cox => [OutcomeKind.Survival],
        ModelKind.Mlp => [OutcomeKind.Binary, OutcomeKind.Class, OutcomeKind.Real],
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such model."),
    };

    /// <summary>The figures that judge a model of this outcome; the first is what auto means.</summary>
    public static ImmutableArray<Metric> MetricsOf(OutcomeKind outcome) => outcome switch
    {
        OutcomeKind.Binary => [Metric.Auroc, Metric.Accuracy, Metric.LogLoss, Metric.Sensitivity, Metric.Specificity],
        OutcomeKind.Class => [Metric.MacroAuroc, Metric.Accuracy, Metric.LogLoss],
        OutcomeKind.Real => [Metric.Rmse, Metric.RSquared],
        OutcomeKind.Survival => [Metric.CIndex, Metric.PartialLogLoss],
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "No such outcome."),
    };

    /// <summary>Whether second derivatives are worth sending.</summary>
    public static bool HasHessian(ModelKind kind) =>
        kind is ModelKind.LogisticRegression or ModelKind.LinearRegression or ModelKind.Cox;

    /// <summary>Why a model does not fit a hospital's patients, in a sentence without a figure of a patient; null where
    /// it does.</summary>
    public static string? Misfit(ModelPlan plan, PatientTable patients)
    {
        if (!plan.Features.SequenceEqual(patients.FeatureNames))
            return $"The model has {plan.Features.Length} features where this hospital has {patients.Features}, or "
                + "they are named or ordered otherwise "
                + "(job.data.features).";
        return plan.Outcome != patients.Outcomes.Kind
            || (plan.Outcome == OutcomeKind.Class && plan.Classes.Length != patients.Outcomes.Classes)
            ? $"The model learns {plan.Outcome} outcomes, which this hospital does not have in that form "
                + "(job.data.targets)."
            : null;
    }

    /// <summary>What cannot be as the plan says, its outcome being known; empty where all fits.</summary>
    /// <param name="spell">How a file writes a kind or a metric.</param>
    /// <param name="file">Named in faults.</param>
    public static IEnumerable<Fault> Faults(JobPlan plan, Func<Enum, string> spell, string file)
    {
        var outcomes = OutcomesOf(plan.Model.Kind);
        if (!outcomes.Contains(plan.Model.Outcome))
        {
            yield return new Fault(FaultNumber.OutcomeNotOfModel,
                $"The target is of the kind {spell(plan.Model.Outcome)}, and {spell(plan.Model.Kind)} learns "
                    + $"{Listed(outcomes)}.",
                $"{file}: job.model.kind", "Choose another model, or another target under job.data.targets.");
            yield break;
        }
        var metrics = MetricsOf(plan.Model.Outcome);
        if (plan.Evaluation.Metric != Metric.Auto && !metrics.Contains(plan.Evaluation.Metric))
            yield return new Fault(FaultNumber.MetricNotOfModel,
                $"A model of {spell(plan.Model.Outcome)} outcomes has no {spell(plan.Evaluation.Metric)}.",
                $"{file}: job.evaluation.metric", $"It has {Listed(metrics)}.");

        string Listed<T>(ImmutableArray<T> names) where T : struct, Enum =>
            string.Join(", ", names.Select(name => spell(name)));
    }
}
