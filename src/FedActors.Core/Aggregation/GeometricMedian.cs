//  Geometric median
//      The point with the least sum of distances to all updates, by Weiszfeld's iteration with a floor under every
//      distance:
//      z = mean of the updates weighted by 1 / max(|update - z|, floor), from their mean on.
//  Source:   Pillutla, Kakade, Harchaoui, "Robust Aggregation for Federated Learning", IEEE TSP 2022, algorithm 2
//            (smoothed
//            Weiszfeld); breakdown point 1/2 (Lopuhaä, Rousseeuw, 1991).
//  Ends:     when no weight changes by more than 1e-9 of its share, or after 100 passes over the updates.
//  Error:    the floor, 1e-6 of the largest distance from the mean, bounds what smoothing adds to the sum of distances
//            by n floors.

using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>The point nearest to all updates together.</summary>
public sealed class GeometricMedian : IRobustRule
{
    private const int MostPasses = 100;
    private const double Settled = 1e-9;
    private const double Floor = 1e-6;

    /// <inheritdoc />
    public void Aggregate(SingleUpdates updates, Span<double> aggregate, SimdForm form)
    {
        var n = updates.Count;
        var (weights, before, squares) = (new double[n], new double[n], new double[n]);
        Array.Fill(weights, 1.0 / n);
        var floor = 0.0;
        for (var pass = 0; pass < MostPasses; pass++)
        {
            WeightedMean.Of(updates, weights, aggregate, form);
            SquaredDistances.From(updates, aggregate, squares);
            if (pass == 0)
                floor = Floor * Math.Sqrt(squares.Max());
            if (floor == 0)
                return;
            (before, weights) = (weights, before);
            var total = 0.0;
            for (var i = 0; i < n; i++)
                total += weights[i] = 1 / Math.Max(Math.Sqrt(squares[i]), floor);
            var moved = 0.0;
            for (var i = 0; i < n; i++)
            {
                weights[i] /= total;
                moved = Math.Max(moved, Math.Abs(weights[i] - before[i]) / before[i]);
            }
            if (moved <= Settled)
                return;
        }
    }
}
