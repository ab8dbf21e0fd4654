using FedActors.Core.Aggregation;

namespace FedActors.Core.Federation;

/// <summary>The code that a round's updates are written in: the same for the hub and every hospital of the cohort.</summary>
public static class RoundCode
{
    /// <param name="plan">Fixes ring, range and weight cap.</param>
    /// <param name="parties">Hospitals in the cohort.</param>
    /// <param name="updateLength">Values of an update; the mean training loss travels as one more behind them.</param>
    /// <exception cref="ArgumentException">The ring has no room for so many parties.</exception>
    public static FixedPointCode Of(JobPlan plan, int parties, int updateLength) => new(
        plan.SecureAggregation.RingBits, parties, plan.SecureAggregation.WeightCap, plan.SecureAggregation.Range, updateLength + 1);
}
