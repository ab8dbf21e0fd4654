//  Privacy filter by Renyi divergence at one fixed order
//      Adds up D_alpha of all jobs at an order chosen before the first of them.
//  Source:   Feldman, Zrnic, "Individual privacy accounting via a Renyi filter", NeurIPS 2021, Theorem 4.3.
//            A loss of which only (epsilon, delta) is known is added by basic composition.
//  Size:     one double.
//  Error:    admits only while the exact sum, rounded up, converts to at most the budget.

namespace FedActors.Core.Privacy;

/// <summary>
/// Spends less than <see cref="BasicCompositionFilter"/> over many jobs. The order and delta are part of the policy:
/// choosing the best order after the fact is not covered.
/// </summary>
public sealed class RdpFilter : IPrivacyFilter
{
    private readonly double _delta;
    private readonly RdpAccountant _jobs;
    private readonly IPrivacyFilter _rest;

    /// <param name="order">An integer, at least 2: what is proven for the discrete noise.</param>
    /// <param name="delta">At which the sum of divergences is read, in (0, 1).</param>
    /// <exception cref="FaultException">Delta is out of range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The order is below 2 or above 4096.</exception>
    public RdpFilter(int order, double delta)
        : this(delta, order is >= 2 and <= 4096
            ? RdpAccountant.Empty([order])
            : throw new ArgumentOutOfRangeException(nameof(order), order, "An order from 2 to 4096 is needed."),
                BasicCompositionFilter.Empty) =>
        PrivacyRange.Require(PrivacyRange.Delta(delta));

    private RdpFilter(double delta, RdpAccountant jobs, IPrivacyFilter rest) =>
        (_delta, _jobs, _rest) = (delta, jobs, rest);

    /// <inheritdoc/>
    public PrivacyBudget Spent => All.Spent;

    /// <summary>The job's own delta plays no part.</summary>
    public IPrivacyFilter Add(PrivacyTerms job) => new RdpFilter(_delta, _jobs.Compose(job.Whole), _rest);

    /// <inheritdoc/>
    public IPrivacyFilter Add(PrivacyBudget loss) => new RdpFilter(_delta, _jobs, _rest.Add(loss));

    /// <inheritdoc/>
    public bool IsWithin(PrivacyBudget limit) => All.IsWithin(limit);

    private IPrivacyFilter All =>
        _jobs.IsEmpty ? _rest : _rest.Add(new PrivacyBudget(_jobs.Spent(_delta).Epsilon, _delta));
}
