//  Calibration
//      The least noise, the most steps or the largest sampling rate that an accountant proves private enough.
//  Source:   epsilon falls with the noise and grows with steps and rate (post-processing; composition), so a bracket is
//            enough; Chandrupatla's method narrows it.
//  Error:    the answer was itself accounted and meets the target; the noise is within a relative 1e-9 (privacy-loss
//            distributions: 1e-6) of one that does not.

using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>
/// Finds one parameter of <see cref="DpEvent.SampledGaussian"/> for a target. The accountant may already hold other
/// events, which count against the target.
/// </summary>
public static class Calibration
{
    /// <summary>The least noise multiplier, at least <see cref="PrivacyRange.LeastNoiseMultiplier"/>, and what it
    /// spends.</summary>
    /// <exception cref="FaultException">An argument is out of range, or no noise reaches the target.</exception>
    public static (double NoiseMultiplier, PrivacySpent Spent) Noise(
        IPrivacyAccountant accountant, double epsilon, double delta, double rate, long steps)
    {
        Require(epsilon, delta, [.. PrivacyRange.SamplingRate(rate), .. PrivacyRange.Steps(steps)]);
        PrivacySpent Spent(double noise) =>
            accountant.Compose(new DpEvent.SampledGaussian(rate, noise, steps)).Spent(delta);
        bool Meets(double noise) => Spent(noise).Epsilon <= epsilon;

        var enough = 1.0;
        while (!Meets(enough))
            if ((enough *= 2) > PrivacyRange.LargestNoiseMultiplier)
                throw OutOfReach("noise", epsilon, delta, "take fewer steps");
        var least = PrivacyRange.LeastNoiseMultiplier;
        while (enough > least && Meets(Math.Max(least, enough / 2)))
            enough = Math.Max(least, enough / 2);
        if (enough == least)
            return (least, Spent(least));

        var tolerance = accountant is PldAccountant ? 1e-6 : 1e-9;
        var found =
            BracketedRoot.NotAbove(noise =>
                Spent(noise).Epsilon - epsilon, Math.Max(least, enough / 2), enough, tolerance);
        return (found, Spent(found));
    }

    /// <summary>The most steps at one noise and rate.</summary>
    /// <exception cref="FaultException">An argument is out of range, or not even one step meets the target.</exception>
    public static (long Steps, PrivacySpent Spent) Steps(
        IPrivacyAccountant accountant, double epsilon, double delta, double rate, double noise)
    {
        Require(epsilon, delta, [.. PrivacyRange.SamplingRate(rate), .. PrivacyRange.NoiseMultiplier(noise)]);
        PrivacySpent Spent(long steps) =>
            accountant.Compose(new DpEvent.SampledGaussian(rate, noise, steps)).Spent(delta);
        bool Meets(long steps) => Spent(steps).Epsilon <= epsilon;

        if (!Meets(1))
            throw OutOfReach("number of steps", epsilon, delta, "draw fewer patients in a step");
        var (met, missed) = (1L, 2L);
        while (missed <= PrivacyRange.MostSteps && Meets(missed))
            (met, missed) = (missed, 2 * missed);
        missed = Math.Min(missed, PrivacyRange.MostSteps + 1);
        while (missed - met > 1)
        {
            var middle = met + (missed - met) / 2;
            (met, missed) = Meets(middle) ? (middle, missed) : (met, middle);
        }
        return (met, Spent(met));
    }

    /// <summary>The largest sampling rate at one noise and number of steps.</summary>
    /// <exception cref="FaultException">An argument is out of range, or no rate meets the target.</exception>
    public static (double SamplingRate, PrivacySpent Spent) SamplingRate(
        IPrivacyAccountant accountant, double epsilon, double delta, double noise, long steps)
    {
        Require(epsilon, delta, [.. PrivacyRange.NoiseMultiplier(noise), .. PrivacyRange.Steps(steps)]);
        PrivacySpent Spent(double rate) =>
            accountant.Compose(new DpEvent.SampledGaussian(rate, noise, steps)).Spent(delta);

        if (Spent(1) is var all && all.Epsilon <= epsilon)
            return (1, all);
        if (Spent(PrivacyRange.LeastSamplingRate).Epsilon > epsilon)
            throw OutOfReach("sampling rate", epsilon, delta, "take fewer steps");
        // On a logarithmic scale, whose ends are exact: exp(ln 1e-12) may fall below the least rate.
        double Rate(double logRate) => Math.Clamp(Math.Exp(logRate), PrivacyRange.LeastSamplingRate, 1);
        var logFound = BracketedRoot.NotAbove(
            logRate => Spent(Rate(logRate)).Epsilon - epsilon, 0, Math.Log(PrivacyRange.LeastSamplingRate), 1e-9);
        return (Rate(logFound), Spent(Rate(logFound)));
    }

    private static void Require(double epsilon, double delta, Fault[] others) =>
        PrivacyRange.Require([.. PrivacyRange.Epsilon(epsilon), .. PrivacyRange.Delta(delta), .. others]);

    private static FaultException OutOfReach(string what, double epsilon, double delta, string rather) => new(new Fault(
        FaultNumber.BudgetOutOfReach,
        $"No {what} reaches epsilon = {NumberText.Of(epsilon)} at delta = {NumberText.Of(delta)}.",
        "epsilon", $"Raise epsilon or delta, or {rather}."));
}
