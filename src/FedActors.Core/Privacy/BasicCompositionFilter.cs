//  Privacy filter by basic composition
//      Adds up (epsilon, delta) of the jobs; each job's own pair comes from an accountant of its plan.
//  Source:   Rogers, Roth, Ullman, Vadhan, "Privacy odometers and filters", NeurIPS 2016, Theorem 3.6 (basic filter).
//  Size:     two doubles.
//  Error:    sums are rounded up, so the budget is never passed.

namespace FedActors.Core.Privacy;

/// <summary>The default across jobs: plain to explain, and sound with any accountant inside a job.</summary>
public sealed class BasicCompositionFilter : IPrivacyFilter
{
    private readonly IPrivacyAccountant _empty;

    /// <param name="epsilon">Budget, above 0.</param>
    /// <param name="delta">Budget, in (0, 1).</param>
    /// <param name="empty">The accountant of a single job, with nothing spent.</param>
    /// <exception cref="FaultException">The budget is out of range.</exception>
    public BasicCompositionFilter(double epsilon, double delta, IPrivacyAccountant empty)
    {
        PrivacyRange.Require([.. PrivacyRange.Epsilon(epsilon), .. PrivacyRange.Delta(delta)]);
        (EpsilonBudget, DeltaBudget, _empty) = (epsilon, delta, empty);
    }

    private BasicCompositionFilter(BasicCompositionFilter before, double epsilon, double delta)
    {
        (EpsilonBudget, DeltaBudget, _empty) = (before.EpsilonBudget, before.DeltaBudget, before._empty);
        (EpsilonSpent, DeltaSpent) = (epsilon, delta);
    }

    /// <summary>What all jobs may spend together.</summary>
    public double EpsilonBudget { get; }

    /// <summary>What all jobs may spend together.</summary>
    public double DeltaBudget { get; }

    /// <summary>Of the admitted jobs, rounded up.</summary>
    public double EpsilonSpent { get; }

    /// <summary>Of the admitted jobs, rounded up.</summary>
    public double DeltaSpent { get; }

    /// <inheritdoc cref="IPrivacyFilter.Admit"/>
    public BasicCompositionFilter? Admit(JobGrant job)
    {
        var spent = job.Events.Aggregate(_empty, (accountant, @event) => accountant.Compose(@event)).Spent(job.Delta);
        var (epsilon, delta) = (Up(EpsilonSpent, spent.Epsilon), Up(DeltaSpent, job.Delta));
        return epsilon <= EpsilonBudget && delta <= DeltaBudget ? new BasicCompositionFilter(this, epsilon, delta) : null;
    }

    IPrivacyFilter? IPrivacyFilter.Admit(JobGrant job) => Admit(job);

    // Knuth's two-sum: what rounding took away, if anything.
    private static double Up(double spent, double more)
    {
        var sum = spent + more;
        var rest = sum - spent;
        return spent - (sum - rest) + (more - rest) > 0 ? Math.BitIncrement(sum) : sum;
    }
}
