//  Sorting networks
//      Comparators (i, j), i < j, that leave the smaller value on wire i and the larger on j, in an order that sorts
//      any input:
//      no branch depends on a value, so many coordinates are sorted at once.
//  Source:   Batcher's merge exchange in the form of Knuth, TAOCP vol. 3, 5.2.2, algorithm M, for any number of wires.
//  Pruning:  backwards from the wires that are summed in the end. A comparator of two wires that nobody reads is
//            dropped, and so
//            is one of two wires that are only summed, since it cannot change their sum.
//  Size:     median of 100: 888 comparators of the 1,077 that sort all.

using System.Collections.Immutable;

namespace FedActors.Core.Aggregation;

/// <summary>The comparators after which a stretch of wires holds the values of a stretch of ranks, in some
/// order.</summary>
/// <param name="Wires">n: how many values are ranked.</param>
/// <param name="First">The lowest rank that is wanted, from 0.</param>
/// <param name="Count">How many ranks are wanted, at least 1.</param>
/// <param name="Comparators">Pairs of wires, one behind the other: length 2 a comparator.</param>
public sealed record SortingNetwork(int Wires, int First, int Count, ImmutableArray<int> Comparators)
{
    /// <summary>The network that brings ranks first to first + count - 1 of so many values to the wires of the same
    /// numbers.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no such ranks.</exception>
    public static SortingNetwork For(int wires, int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + count, wires);
        var use = new Use[wires];
        use.AsSpan(first, count).Fill(Use.Summed);
        var kept = new List<(int Low, int High)>();
        foreach (var (low, high) in MergeExchange(wires).Reverse())
        {
            if (use[low] == use[high] && use[low] != Use.Ranked)
                continue;
            (use[low], use[high]) = (Use.Ranked, Use.Ranked);
            kept.Add((low, high));
        }
        kept.Reverse();
        return new SortingNetwork(wires, first, count, [.. kept.SelectMany(pair => (int[])[pair.Low, pair.High])]);
    }

    private static IEnumerable<(int Low, int High)> MergeExchange(int wires)
    {
        var top = 1;
        while (2 * top < wires)
            top *= 2;
        for (var p = wires > 1 ? top : 0; p > 0; p /= 2)
        {
            var (q, r, d) = (top, 0, p);
            while (true)
            {
                for (var i = 0; i < wires - d; i++)
                {
                    if ((i & p) == r)
                        yield return (i, i + d);
                }
                if (q == p)
                    break;
                (d, q, r) = (q - p, q / 2, p);
            }
        }
    }

    private enum Use { None, Summed, Ranked }
}
