namespace FedActors.Core.Privacy;

/// <summary>
/// Adds up jobs where a later job's parameters may depend on what earlier ones released: then composing all jobs in one
/// accountant and stopping at the budget proves nothing, and a filter is needed. Immutable.
/// </summary>
public interface IPrivacyFilter
{
    /// <summary>What everything added may have revealed, rounded up.</summary>
    PrivacyBudget Spent { get; }

    /// <summary>This and a job, whose own parameters are all fixed now.</summary>
    IPrivacyFilter Add(PrivacyTerms job);

    /// <summary>This and a loss of which nothing but its size is known.</summary>
    IPrivacyFilter Add(PrivacyBudget loss);

    /// <summary>Whether <see cref="Spent"/> is at most <paramref name="limit"/>, both epsilon and delta.</summary>
    bool IsWithin(PrivacyBudget limit);

    /// <summary>The filter after <paramref name="job"/>, or null where the job does not fit any more; then nothing is
    /// spent.</summary>
    IPrivacyFilter? Admit(PrivacyTerms job, PrivacyBudget limit)
    {
        var next = Add(job);
        return next.IsWithin(limit) ? next : null;
    }
}

/// <summary>How jobs of one patient population add up: chosen before the first of them, and never changed.</summary>
/// <param name="RenyiOrder">Null for <see cref="BasicCompositionFilter"/>; else the order of
/// <see cref="RdpFilter"/>.</param>
/// <param name="Delta">Of the fixed order; plays no part in basic composition.</param>
public readonly record struct CompositionRule(int? RenyiOrder, double Delta)
{
    /// <summary>The filter with nothing spent.</summary>
    /// <exception cref="FaultException">Delta is out of range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The order is below 2 or above 4096.</exception>
    public IPrivacyFilter Start() =>
        RenyiOrder is { } order ? new RdpFilter(order, Delta) : BasicCompositionFilter.Empty;
}
