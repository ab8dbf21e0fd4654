using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Participation;

/// <summary>What one rule of a policy says about a job.</summary>
/// <param name="Rule">The policy's key.</param>
/// <param name="Asked">What the job has.</param>
/// <param name="Allowed">What the policy asks for.</param>
/// <param name="Refusal">Null where the rule holds.</param>
public sealed record RuleVerdict(string Rule, string Asked, string Allowed, PrivacyRefusal? Refusal);

/// <summary>
/// Judges a plan by a hospital's policy: every rule, each time. Looks at the plan and the policy only, so that a
/// refusal tells nothing of a patient.
/// </summary>
public static class PolicyRules
{
    /// <summary>One verdict a rule, in a fixed order; the job may run where no refusal is among them.</summary>
    /// <param name="planHash">Of <paramref name="plan"/>.</param>
    /// <param name="terms">What the plan costs; null for one without noise.</param>
    /// <param name="cohort">Hospitals invited; null before a round is opened.</param>
    public static ImmutableArray<RuleVerdict> Judge(
        HospitalPolicy policy, JobPlan plan, Digest planHash, PrivacyTerms? terms, int? cohort = null)
    {
        var privacy = plan.Privacy;
        var rules = ImmutableArray.CreateBuilder<RuleVerdict>();
        if (privacy.Mode == PrivacyMode.Off)
            Rule("privacy-required", !policy.PrivacyRequired, FaultNumber.ModeNotAllowed, "mode off",
                policy.PrivacyRequired ? "noise" : "nothing");
        else
        {
            Rule("modes", policy.Modes.Contains(privacy.Mode), FaultNumber.ModeNotAllowed, Text(privacy.Mode),
                policy.Modes.IsEmpty ? "no noise at all"
                : string.Join(" or ", policy.Modes.Select(mode => Text(mode))));
            // Fails closed: a job whose price nobody worked out has none that is low enough.
            var cost = terms?.Cost ?? new PrivacyBudget(double.PositiveInfinity, 1);
            Rule("epsilon-per-job", cost.Epsilon <= policy.PerJob.Epsilon, FaultNumber.JobBudgetAbovePolicy,
                $"epsilon {Above(cost.Epsilon)}", $"at most {Text(policy.PerJob.Epsilon)}");
            Rule("delta-per-job", cost.Delta <= policy.PerJob.Delta, FaultNumber.JobBudgetAbovePolicy,
                $"delta {Above(cost.Delta)}", $"at most {Text(policy.PerJob.Delta)}");
            var noise = terms is null ? 0 : JobPrivacy.NoiseOf(terms.Release);
            Rule("minimum-noise-multiplier", noise >= policy.MinimumNoiseMultiplier, FaultNumber.NoiseBelowPolicy,
                $"noise {Text(noise)}", $"at least {Text(policy.MinimumNoiseMultiplier)}");
            Rule("maximum-sampling-rate", privacy.SamplingRate <= policy.MaximumSamplingRate,
                FaultNumber.SamplingAbovePolicy,
                $"rate {Text(privacy.SamplingRate)}", $"at most {Text(policy.MaximumSamplingRate)}");
            var releases = terms?.Releases ?? JobPrivacy.Releases(plan);
            Rule("maximum-rounds", releases <= policy.MaximumRounds, FaultNumber.RoundsAbovePolicy,
                $"{releases} rounds, spare ones included", $"at most {policy.MaximumRounds}");
            if (privacy.IsDistributed)
            {
                var survivors = privacy.SurvivorsOf(cohort ?? 0);
                Rule("minimum-survivors", survivors >= policy.MinimumSurvivors, FaultNumber.SurvivorsBelowPolicy,
                    $"{survivors} survivors", $"at least {policy.MinimumSurvivors}");
                Rule("assumed-colluders", privacy.AssumedColluders >= policy.AssumedColluders,
                    FaultNumber.SurvivorsBelowPolicy,
                    $"{privacy.AssumedColluders} assumed to collude", $"at least {policy.AssumedColluders}");
            }
        }
        var committed = privacy.IsDistributed
            ? Math.Max(plan.Cohort.Minimum, privacy.SurvivorsOf(cohort ?? 0))
            : plan.Cohort.Minimum;
        var hospitals = Math.Min(committed, cohort ?? int.MaxValue);
        Rule("minimum-cohort", hospitals >= policy.MinimumCohort, FaultNumber.CohortBelowPolicy,
            $"rounds with {hospitals} hospitals", $"at least {policy.MinimumCohort}");
        Rule("minimum-patients", plan.Patients >= policy.MinimumPatients, FaultNumber.PatientsBelowPolicy,
            $"{plan.Patients} patients in all", $"at least {policy.MinimumPatients}");
        Rule("secure-aggregation-required", plan.SecureAggregation.Enabled || !policy.SecureAggregationRequired,
            FaultNumber.SecureSumsRequired,
            plan.SecureAggregation.Enabled ? "secure sums"
            : "plain sums", policy.SecureAggregationRequired ? "secure sums" : "nothing");
        Rule("allowed-jobs", policy.AllowedJobs is not { } allowed || allowed.Contains(planHash),
            FaultNumber.JobNotAllowed,
            $"plan {planHash}", policy.AllowedJobs is { } listed ? $"one of {listed.Length} plans" : "nothing");
        return rules.ToImmutable();

        void Rule(string key, bool holds, FaultNumber number, string asked, string allowed) =>
            rules.Add(new RuleVerdict(
            key, asked, allowed, holds ? null : new PrivacyRefusal.AgainstPolicy(number, key, asked, allowed)));
    }

    private static string Text(double value) => NumberText.Of(value, 9);

    // What is asked for is rounded up: where a rule does not hold, both figures show it.
    private static string Above(double cost) => double.IsFinite(cost) ? NumberText.Above(cost, 6) : "without bound";

    private static string Text(PrivacyMode mode) => mode switch
    {
        PrivacyMode.PatientLocal => "patient-local",
        PrivacyMode.PatientDistributed => "patient-distributed",
        PrivacyMode.Hospital => "hospital",
        _ => "off",
    };
}
