//  Squared distances between updates
//      All pairs of n vectors by explicit differences: no cancellation, unlike |a|² + |b|² - 2ab, at the cost of that form.
//  How:      512 coordinates of every update at a time, tiles of 4 x 4 pairs so that a loaded value serves four of them, and two
//            tiles of rows in the first-level cache beside each tile of columns; in a block 16 binary32 lanes by fused multiply-add,
//            from block to block 8 binary64 lanes.
//  Repeats:  coordinate k of a block belongs to lane k mod 16 and the lanes are folded in one order: the same bits in every form.
//  Error:    relative, at most 34 · 2^-24 (32 additions in a lane, a difference and a square) and a few 2^-53 a block.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>Squared Euclidean distances of many vectors.</summary>
public static class SquaredDistances
{
    private const int Block = 512;
    private const int Lanes = 16;
    private const int Tile = 4;
    private const int RowTiles = 2;
    private const int Folded = 8;

    /// <summary>Distances of all pairs.</summary>
    /// <param name="updates">n of them, all finite.</param>
    /// <param name="form">Without effect on the result.</param>
    /// <returns>n × n, row-major, symmetric, zero on the diagonal.</returns>
    public static double[] AllPairs(SingleUpdates updates, SimdForm form)
    {
        var n = updates.Count;
        var tiles = (n + Tile - 1) / Tile;
        var sums = new double[(long)tiles * Tile * tiles * Tile * Folded];
        // Rows that fill up the last tile stay zero; their distances are never read.
        var block = GC.AllocateArray<float>(tiles * Tile * Block, pinned: true);
        for (var window = 0; window < updates.Length; window += updates.Window)
        {
            var loaded = Math.Min(updates.Window, updates.Length - window);
            updates.Load(window, loaded);
            for (var at = 0; at < loaded; at += Block)
            {
                var size = Math.Min(Block, loaded - at);
                for (var u = 0; u < n; u++)
                {
                    var row = block.AsSpan(u * Block, Block);
                    updates.Row(u).Slice(at, size).CopyTo(row);
                    row[size..].Clear();
                }
                for (var first = 0; first < tiles; first += RowTiles)
                {
                    for (var j = first; j < tiles; j++)
                    {
                        for (var i = first; i < Math.Min(first + RowTiles, j + 1); i++)
                            AddTile(block, i * Tile, j * Tile, sums.AsSpan((i * tiles + j) * Tile * Tile * Folded), form);
                    }
                }
            }
        }
        var distances = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = i + 1; j < n; j++)
            {
                var pair = ((i / Tile * tiles) + j / Tile) * Tile * Tile + i % Tile * Tile + j % Tile;
                distances[i * n + j] = distances[j * n + i] = Total(sums.AsSpan(pair * Folded, Folded));
            }
        }
        return distances;
    }

    /// <summary>Distances of every update from one point.</summary>
    /// <param name="point">Length of the updates, rounded to binary32 for the purpose.</param>
    /// <param name="distances">One an update; overwritten.</param>
    public static void From(SingleUpdates updates, ReadOnlySpan<double> point, Span<double> distances)
    {
        distances.Clear();
        for (var window = 0; window < updates.Length; window += updates.Window)
        {
            var loaded = Math.Min(updates.Window, updates.Length - window);
            updates.Load(window, loaded);
            // A window read from a stream is one stretch: stretch by stretch the sums are the same wherever updates lie.
            for (var at = 0; at < loaded; at += SingleUpdates.StreamWindow)
            {
                var size = Math.Min(SingleUpdates.StreamWindow, loaded - at);
                for (var u = 0; u < updates.Count; u++)
                    distances[u] += From(updates.Row(u).Slice(at, size), point.Slice(window + at, size));
            }
        }
    }

    // Eight lanes, folded in order: the loop is bound by memory, and one form of it is enough.
    private static double From(ReadOnlySpan<float> update, ReadOnlySpan<double> point)
    {
        var sums = Vector512<double>.Zero;
        var k = 0;
        for (; k + 8 <= update.Length; k += 8)
        {
            var (lower, upper) = Vector256.Widen(Vector256.Create(update.Slice(k, 8)));
            var difference = Vector512.Create(lower, upper) - Vector512.Create(point.Slice(k, 8));
            sums = Vector512.FusedMultiplyAdd(difference, difference, sums);
        }
        Span<double> lanes = stackalloc double[8];
        sums.CopyTo(lanes);
        var total = Total(lanes);
        for (; k < update.Length; k++)
            total += (update[k] - point[k]) * (update[k] - point[k]);
        return total;
    }

    private static void AddTile(float[] block, int first, int second, Span<double> sums, SimdForm form)
    {
        switch (form)
        {
            case SimdForm.Vector512:
                AddTile512(ref block[first * Block], ref block[second * Block], ref MemoryMarshal.GetReference(sums));
                break;
            case SimdForm.Vector256:
                for (var pair = 0; pair < Tile * Tile; pair++)
                    AddPair256(ref block[(first + pair / Tile) * Block], ref block[(second + pair % Tile) * Block], ref sums[pair * Folded]);
                break;
            default:
                for (var pair = 0; pair < Tile * Tile; pair++)
                    AddPairPortable(
                        block.AsSpan((first + pair / Tile) * Block, Block), block.AsSpan((second + pair % Tile) * Block, Block),
                        sums.Slice(pair * Folded, Folded));
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddTile512(ref float a, ref float b, ref double sums)
    {
        Vector512<float> s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33;
        s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = Vector512<float>.Zero;
        for (nuint k = 0; k < Block; k += Lanes)
        {
            var b0 = Vector512.LoadUnsafe(ref b, k);
            var b1 = Vector512.LoadUnsafe(ref b, k + Block);
            var b2 = Vector512.LoadUnsafe(ref b, k + 2 * Block);
            var b3 = Vector512.LoadUnsafe(ref b, k + 3 * Block);
            var row = Vector512.LoadUnsafe(ref a, k);
            s00 = Add(row, b0, s00);
            s01 = Add(row, b1, s01);
            s02 = Add(row, b2, s02);
            s03 = Add(row, b3, s03);
            row = Vector512.LoadUnsafe(ref a, k + Block);
            s10 = Add(row, b0, s10);
            s11 = Add(row, b1, s11);
            s12 = Add(row, b2, s12);
            s13 = Add(row, b3, s13);
            row = Vector512.LoadUnsafe(ref a, k + 2 * Block);
            s20 = Add(row, b0, s20);
            s21 = Add(row, b1, s21);
            s22 = Add(row, b2, s22);
            s23 = Add(row, b3, s23);
            row = Vector512.LoadUnsafe(ref a, k + 3 * Block);
            s30 = Add(row, b0, s30);
            s31 = Add(row, b1, s31);
            s32 = Add(row, b2, s32);
            s33 = Add(row, b3, s33);
        }
        Fold(s00, ref sums, 0);
        Fold(s01, ref sums, 1);
        Fold(s02, ref sums, 2);
        Fold(s03, ref sums, 3);
        Fold(s10, ref sums, 4);
        Fold(s11, ref sums, 5);
        Fold(s12, ref sums, 6);
        Fold(s13, ref sums, 7);
        Fold(s20, ref sums, 8);
        Fold(s21, ref sums, 9);
        Fold(s22, ref sums, 10);
        Fold(s23, ref sums, 11);
        Fold(s30, ref sums, 12);
        Fold(s31, ref sums, 13);
        Fold(s32, ref sums, 14);
        Fold(s33, ref sums, 15);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(Vector512<float> a, Vector512<float> b, Vector512<float> sum)
    {
        var difference = a - b;
        return Vector512.FusedMultiplyAdd(difference, difference, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold(Vector512<float> lanes, ref double sums, nuint pair)
    {
        var (lower, upper) = Vector512.Widen(lanes);
        (Vector512.LoadUnsafe(ref sums, pair * Folded) + (lower + upper)).StoreUnsafe(ref sums, pair * Folded);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddPair256(ref float a, ref float b, ref double sums)
    {
        var (s0, s1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (nuint k = 0; k < Block; k += Lanes)
        {
            var d0 = Vector256.LoadUnsafe(ref a, k) - Vector256.LoadUnsafe(ref b, k);
            var d1 = Vector256.LoadUnsafe(ref a, k + 8) - Vector256.LoadUnsafe(ref b, k + 8);
            s0 = Vector256.FusedMultiplyAdd(d0, d0, s0);
            s1 = Vector256.FusedMultiplyAdd(d1, d1, s1);
        }
        var (l0, l1) = Vector256.Widen(s0);
        var (u0, u1) = Vector256.Widen(s1);
        (Vector256.LoadUnsafe(ref sums) + (l0 + u0)).StoreUnsafe(ref sums);
        (Vector256.LoadUnsafe(ref sums, 4) + (l1 + u1)).StoreUnsafe(ref sums, 4);
    }

    private static void AddPairPortable(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<double> sums)
    {
        Span<float> lanes = stackalloc float[Lanes];
        lanes.Clear();
        for (var k = 0; k < Block; k++)
        {
            var difference = a[k] - b[k];
            lanes[k % Lanes] = MathF.FusedMultiplyAdd(difference, difference, lanes[k % Lanes]);
        }
        for (var lane = 0; lane < Folded; lane++)
            sums[lane] += (double)lanes[lane] + lanes[lane + Folded];
    }

    private static double Total(ReadOnlySpan<double> lanes)
    {
        var total = 0.0;
        foreach (var lane in lanes)
            total += lane;
        return total;
    }
}
