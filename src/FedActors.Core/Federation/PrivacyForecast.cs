using System.Collections.Immutable;
using FedActors.Core.Privacy;

namespace FedActors.Core.Federation;

/// <summary>What is known of a job before it runs, where anything is.</summary>
/// <param name="Hospitals">In a round's cohort.</param>
/// <param name="Patients">Over all of them.</param>
/// <param name="Parameters">Coordinates of the model.</param>
public readonly record struct JobSize(int Hospitals, long Patients, int Parameters);

/// <summary>A round in which some hospitals fall away.</summary>
/// <param name="Share">Of the cohort that falls away.</param>
/// <param name="Hospitals">Left.</param>
/// <param name="SignalToNoise">Null where too few are left for a sum: then nothing is released, and the attempt is
/// charged.</param>
public readonly record struct DropoutForecast(double Share, int Hospitals, double? SignalToNoise);

/// <summary>What a job's promise costs and means, worked out from its plan alone: nothing here was measured.</summary>
/// <param name="NoiseMultiplier">Standard deviation of the whole noise over the clip.</param>
/// <param name="Enforced">What a ledger is charged.</param>
/// <param name="Shown">Epsilon by privacy-loss distributions at the same delta, for continuous noise.</param>
/// <param name="Course">Enforced epsilon after so many rounds, the first and the last among them.</param>
/// <param name="SignalToNoise">
/// Length of one step's sum of gradients, were every drawn patient's at the clip and all of one direction, over the
/// length of the noise in it: an upper bound. Null where the job's size is not known.
/// </param>
/// <param name="Dropouts">The same with 10, 20 and 30 % of the hospitals gone; empty where the size is not
/// known.</param>
/// <param name="Found">Largest share of members that an attacker finds who raises false alarms for 1 % of the
/// others.</param>
public sealed record PrivacyForecast(
    double NoiseMultiplier, PrivacyBudget Enforced, double Shown, ImmutableArray<(long Rounds, double Epsilon)> Course,
    double? SignalToNoise,
    ImmutableArray<DropoutForecast> Dropouts, double Found)
{
    /// <summary>Share of the others that <see cref="Found"/> takes for members.</summary>
    public const double FalseAlarms = 0.01;

    private static readonly double[] DropoutShares = [0.1, 0.2, 0.3];

    /// <summary>Works it out.</summary>
    /// <exception cref="FaultException">FA-6006: no noise reaches the epsilon. FA-6029: the accountants contradict each
    /// other.</exception>
    /// <exception cref="ArgumentException">The plan's privacy is off, or is out of range.</exception>
    public static PrivacyForecast Of(JobPlan plan, JobSize? size)
    {
        var noise = JobPrivacy.NoiseMultiplier(plan);
        var terms = size is { } whole ? JobPrivacy.Terms(plan, whole.Hospitals) : JobPrivacy.Terms(plan);
        var shown = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(
            plan.Privacy.SamplingRate, noise, terms.Releases * JobPrivacy.StepsPerRound(plan)));
        var epsilon = shown.Spent(plan.Privacy.Delta).Epsilon;
        if (epsilon > terms.Cost.Epsilon * (1 + 1e-6) + 1e-4)
            throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.AccountantDisagreement,
                FormattableString.Invariant($"The shown epsilon {epsilon} is above the enforced {terms.Cost.Epsilon}."),
                "job.privacy",
                "Report it: the two accountants must not contradict each other."));
        var rounds = plan.Training.Rounds;
        long[] after = [1, rounds / 4, rounds / 2, rounds, terms.Releases];
        return new PrivacyForecast(
            noise, terms.Cost, epsilon,
            [.. after.Where(count => count > 0).Distinct().Order().Select(count => (count, RdpAccountant.Integer
                .Compose(terms.Release with { Steps = terms.Release.Steps * count })
                .Spent(plan.Privacy.Delta).Epsilon))],
            size is { } known ? Ratio(plan, noise, known, known.Hospitals) : null,
            size is { } sized ? [.. DropoutShares.Select(share => Dropout(plan, noise, sized, share))] : [],
            MembershipBound.Found(shown, FalseAlarms));
    }

    /// <summary>One sentence for an ethics board.</summary>
    public string Meaning(PrivacyMode mode) =>
        "Whoever sees everything that is released, and suspects 1 in 100 of those who took no part, finds at most "
        + FormattableString.Invariant($"{Found * 100:0.0} in 100 of the ")
        + (mode == PrivacyMode.Hospital ? "hospitals that did." : "patients who did.");

    private static DropoutForecast Dropout(JobPlan plan, double noise, JobSize size, double share)
    {
        var left = size.Hospitals - (int)Math.Ceiling(share * size.Hospitals - 1e-9);
        var needed = plan.Privacy.IsDistributed
            ? Math.Max(plan.Cohort.Minimum, plan.Privacy.SurvivorsOf(size.Hospitals))
            : plan.Cohort.Minimum;
        return new DropoutForecast(share, left, left < Math.Max(1, needed) ? null : Ratio(plan, noise, size, left));
    }

    private static double Ratio(JobPlan plan, double noise, JobSize size, int left)
    {
        var privacy = plan.Privacy;
        var units = privacy.Mode == PrivacyMode.Hospital ? left : size.Patients * ((double)left / size.Hospitals);
        // The whole noise once in each hospital, or a share of it.
        var noises = left / (privacy.IsDistributed ? (double)privacy.HonestSharesOf(size.Hospitals) : 1);
        return privacy.SamplingRate * units / (noise * Math.Sqrt(size.Parameters * noises));
    }
}
