//  Ranks of every coordinate
//      For each coordinate, the mean of the values of some ranks among n updates: the median, or what a trim leaves.
//  How:      256 coordinates of every update are brought into the second-level cache, and 32 of them at a time sorted by one
//            network: a comparator is a minimum and a maximum of 32 values, and no branch depends on any.
//  Source:   Yin et al., "Byzantine-Robust Distributed Learning", ICML 2018, definitions 1 and 2.
//  Repeats:  minimum and maximum are exact, and what is left is added wire by wire in binary64: the same bits in every form.
//            -0 is read as +0, which instruction sets rank differently.
//  Error:    of the mean, at most count · 2^-53 times the sum of the absolute values.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>Sorts the coordinates of many updates beside one another.</summary>
public static class CoordinateRanks
{
    private const int Lanes = 32;
    private const int Block = 256;

    /// <summary>The mean of the network's ranks, coordinate by coordinate.</summary>
    /// <param name="updates">As many as the network has wires; all finite.</param>
    /// <param name="means">Length of the updates; overwritten.</param>
    /// <param name="form">Without effect on the result.</param>
    /// <exception cref="ArgumentException">A count or a length does not fit.</exception>
    public static void Mean(SingleUpdates updates, SortingNetwork network, Span<double> means, SimdForm form)
    {
        if (updates.Count != network.Wires || means.Length != updates.Length)
            throw new ArgumentException($"{updates.Count} updates of {updates.Length} for {network.Wires} wires and {means.Length} means.");
        var block = new float[updates.Count * Block];
        var strip = GC.AllocateUninitializedArray<float>(updates.Count * Lanes, pinned: true);
        Span<double> sums = stackalloc double[Lanes];
        for (var window = 0; window < updates.Length; window += updates.Window)
        {
            var loaded = Math.Min(updates.Window, updates.Length - window);
            updates.Load(window, loaded);
            for (var at = 0; at < loaded; at += Block)
            {
                var size = Math.Min(Block, loaded - at);
                for (var update = 0; update < updates.Count; update++)
                    updates.Row(update).Slice(at, size).CopyTo(block.AsSpan(update * Block));
                for (var first = 0; first < size; first += Lanes)
                {
                    Sort(block.AsSpan(first), strip, network, sums, form);
                    var count = Math.Min(Lanes, size - first);
                    for (var lane = 0; lane < count; lane++)
                        means[window + at + first + lane] = sums[lane] / network.Count;
                }
            }
        }
    }

