//  Ranks of every coordinate
//      For each coordinate, the mean of the values of some ranks among n updates: the median, or what a trim leaves.
//  How:      a block of coordinates of every update is brought into the second-level cache, and 64 of them at a time
//            sorted by one network: a comparator is a minimum and a maximum of 64 values, and no branch depends on any.
//            With the widest vectors three comparators of four wires go together (ComparatorGroups), and the next block
//            comes from memory meanwhile.
//  Source:   Yin et al., "Byzantine-Robust Distributed Learning", ICML 2018, definitions 1 and 2.
//  Repeats:  minimum and maximum are exact, and what is left is added wire by wire in binary64: the same bits in every
//            form.
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
    private const int Lanes = 64;

    // Entries of the list of rows, whole groups, from one look ahead to the next.
    private const int Slice = 40 * ComparatorGroups.Length;

    // What the blocks of all updates may take together of the second-level cache.
    private const int BlockBytes = 1 << 19;

    /// <summary>The mean of the network's ranks, coordinate by coordinate.</summary>
    /// <param name="updates">As many as the network has wires; all finite.</param>
    /// <param name="means">Length of the updates; overwritten.</param>
    /// <param name="form">Without effect on the result.</param>
    /// <exception cref="ArgumentException">A count or a length does not fit.</exception>
    public static void Mean(SingleUpdates updates, SortingNetwork network, Span<double> means, SimdForm form)
    {
        if (updates.Count != network.Wires || means.Length != updates.Length)
            throw new ArgumentException(
                $"{updates.Count} updates of {updates.Length} for {network.Wires} wires and {means.Length} means.");
        var stride = Math.Clamp(BlockBytes / sizeof(float) / updates.Count / Lanes * Lanes, Lanes, 1024);
        var block = GC.AllocateArray<float>(updates.Count * stride, pinned: true);
        var strip = GC.AllocateArray<float>(RowOf(updates.Count), pinned: true);
        // Where the rows of each comparator, or of each group of them, begin in the strip.
        var rows = form == SimdForm.Vector512 ? GroupedRows(network) : [.. network.Comparators.Select(RowOf)];
        Span<double> sums = stackalloc double[Lanes];
        for (var window = 0; window < updates.Length; window += updates.Window)
        {
            var loaded = Math.Min(updates.Window, updates.Length - window);
            updates.Load(window, loaded);
            for (var at = 0; at < loaded; at += stride)
            {
                var size = Math.Min(stride, loaded - at);
                for (var update = 0; update < updates.Count; update++)
                    updates.Row(update).Slice(at, size).CopyTo(block.AsSpan(update * stride));
                var strips = (size + Lanes - 1) / Lanes;
                var ahead = new StretchAhead(updates, at + stride, stride, steps: strips * (rows.Length / Slice + 1));
                for (var first = 0; first < size; first += Lanes)
                {
                    Sort(block.AsSpan(first), stride, strip, network, rows, sums, form, ref ahead);
                    var count = Math.Min(Lanes, size - first);
                    for (var lane = 0; lane < count; lane++)
                        means[window + at + first + lane] = sums[lane] / network.Count;
                }
            }
        }
    }

    // Rows that are compared lie 2^k wires apart. Without a step every 16 wires they would lie whole pages of 4,096
    // bytes apart, and processors that tell stores from loads by the last 12 bits of an address would take one row for
    // the other.
    private static int RowOf(int wire) => wire * Lanes + wire / 16 * 16;

    private static int[] GroupedRows(SortingNetwork network)
    {
        var groups = ComparatorGroups.Of(network);
        for (var i = 0; i < groups.Length; i++)
        {
            if (i % ComparatorGroups.Length != 0)
                groups[i] = RowOf(groups[i]);
        }
        return groups;
    }

    // Lanes behind the last coordinate hold what an earlier block left: sorted like the others, and never read.
    private static void Sort(
        ReadOnlySpan<float> block, int stride, Span<float> strip, SortingNetwork network, ReadOnlySpan<int> rows,
        Span<double> sums, SimdForm form, ref StretchAhead ahead)
    {
        ref var from = ref MemoryMarshal.GetReference(block);
        ref var to = ref MemoryMarshal.GetReference(strip);
        ref var sum = ref MemoryMarshal.GetReference(sums);
        switch (form)
        {
            case SimdForm.Vector512:
                for (var wire = 0; wire < network.Wires; wire++)
                {
                    for (nuint lane = 0; lane < Lanes; lane += 16)
                        (Vector512.LoadUnsafe(ref from, (nuint)(wire * stride) + lane) + Vector512<float>.Zero)
                            .StoreUnsafe(ref to, (nuint)RowOf(wire) + lane);
                }
                for (var slice = 0; slice < rows.Length; slice += Slice)
                {
                    Exchange512(ref to, rows.Slice(slice, Math.Min(Slice, rows.Length - slice)));
                    ahead.Step();
                }
                Sum512(ref to, network, ref sum);
                break;
            case SimdForm.Vector256:
                for (var wire = 0; wire < network.Wires; wire++)
                {
                    for (nuint lane = 0; lane < Lanes; lane += 8)
                        (Vector256.LoadUnsafe(ref from, (nuint)(wire * stride) + lane) + Vector256<float>.Zero)
                            .StoreUnsafe(ref to, (nuint)RowOf(wire) + lane);
                }
                Exchange256(ref to, rows);
                Sum256(ref to, network, ref sum);
                break;
            default:
                SortPortable(block, stride, strip, network, rows, sums);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Exchange512(ref float strip, ReadOnlySpan<int> groups)
    {
        ref var group = ref MemoryMarshal.GetReference(groups);
        for (nint g = 0; g < groups.Length; g += ComparatorGroups.Length)
        {
            var kind = Unsafe.Add(ref group, g);
            ref var a = ref Unsafe.Add(ref strip, Unsafe.Add(ref group, g + 1));
            ref var b = ref Unsafe.Add(ref strip, Unsafe.Add(ref group, g + 2));
            ref var c = ref Unsafe.Add(ref strip, Unsafe.Add(ref group, g + 3));
            ref var d = ref Unsafe.Add(ref strip, Unsafe.Add(ref group, g + 4));
            for (nuint lane = 0; lane < Lanes; lane += 16)
            {
                if (kind == ComparatorGroups.Joined)
                    Joined512(ref a, ref b, ref c, ref d, lane);
                else if (kind == ComparatorGroups.Split)
                    Split512(ref a, ref b, ref c, ref d, lane);
                else
                    Single512(ref a, ref b, lane);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single512(ref float a, ref float b, nuint lane)
    {
        var (x, y) = (Vector512.LoadUnsafe(ref a, lane), Vector512.LoadUnsafe(ref b, lane));
        Vector512.MinNative(x, y).StoreUnsafe(ref a, lane);
        Vector512.MaxNative(x, y).StoreUnsafe(ref b, lane);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Joined512(ref float a, ref float b, ref float c, ref float d, nuint lane)
    {
        var (w, x) = (Vector512.LoadUnsafe(ref a, lane), Vector512.LoadUnsafe(ref b, lane));
        var (y, z) = (Vector512.LoadUnsafe(ref c, lane), Vector512.LoadUnsafe(ref d, lane));
        var (inner, outer) = (Vector512.MaxNative(w, x), Vector512.MinNative(y, z));
        Vector512.MinNative(w, x).StoreUnsafe(ref a, lane);
        Vector512.MinNative(inner, outer).StoreUnsafe(ref b, lane);
        Vector512.MaxNative(inner, outer).StoreUnsafe(ref c, lane);
        Vector512.MaxNative(y, z).StoreUnsafe(ref d, lane);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split512(ref float a, ref float b, ref float c, ref float d, nuint lane)
    {
        var (w, z) = (Vector512.LoadUnsafe(ref a, lane), Vector512.LoadUnsafe(ref d, lane));
        var (x, y) = (Vector512.LoadUnsafe(ref b, lane), Vector512.LoadUnsafe(ref c, lane));
        var (low, high) = (Vector512.MinNative(w, z), Vector512.MaxNative(w, z));
        Vector512.MinNative(low, x).StoreUnsafe(ref a, lane);
        Vector512.MaxNative(low, x).StoreUnsafe(ref b, lane);
        Vector512.MinNative(y, high).StoreUnsafe(ref c, lane);
        Vector512.MaxNative(y, high).StoreUnsafe(ref d, lane);
    }

    private static void Sum512(ref float strip, SortingNetwork network, ref double sum)
    {
        for (nuint lane = 0; lane < Lanes; lane += 16)
        {
            var (s0, s1) = (Vector512<double>.Zero, Vector512<double>.Zero);
            for (var wire = network.First; wire < network.First + network.Count; wire++)
            {
                var (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(ref strip, (nuint)RowOf(wire) + lane));
                (s0, s1) = (s0 + lower, s1 + upper);
            }
            s0.StoreUnsafe(ref sum, lane);
            s1.StoreUnsafe(ref sum, lane + 8);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Exchange256(ref float strip, ReadOnlySpan<int> rows)
    {
        ref var row = ref MemoryMarshal.GetReference(rows);
        for (nint c = 0; c < rows.Length; c += 2)
        {
            ref var low = ref Unsafe.Add(ref strip, Unsafe.Add(ref row, c));
            ref var high = ref Unsafe.Add(ref strip, Unsafe.Add(ref row, c + 1));
            for (nuint lane = 0; lane < Lanes; lane += 16)
            {
                var (a0, b0) = (Vector256.LoadUnsafe(ref low, lane), Vector256.LoadUnsafe(ref high, lane));
                var (a1, b1) = (Vector256.LoadUnsafe(ref low, lane + 8), Vector256.LoadUnsafe(ref high, lane + 8));
                Vector256.MinNative(a0, b0).StoreUnsafe(ref low, lane);
                Vector256.MinNative(a1, b1).StoreUnsafe(ref low, lane + 8);
                Vector256.MaxNative(a0, b0).StoreUnsafe(ref high, lane);
                Vector256.MaxNative(a1, b1).StoreUnsafe(ref high, lane + 8);
            }
        }
    }

    private static void Sum256(ref float strip, SortingNetwork network, ref double sum)
    {
        for (nuint lane = 0; lane < Lanes; lane += 8)
        {
            var (s0, s1) = (Vector256<double>.Zero, Vector256<double>.Zero);
            for (var wire = network.First; wire < network.First + network.Count; wire++)
            {
                var (lower, upper) = Vector256.Widen(Vector256.LoadUnsafe(ref strip, (nuint)RowOf(wire) + lane));
                (s0, s1) = (s0 + lower, s1 + upper);
            }
            s0.StoreUnsafe(ref sum, lane);
            s1.StoreUnsafe(ref sum, lane + 4);
        }
    }

    private static void SortPortable(
        ReadOnlySpan<float> block, int stride, Span<float> strip, SortingNetwork network, ReadOnlySpan<int> rows,
        Span<double> sums)
    {
        for (var wire = 0; wire < network.Wires; wire++)
        {
            for (var lane = 0; lane < Lanes; lane++)
                strip[RowOf(wire) + lane] = block[wire * stride + lane] + 0f;
        }
        for (var c = 0; c < rows.Length; c += 2)
        {
            var low = strip.Slice(rows[c], Lanes);
            var high = strip.Slice(rows[c + 1], Lanes);
            for (var lane = 0; lane < Lanes; lane++)
                (low[lane], high[lane]) = low[lane] <= high[lane] ? (low[lane], high[lane]) : (high[lane], low[lane]);
        }
        sums.Clear();
        for (var wire = network.First; wire < network.First + network.Count; wire++)
        {
            for (var lane = 0; lane < Lanes; lane++)
                sums[lane] += strip[RowOf(wire) + lane];
        }
    }
}
