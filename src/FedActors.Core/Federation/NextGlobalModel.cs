using System.Runtime.InteropServices;
using FedActors.Core.Aggregation;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>
/// From a round's model and its open sum to the next model: what the hub commits, and what each hospital computes for itself
/// before it trains on it. IEEE double throughout, element by element, so that both find the same bytes.
/// </summary>
public static class NextGlobalModel
{
    /// <exception cref="FaultException">FA-4004: not finite. FA-4005: a system to solve is singular.</exception>
    public static GlobalModel Of(IAggregationStrategy strategy, ReadOnlySpan<double> parameters, DecodedSum sum)
    {
        // The mean's last value is the training loss; the strategy sees the rest.
        var update = new AggregatedUpdate(sum.Mean.AsMemory()[..^1], sum.TotalWeight, sum.Parties);
        var next = strategy.Next(parameters, update);
        return GlobalModel.Of(ImmutableCollectionsMarshal.AsImmutableArray(next));
    }
}
