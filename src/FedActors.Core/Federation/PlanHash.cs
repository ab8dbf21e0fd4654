using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using FedActors.Core.Identity;

namespace FedActors.Core.Federation;

/// <summary>
/// Names a plan by its content, so that two parties know that they mean the same and a run resumes only what it began.
/// The number of rounds is left out, and so is all of the evaluation that does not change what a round's sum holds: a
/// finished run may be continued with more rounds, and its result chosen otherwise. But for one under differential
/// privacy: its noise follows from the rounds.
/// </summary>
public static class PlanHash
{
    // A plan never changes, and every hospital of a process asks for the hash of the same one, round after round.
    private static readonly ConditionalWeakTable<JobPlan, StrongBox<Digest>> Known = [];

    public static Digest Of(JobPlan plan) =>
        Known.GetValue(plan, unknown => new StrongBox<Digest>(Compute(unknown))).Value;

    private static Digest Compute(JobPlan plan)
    {
        var text = new StringBuilder("FA/plan/v1\n");
        Line("name", plan.Name);
        Line("seed", plan.Seed);
        Line("patients", plan.Patients);
        Line("model", plan.Model.Kind);
        foreach (var feature in plan.Model.Features)
            Line("feature", feature);
        Line("outcome", plan.Model.Outcome);
        foreach (var name in plan.Model.Classes)
            Line("class", name);
        Line("unit", plan.Model.Unit);
        foreach (var size in plan.Model.Hidden)
            Line("hidden", size);
        Line("activation", plan.Model.Activation);
        Line("algorithm", plan.Training.Algorithm);
        Line("local-steps", plan.Training.LocalSteps);
        Line("learning-rate", plan.Training.LearningRate);
        Line("batch-size", plan.Training.BatchSize);
        Line("l2", plan.Training.L2);
        Line("server-learning-rate", plan.Training.Server.Rate);
        Line("momentum", plan.Training.Server.Momentum);
        Line("beta1", plan.Training.Server.Beta1);
        Line("beta2", plan.Training.Server.Beta2);
        Line("tau", plan.Training.Server.Tau);
        Line("proximal-mu", plan.Training.ProximalMu);
        Line("faulty", plan.Training.Robust?.Faulty);
        Line("selected", plan.Training.Robust?.Selected);
        Line("norm-bound", plan.Training.Robust?.NormBound);
        foreach (var layer in plan.Training.LocalLayers)
            Line("local-layer", layer);
        Line("minimum", plan.Cohort.Minimum);
        Line("fraction", plan.Cohort.Fraction);
        Line("minimum-sample-share", plan.Cohort.MinimumSampleShare);
        foreach (var hospital in plan.Cohort.Require)
            Line("require", hospital);
        Line("secure", plan.SecureAggregation.Enabled);
        Line("ring-bits", plan.SecureAggregation.RingBits);
        Line("range", plan.SecureAggregation.Range);
        Line("weight-cap", plan.SecureAggregation.WeightCap);
        Line("phase-deadline", plan.SecureAggregation.PhaseDeadline);
        Line("privacy", plan.Privacy.Mode);
        if (FederatedEvaluation.IsPartOf(plan))
        {
            Line("evaluation-every", plan.Evaluation.Every);
            Line("evaluation-minimum-patients", plan.Evaluation.MinimumPatients);
        }
        if (plan.Privacy is { Mode: not PrivacyMode.Off } privacy)
        {
            // The noise follows from how often there is a release.
            Line("rounds", plan.Training.Rounds);
            Line("epsilon", privacy.Epsilon);
            Line("noise-multiplier", privacy.NoiseMultiplier);
            Line("delta", privacy.Delta);
            Line("clip", privacy.Clip);
            Line("sampling-rate", privacy.SamplingRate);
            Line("spare", privacy.Spare);
            Line("minimum-survivors", privacy.MinimumSurvivors);
            Line("minimum-survivor-share", privacy.MinimumSurvivorShare);
            Line("assumed-colluders", privacy.AssumedColluders);
            Line("patient-id", privacy.PatientId);
        }
        return Digest.Of(Encoding.UTF8.GetBytes(text.ToString()));

        // The length before the text keeps "a\nb" from being taken for two lines.
        void Line(string key, object? value)
        {
            var written =
                string.Format(CultureInfo.InvariantCulture, "{0:R}", value is double ? value : value?.ToString() ?? "");
            text.Append(CultureInfo.InvariantCulture, $"{key} {Encoding.UTF8.GetByteCount(written)} {written}\n");
        }
    }
}
