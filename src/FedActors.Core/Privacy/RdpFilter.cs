//  Privacy filter by Renyi divergence at one fixed order
//      Adds up D_alpha of all jobs at an order chosen before the first of them.
//  Source:   Feldman, Zrnic, "Individual privacy accounting via a Renyi filter", NeurIPS 2021, Theorem 4.3.
//  Size:     one double.
//  Error:    admits only while the exact sum, rounded up, converts to at most the budget.

namespace FedActors.Core.Privacy;

/// <summary>
/// Spends less than <see cref="BasicCompositionFilter"/> over many jobs. The order is part of the policy: choosing the best
/// order after the fact is not covered.
/// </summary>
public sealed class RdpFilter : IPrivacyFilter
{
    private readonly double _epsilon;
    private readonly double _delta;
    private readonly RdpAccountant _spent;

    /// <param name="epsilon">Budget, above 0.</param>
    /// <param name="delta">Budget, in (0, 1).</param>
    /// <param name="order">An integer, at least 2: what is proven for the discrete noise.</param>
    /// <exception cref="FaultException">The budget is out of range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The order is below 2 or above 4096.</exception>
    public RdpFilter(double epsilon, double delta, int order)
    {
        PrivacyRange.Require([.. PrivacyRange.Epsilon(epsilon), .. PrivacyRange.Delta(delta)]);
        if (order is < 2 or > 4096)
            throw new ArgumentOutOfRangeException(nameof(order), order, "An order from 2 to 4096 is needed.");
        (_epsilon, _delta, _spent) = (epsilon, delta, RdpAccountant.Empty([order]));
    }

    private RdpFilter(RdpFilter before, RdpAccountant spent) =>
        (_epsilon, _delta, _spent) = (before._epsilon, before._delta, spent);

    /// <summary>Of the admitted jobs, at the budget's delta.</summary>
    public double EpsilonSpent => _spent.Spent(_delta).Epsilon;

    /// <summary>As <see cref="IPrivacyFilter.Admit"/>; the job's own delta plays no part.</summary>
    public RdpFilter? Admit(JobGrant job)
    {
        var spent = job.Events.Aggregate(_spent, (accountant, @event) => accountant.Compose(@event));
        return spent.Spent(_delta).Epsilon <= _epsilon ? new RdpFilter(this, spent) : null;
    }

    IPrivacyFilter? IPrivacyFilter.Admit(JobGrant job) => Admit(job);
}
