//  Privacy filter by basic composition
//      Adds up (epsilon, delta) of the jobs; each job's own pair comes from an accountant of its plan.
//  Source:   Rogers, Roth, Ullman, Vadhan, "Privacy odometers and filters", NeurIPS 2016, Theorem 3.6 (basic filter).
//  Size:     two decimals.
//  Error:    none in the sums: they are decimal, and each job's epsilon was rounded up by its accountant.

using System.Globalization;

namespace FedActors.Core.Privacy;

/// <summary>The default across jobs: plain to explain, and sound with any accountant inside a job.</summary>
public sealed class BasicCompositionFilter : IPrivacyFilter
{
    private readonly IPrivacyAccountant _empty;
    private readonly decimal _epsilon;
    private readonly decimal _delta;

    /// <param name="epsilon">Budget, above 0.</param>
    /// <param name="delta">Budget, in (0, 1).</param>
    /// <param name="empty">The accountant of a single job, with nothing spent.</param>
    /// <exception cref="FaultException">The budget is out of range.</exception>
    public BasicCompositionFilter(double epsilon, double delta, IPrivacyAccountant empty)
    {
        PrivacyRange.Require([.. PrivacyRange.Epsilon(epsilon), .. PrivacyRange.Delta(delta)]);
        (EpsilonBudget, DeltaBudget, _empty) = (epsilon, delta, empty);
    }

    private BasicCompositionFilter(BasicCompositionFilter before, decimal epsilon, decimal delta)
    {
        (EpsilonBudget, DeltaBudget, _empty) = (before.EpsilonBudget, before.DeltaBudget, before._empty);
        (_epsilon, _delta) = (epsilon, delta);
    }

    /// <summary>What all jobs may spend together.</summary>
    public double EpsilonBudget { get; }

    /// <summary>What all jobs may spend together.</summary>
    public double DeltaBudget { get; }

    /// <summary>Of the admitted jobs.</summary>
    public double EpsilonSpent => (double)_epsilon;

    /// <summary>Of the admitted jobs.</summary>
    public double DeltaSpent => (double)_delta;

    /// <inheritdoc cref="IPrivacyFilter.Admit"/>
    public BasicCompositionFilter? Admit(JobGrant job)
    {
        var spent = job.Events.Aggregate(_empty, (accountant, @event) => accountant.Compose(@event)).Spent(job.Delta);
        if (!double.IsFinite(spent.Epsilon) || spent.Epsilon > EpsilonBudget)
            return null;
        var (epsilon, delta) = (_epsilon + Decimal(spent.Epsilon), _delta + Decimal(job.Delta));
        return epsilon <= Decimal(EpsilonBudget) && delta <= Decimal(DeltaBudget) ? new BasicCompositionFilter(this, epsilon, delta) : null;
    }

    IPrivacyFilter? IPrivacyFilter.Admit(JobGrant job) => Admit(job);

    /// <summary>
    /// The number as it is written, rounded up where it has more than 28 decimals: ten jobs of 1e-6 are then exactly 1e-5.
    /// </summary>
    private static decimal Decimal(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var written = decimal.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return (double)written < value ? written + 1e-28m : written;
    }
}
