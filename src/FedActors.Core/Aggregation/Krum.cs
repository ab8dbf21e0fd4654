//  Krum and multi-Krum
//      score(i) = sum of the squared distances from update i to its n - f - 2 nearest others; the update with the
//      lowest score is
//      taken, or the mean of the m lowest. Where scores tie, the earlier update goes first.
//  Source:   Blanchard et al., "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent", NeurIPS 2017:
//            section 4
//            (Krum, n >= 2f + 3) and section 6 (multi-Krum, m = n - f - 2 unless chosen).
//  Error:    that of SquaredDistances: updates whose scores are closer than it may change places.

using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>Takes the updates that lie nearest to most of the others.</summary>
/// <param name="faulty">f: how many updates may be arbitrary, at least 0.</param>
/// <param name="selected">m: how many are averaged; null for n - f - 2.</param>
public sealed class Krum(int faulty, int? selected) : IRobustRule
{
    /// <inheritdoc />
    public void Aggregate(SingleUpdates updates, Span<double> aggregate, SimdForm form)
    {
        var chosen = Select(updates, form);
        var weights = new double[updates.Count];
        foreach (var update in chosen)
            weights[update] = 1.0 / chosen.Length;
        WeightedMean.Of(updates, weights, aggregate, form);
    }

    /// <summary>The updates that are averaged, those of the lowest scores first.</summary>
    public int[] Select(SingleUpdates updates, SimdForm form)
    {
        var n = updates.Count;
        var nearest = Math.Max(1, n - faulty - 2);
        var distances = SquaredDistances.AllPairs(updates, form);
        var (scores, others) = (new double[n], new double[Math.Max(0, n - 1)]);
        for (var i = 0; i < n; i++)
        {
            var row = distances.AsSpan(i * n, n);
            row[..i].CopyTo(others);
            row[(i + 1)..].CopyTo(others.AsSpan(i));
            Array.Sort(others);
            foreach (var distance in others.AsSpan(0, Math.Min(nearest, others.Length)))
                scores[i] += distance;
        }
        var order = Enumerable.Range(0, n).ToArray();
        Array.Sort(order, (a, b) => scores[a].CompareTo(scores[b]) is not 0 and var byScore ? byScore : a.CompareTo(b));
        return order[..Math.Min(n, selected ?? nearest)];
    }
}
