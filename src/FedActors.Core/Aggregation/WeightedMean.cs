//  Weighted sum of updates
//      sum over u of weight(u) · update(u), four updates at a time over blocks whose running sums stay in the
//      second-level cache,
//      so that memory is read once and written once.
//  Repeats:  every coordinate adds its products in the order of the updates, in binary64 with fused multiply-adds: the
//            same bits
//            in every form.
//  Error:    at most n · 2^-53 times the sum of the absolute products.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>Means of single updates, as fast as memory gives them.</summary>
public static class WeightedMean
{
    private const int Block = 8192;
    private const int Together = 4;

    /// <summary>The weighted sum of all updates.</summary>
    /// <param name="weights">One an update: for a mean they add to 1. An update of weight 0 is not read.</param>
    /// <param name="sum">Length of the updates; overwritten.</param>
    /// <param name="form">Without effect on the result.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public static void Of(SingleUpdates updates, ReadOnlySpan<double> weights, Span<double> sum, SimdForm form)
    {
        if (weights.Length != updates.Count || sum.Length != updates.Length)
            throw new ArgumentException(
                $"{weights.Length} weights and a sum of {sum.Length} for {updates.Count} updates of {updates.Length}.");
        var used = new int[weights.Length];
        var count = 0;
        for (var u = 0; u < weights.Length; u++)
        {
            if (weights[u] != 0)
                used[count++] = u;
        }
        sum.Clear();
        for (var window = 0; window < updates.Length; window += updates.Window)
        {
            var loaded = Math.Min(updates.Window, updates.Length - window);
            updates.Load(window, loaded);
            for (var at = 0; at < loaded; at += Block)
            {
                var size = Math.Min(Block, loaded - at);
                var into = sum.Slice(window + at, size);
                var next = 0;
                for (; next + Together <= count; next += Together)
                {
                    var (a, b, c, d) = (used[next], used[next + 1], used[next + 2], used[next + 3]);
                    Add(updates.Row(a).Slice(at, size), weights[a], updates.Row(b).Slice(at, size), weights[b],
                        updates.Row(c).Slice(at, size), weights[c], updates.Row(d).Slice(at, size), weights[d], into,
                        form);
                }
                for (; next < count; next++)
                    AddOne(updates.Row(used[next]).Slice(at, size), weights[used[next]], into);
            }
        }
    }

    private static void Add(
        ReadOnlySpan<float> a, double wa, ReadOnlySpan<float> b, double wb, ReadOnlySpan<float> c, double wc,
        ReadOnlySpan<float> d, double wd, Span<double> sum, SimdForm form)
    {
        var done = form switch
        {
            SimdForm.Vector512 => Add512(a, wa, b, wb, c, wc, d, wd, sum),
            SimdForm.Vector256 => Add256(a, wa, b, wb, c, wc, d, wd, sum),
            _ => 0,
        };
        for (var i = done; i < sum.Length; i++)
            sum[i] = Math.FusedMultiplyAdd(wd, d[i], Math.FusedMultiplyAdd(wc, c[i],
                Math.FusedMultiplyAdd(wb, b[i], Math.FusedMultiplyAdd(wa, a[i], sum[i]))));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Add512(
        ReadOnlySpan<float> a, double wa, ReadOnlySpan<float> b, double wb, ReadOnlySpan<float> c, double wc,
        ReadOnlySpan<float> d, double wd, Span<double> sum)
    {
        ref var pa = ref MemoryMarshal.GetReference(a);
        ref var pb = ref MemoryMarshal.GetReference(b);
        ref var pc = ref MemoryMarshal.GetReference(c);
        ref var pd = ref MemoryMarshal.GetReference(d);
        ref var ps = ref MemoryMarshal.GetReference(sum);
        var (va, vb, vc, vd) = (Vector512.Create(wa), Vector512.Create(wb), Vector512.Create(wc), Vector512.Create(wd));
        var i = 0;
        for (; i + 16 <= sum.Length; i += 16)
        {
            var at = (nuint)i;
            var (la, ua) = Vector512.Widen(Vector512.LoadUnsafe(ref pa, at));
            var (lb, ub) = Vector512.Widen(Vector512.LoadUnsafe(ref pb, at));
            var (lc, uc) = Vector512.Widen(Vector512.LoadUnsafe(ref pc, at));
            var (ld, ud) = Vector512.Widen(Vector512.LoadUnsafe(ref pd, at));
            var lower = Vector512.FusedMultiplyAdd(va, la, Vector512.LoadUnsafe(ref ps, at));
            var upper = Vector512.FusedMultiplyAdd(va, ua, Vector512.LoadUnsafe(ref ps, at + 8));
            lower = Vector512.FusedMultiplyAdd(vb, lb, lower);
            upper = Vector512.FusedMultiplyAdd(vb, ub, upper);
            lower = Vector512.FusedMultiplyAdd(vc, lc, lower);
            upper = Vector512.FusedMultiplyAdd(vc, uc, upper);
            Vector512.FusedMultiplyAdd(vd, ld, lower).StoreUnsafe(ref ps, at);
            Vector512.FusedMultiplyAdd(vd, ud, upper).StoreUnsafe(ref ps, at + 8);
        }
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Add256(
        ReadOnlySpan<float> a, double wa, ReadOnlySpan<float> b, double wb, ReadOnlySpan<float> c, double wc,
        ReadOnlySpan<float> d, double wd, Span<double> sum)
    {
        ref var pa = ref MemoryMarshal.GetReference(a);
        ref var pb = ref MemoryMarshal.GetReference(b);
        ref var pc = ref MemoryMarshal.GetReference(c);
        ref var pd = ref MemoryMarshal.GetReference(d);
        ref var ps = ref MemoryMarshal.GetReference(sum);
        var (va, vb, vc, vd) = (Vector256.Create(wa), Vector256.Create(wb), Vector256.Create(wc), Vector256.Create(wd));
        var i = 0;
        for (; i + 8 <= sum.Length; i += 8)
        {
            var at = (nuint)i;
            var (la, ua) = Vector256.Widen(Vector256.LoadUnsafe(ref pa, at));
            var (lb, ub) = Vector256.Widen(Vector256.LoadUnsafe(ref pb, at));
            var (lc, uc) = Vector256.Widen(Vector256.LoadUnsafe(ref pc, at));
            var (ld, ud) = Vector256.Widen(Vector256.LoadUnsafe(ref pd, at));
            var lower = Vector256.FusedMultiplyAdd(va, la, Vector256.LoadUnsafe(ref ps, at));
            var upper = Vector256.FusedMultiplyAdd(va, ua, Vector256.LoadUnsafe(ref ps, at + 4));
            lower = Vector256.FusedMultiplyAdd(vb, lb, lower);
            upper = Vector256.FusedMultiplyAdd(vb, ub, upper);
            lower = Vector256.FusedMultiplyAdd(vc, lc, lower);
            upper = Vector256.FusedMultiplyAdd(vc, uc, upper);
            Vector256.FusedMultiplyAdd(vd, ld, lower).StoreUnsafe(ref ps, at);
            Vector256.FusedMultiplyAdd(vd, ud, upper).StoreUnsafe(ref ps, at + 4);
        }
        return i;
    }

    private static void AddOne(ReadOnlySpan<float> update, double weight, Span<double> sum)
    {
        for (var i = 0; i < sum.Length; i++)
            sum[i] = Math.FusedMultiplyAdd(weight, update[i], sum[i]);
    }
}
