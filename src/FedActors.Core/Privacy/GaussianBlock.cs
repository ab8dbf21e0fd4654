//  Sixty-four discrete Gaussians at once
//      The part of DiscreteGaussian that nearly every draw needs: a table look-up, bits below it, a sign. Draws that
//      need more are only marked.
//  Bits:     64 columns and 64 places of DyadicTable, a byte each; 64 little-endian 16-bit words of a sign and the
//            upper bits of y; where y has more than 15 bits, 64 more words of lower ones.
//  Repeats:  both forms give the same values and marks from the same bits.

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FedActors.Core.Privacy;

/// <summary>value = ±(x 2^scaleBits + y), by lane.</summary>
internal static class GaussianBlock
{
    public const int Size = 64;

    private const int UpperBits = 15;
    private const int SignBit = 1 << UpperBits;

    /// <summary>Whether the byte permutations of AVX-512 are used here.</summary>
    public static bool IsAccelerated => Avx512Vbmi.IsSupported && BitConverter.IsLittleEndian;

    /// <summary>Random words of 64 bits that a block takes.</summary>
    public static int WordsOf(int scaleBits) => scaleBits > UpperBits ? 48 : 32;

    /// <param name="scaleBits">0 to 31.</param>
    /// <param name="bits">8 * <see cref="WordsOf"/> bytes.</param>
    /// <param name="values"><see cref="Size"/> of them; overwritten. A marked lane's means nothing.</param>
    /// <returns>Marks: lanes whose word of the table stands for the rest, and lanes that show minus zero.</returns>
    public static (ulong OfRest, ulong MinusZero) Run(
        DyadicTable table, int scaleBits, ReadOnlySpan<byte> bits, Span<long> values, bool accelerated)
    {
        if (bits.Length != 8 * WordsOf(scaleBits) || values.Length != Size)
            throw new ArgumentException("A block has 64 values, and the bits for them.", nameof(bits));
        return accelerated ? Wide(table, scaleBits, bits, values) : Portable(table, scaleBits, bits, values);
    }

    private static (ulong OfRest, ulong MinusZero) Portable(
        DyadicTable table, int scaleBits, ReadOnlySpan<byte> bits, Span<long> values)
    {
        var lowerBits = Math.Max(0, scaleBits - UpperBits);
        var (rest, minusZero) = (0UL, 0UL);
        for (var lane = 0; lane < Size; lane++)
        {
            var x = table.Look(bits[lane] << 8 | bits[Size + lane]);
            var word = BinaryPrimitives.ReadUInt16LittleEndian(bits[(2 * Size + 2 * lane)..]);
            long y = word & (1 << Math.Min(scaleBits, UpperBits)) - 1;
            if (lowerBits > 0)
                y = y << lowerBits | (long)BinaryPrimitives.ReadUInt16LittleEndian(bits[(4 * Size + 2 * lane)..])
                    & (1 << lowerBits) - 1;
            var magnitude = ((long)x << scaleBits) + y;
            var isNegative = (word & SignBit) != 0;
            values[lane] = isNegative ? -magnitude : magnitude;
            rest |= (x == DyadicTable.Rest ? 1UL : 0) << lane;
            minusZero |= (isNegative && magnitude == 0 ? 1UL : 0) << lane;
        }
        return (rest, minusZero);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    private static (ulong OfRest, ulong MinusZero) Wide(
        DyadicTable table, int scaleBits, ReadOnlySpan<byte> bits, Span<long> values)
    {
        ref var from = ref MemoryMarshal.GetReference(bits);
        ref var to = ref MemoryMarshal.GetReference(values);
        Span<byte> memory = stackalloc byte[Size];
        ref var symbols = ref MemoryMarshal.GetReference(memory);
        var column = Vector512.LoadUnsafe(ref from);
        var isUpper = Vector512.LessThan(column.AsSByte(), Vector512<sbyte>.Zero).AsByte();
        var isOwn = Vector512.LessThan(Vector512.LoadUnsafe(ref from, Size), Look(table.Below, column, isUpper));
        var x = Vector512.ConditionalSelect(isOwn, column, Look(table.Other, column, isUpper));
        x.StoreUnsafe(ref symbols);

        var lowerBits = Math.Max(0, scaleBits - UpperBits);
        var upperMask = Vector512.Create((1L << Math.Min(scaleBits, UpperBits)) - 1);
        var lowerMask = Vector512.Create((1L << lowerBits) - 1);
        var zeros = 0UL;
        for (var lane = 0; lane < Size; lane += 8)
        {
            var word = Words(ref from, 2 * Size + 2 * lane);
            var y = word & upperMask;
            if (lowerBits > 0)
                y = y << lowerBits | Words(ref from, 4 * Size + 2 * lane) & lowerMask;
            var eight = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref symbols, lane));
            var magnitude = (Avx512F.ConvertToVector512Int64(Vector128.CreateScalarUnsafe(eight).AsByte()) << scaleBits)
                + y;
            // All ones where the sign is set: then (m ^ s) - s is -m.
            var sign = Vector512<long>.Zero - (word >>> UpperBits);
            ((magnitude ^ sign) - sign).StoreUnsafe(ref to, (nuint)lane);
            zeros |= (Vector512.Equals(magnitude, Vector512<long>.Zero) & sign).ExtractMostSignificantBits() << lane;
        }
        return (Vector512.Equals(x, Vector512.Create((byte)DyadicTable.Rest)).ExtractMostSignificantBits(), zeros);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<long> Words(ref byte from, int offset) => Avx512F.ConvertToVector512Int64(
        Vector128.LoadUnsafe(ref Unsafe.As<byte, ushort>(ref Unsafe.Add(ref from, offset))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Look(ReadOnlySpan<byte> table, Vector512<byte> column, Vector512<byte> isUpper)
    {
        ref var at = ref MemoryMarshal.GetReference(table);
        var lower = Avx512Vbmi.PermuteVar64x8x2(
            Vector512.LoadUnsafe(ref at), column, Vector512.LoadUnsafe(ref at, 64));
        var upper = Avx512Vbmi.PermuteVar64x8x2(
            Vector512.LoadUnsafe(ref at, 128), column, Vector512.LoadUnsafe(ref at, 192));
        return Vector512.ConditionalSelect(isUpper, upper, lower);
    }
}
