//  Sums over eight lanes
//      Summand i goes to lane i mod 8 by a fused multiply-add; the lanes are added in halves at the end.
//  Repeats:  the order does not depend on the width of the machine's vectors, so the bits do not either.
//  Error:    a dot product of n terms is off by at most about (n/8 + 4) 2^-53 times the sum of the terms' magnitudes.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FedActors.Core.Numerics;

/// <summary>Reductions with the same bits on every machine.</summary>
internal static class EightLanes
{
    public const int Count = 8;

    /// <summary>Sum of the products of two vectors.</summary>
    /// <param name="right">As long as <paramref name="left"/>.</param>
    public static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        if (left.Length != right.Length)
            throw new ArgumentException($"{left.Length} terms do not meet {right.Length}.", nameof(right));
        var sum = Vector512<double>.Zero;
        var at = 0;
        for (; at <= left.Length - Count; at += Count)
            sum =
                Vector512.FusedMultiplyAdd(Vector512.Create(left.Slice(at, Count)),
                    Vector512.Create(right.Slice(at, Count)), sum);
        if (at == left.Length)
            return Total(sum);
        Span<double> rest = stackalloc double[2 * Count];
        rest.Clear();
        left[at..].CopyTo(rest);
        right[at..].CopyTo(rest[Count..]);
        return Total(
            Vector512.FusedMultiplyAdd(Vector512.Create<double>(rest[..Count]), Vector512.Create<double>(rest[Count..]),
                sum));
    }

    /// <summary>Eight numbers in double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Widen(Vector256<float> lanes)
    {
        if (Avx512F.IsSupported)
            return Avx512F.ConvertToVector512Double(lanes);
        var (low, high) = Vector256.Widen(lanes);
        return Vector512.Create(low, high);
    }

    /// <summary>The same numbers, rounded to single precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Narrow(Vector512<double> lanes) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector256Single(lanes)
        : Vector256.Narrow(lanes.GetLower(), lanes.GetUpper());

    /// <summary>The lanes' sum, in halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Total(Vector512<double> lanes)
    {
        var four = lanes.GetLower() + lanes.GetUpper();
        var two = four.GetLower() + four.GetUpper();
        return two[0] + two[1];
    }
}
