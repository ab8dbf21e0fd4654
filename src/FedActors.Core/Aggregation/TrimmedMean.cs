using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>
/// Coordinate by coordinate: the mean of what is left when so many of the largest and of the smallest values are taken
/// away, or the median. Source: Yin et al., ICML 2018, definitions 1 and 2; the kernel is
/// <see cref="CoordinateRanks"/>.
/// </summary>
/// <param name="trim">Values taken away at each end, at least 0; null for the median.</param>
public sealed class TrimmedMean(int? trim) : IRobustRule
{
    private SortingNetwork? _network;

    /// <inheritdoc />
    public void Aggregate(SingleUpdates updates, Span<double> aggregate, SimdForm form)
    {
        var n = updates.Count;
        var first = trim ?? (n - 1) / 2;
        if (_network?.Wires != n)
            _network = SortingNetwork.For(n, first, n - 2 * first);
        CoordinateRanks.Mean(updates, _network, aggregate, form);
    }
}
