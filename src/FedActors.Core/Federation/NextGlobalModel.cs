using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using FedActors.Core.Aggregation;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>
/// From a round's model and its open sum to the next model: what the hub commits, and what each hospital computes for
/// itself before it trains on it. IEEE double throughout, element by element, so that both find the same bytes.
/// </summary>
public static class NextGlobalModel
{
    /// <summary>What the first round starts from.</summary>
    public static GlobalModel First(IAggregationStrategy strategy, ImmutableArray<double> parameters) => GlobalModel.Of(
        parameters, ImmutableCollectionsMarshal.AsImmutableArray(strategy.FirstState(parameters.Length)));

    /// <exception cref="FaultException">FA-4004: not finite. FA-4005: a system to solve is singular.</exception>
    public static GlobalModel Of(IAggregationStrategy strategy, GlobalModel model, DecodedSum sum)
    {
        // The mean's last value is the training loss; the strategy sees the rest.
        var update = new AggregatedUpdate(sum.Mean.AsMemory()[..^1], sum.TotalWeight, sum.Parties);
        var state = model.State.AsSpan().ToArray();
        var next = strategy.Next(model.Parameters.AsSpan(), state, update);
        // Of no numbers at all the library says that they are not finite.
        if (state.Length > 0 && !TensorPrimitives.IsFiniteAll<double>(state))
            throw NextModel.NotFinite();
        return GlobalModel.Of(ImmutableCollectionsMarshal.AsImmutableArray(next),
            ImmutableCollectionsMarshal.AsImmutableArray(state));
    }
}
