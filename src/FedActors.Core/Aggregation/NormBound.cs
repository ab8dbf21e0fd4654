using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>
/// The mean of the updates after each that is longer than a bound was shortened to it: a hospital can push in a wrong
/// direction, but no harder than the others. Source: Sun et al., "Can You Really Backdoor Federated Learning?",
/// arXiv:1911.07963, section 4.
/// </summary>
/// <param name="bound">Longest update, in model units, above 0; null for the median of the round's lengths.</param>
public sealed class NormBound(double? bound) : IRobustRule
{
    /// <inheritdoc />
    public void Aggregate(SingleUpdates updates, Span<double> aggregate, SimdForm form)
    {
        var n = updates.Count;
        aggregate.Clear();
        var weights = new double[n];
        SquaredDistances.From(updates, aggregate, weights);
        for (var i = 0; i < n; i++)
            weights[i] = Math.Sqrt(weights[i]);
        var limit = bound ?? weights.Order().ElementAt((n - 1) / 2);
        for (var i = 0; i < n; i++)
            weights[i] = weights[i] > limit ? limit / weights[i] / n : 1.0 / n;
        WeightedMean.Of(updates, weights, aggregate, form);
    }
}