    // Lanes behind the last coordinate hold what an earlier block left: sorted like the others, and never read.
    private static void Sort(ReadOnlySpan<float> block, Span<float> strip, SortingNetwork network, Span<double> sums, SimdForm form)
    {
        switch (form)
        {
            case SimdForm.Vector512:
                Sort512(block, strip, network, sums);
                break;
            case SimdForm.Vector256:
                Sort256(block, strip, network, sums);
                break;
            default:
                SortPortable(block, strip, network, sums);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sort512(ReadOnlySpan<float> block, Span<float> strip, SortingNetwork network, Span<double> sums)
    {
        ref var from = ref MemoryMarshal.GetReference(block);
        ref var rows = ref MemoryMarshal.GetReference(strip);
        for (var wire = 0; wire < network.Wires; wire++)
        {
            var (source, row) = ((nuint)(wire * Block), (nuint)(wire * Lanes));
            (Vector512.LoadUnsafe(ref from, source) + Vector512<float>.Zero).StoreUnsafe(ref rows, row);
            (Vector512.LoadUnsafe(ref from, source + 16) + Vector512<float>.Zero).StoreUnsafe(ref rows, row + 16);
        }
        var comparators = network.Comparators.AsSpan();
        for (var c = 0; c + 1 < comparators.Length; c += 2)
        {
            var (low, high) = ((nuint)(comparators[c] * Lanes), (nuint)(comparators[c + 1] * Lanes));
            var (a, b) = (Vector512.LoadUnsafe(ref rows, low), Vector512.LoadUnsafe(ref rows, high));
            var (d, e) = (Vector512.LoadUnsafe(ref rows, low + 16), Vector512.LoadUnsafe(ref rows, high + 16));
            Vector512.MinNative(a, b).StoreUnsafe(ref rows, low);
            Vector512.MaxNative(a, b).StoreUnsafe(ref rows, high);
            Vector512.MinNative(d, e).StoreUnsafe(ref rows, low + 16);
            Vector512.MaxNative(d, e).StoreUnsafe(ref rows, high + 16);
        }
        ref var sum = ref MemoryMarshal.GetReference(sums);
        var (s0, s1, s2, s3) = (Vector512<double>.Zero, Vector512<double>.Zero, Vector512<double>.Zero, Vector512<double>.Zero);
        for (var wire = network.First; wire < network.First + network.Count; wire++)
        {
            var row = (nuint)(wire * Lanes);
            var (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(ref rows, row));
            (s0, s1) = (s0 + lower, s1 + upper);
            (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(ref rows, row + 16));
            (s2, s3) = (s2 + lower, s3 + upper);
        }
        s0.StoreUnsafe(ref sum);
        s1.StoreUnsafe(ref sum, 8);
        s2.StoreUnsafe(ref sum, 16);
        s3.StoreUnsafe(ref sum, 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sort256(ReadOnlySpan<float> block, Span<float> strip, SortingNetwork network, Span<double> sums)
    {
        ref var from = ref MemoryMarshal.GetReference(block);
        ref var rows = ref MemoryMarshal.GetReference(strip);
        for (var wire = 0; wire < network.Wires; wire++)
        {
            for (nuint lane = 0; lane < Lanes; lane += 8)
                (Vector256.LoadUnsafe(ref from, (nuint)(wire * Block) + lane) + Vector256<float>.Zero)
                    .StoreUnsafe(ref rows, (nuint)(wire * Lanes) + lane);
        }
        var comparators = network.Comparators.AsSpan();
        for (var c = 0; c + 1 < comparators.Length; c += 2)
        {
            var (low, high) = ((nuint)(comparators[c] * Lanes), (nuint)(comparators[c + 1] * Lanes));
            for (nuint lane = 0; lane < Lanes; lane += 8)
            {
                var (a, b) = (Vector256.LoadUnsafe(ref rows, low + lane), Vector256.LoadUnsafe(ref rows, high + lane));
                Vector256.MinNative(a, b).StoreUnsafe(ref rows, low + lane);
                Vector256.MaxNative(a, b).StoreUnsafe(ref rows, high + lane);
            }
        }
        ref var sum = ref MemoryMarshal.GetReference(sums);
        for (nuint lane = 0; lane < Lanes; lane += 8)
        {
            var (s0, s1) = (Vector256<double>.Zero, Vector256<double>.Zero);
            for (var wire = network.First; wire < network.First + network.Count; wire++)
            {
                var (lower, upper) = Vector256.Widen(Vector256.LoadUnsafe(ref rows, (nuint)(wire * Lanes) + lane));
                (s0, s1) = (s0 + lower, s1 + upper);
            }
            s0.StoreUnsafe(ref sum, lane);
            s1.StoreUnsafe(ref sum, lane + 4);
        }
    }

    private static void SortPortable(ReadOnlySpan<float> block, Span<float> strip, SortingNetwork network, Span<double> sums)
    {
        for (var wire = 0; wire < network.Wires; wire++)
        {
            for (var lane = 0; lane < Lanes && wire * Block + lane < block.Length; lane++)
                strip[wire * Lanes + lane] = block[wire * Block + lane] + 0f;
        }
        var comparators = network.Comparators.AsSpan();
        for (var c = 0; c + 1 < comparators.Length; c += 2)
        {
            var low = strip.Slice(comparators[c] * Lanes, Lanes);
            var high = strip.Slice(comparators[c + 1] * Lanes, Lanes);
            for (var lane = 0; lane < Lanes; lane++)
                (low[lane], high[lane]) = low[lane] <= high[lane] ? (low[lane], high[lane]) : (high[lane], low[lane]);
        }
        sums.Clear();
        for (var wire = network.First; wire < network.First + network.Count; wire++)
        {
            for (var lane = 0; lane < Lanes; lane++)
                sums[lane] += strip[wire * Lanes + lane];
        }
    }
}
