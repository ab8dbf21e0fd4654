using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FedActors.Core.SecureAggregation;

//  The field GF(2^128)
//      Polynomials over GF(2) modulo x^128 + x^7 + x^2 + x + 1; bit i of a UInt128 is the coefficient of x^i.
//  Source:   the polynomial of NIST SP 800-38D, in plain (not reflected) bit order, as PyCryptodome's Shamir has it.
//  Size:     16 bytes an element, big-endian.
//  Time:     no branch and no table index depends on an element. PCLMULQDQ where the CPU has it; else integer products of
//            numbers with holes (Pornin, BearSSL "ghash_ctmul64"), with the same bits.

/// <summary>Arithmetic of GF(2^128). Addition and subtraction are XOR.</summary>
public static class BinaryField128
{
    /// <summary>Bytes of an element.</summary>
    public const int Size = 16;

    /// <summary>Whether products use PCLMULQDQ here.</summary>
    public static bool IsAccelerated => Pclmulqdq.IsSupported;

    /// <summary>Reads an element, 16 bytes big-endian.</summary>
    public static UInt128 Read(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt128BigEndian(bytes);

    /// <summary>Writes an element, 16 bytes big-endian.</summary>
    public static void Write(Span<byte> bytes, UInt128 element) => BinaryPrimitives.WriteUInt128BigEndian(bytes, element);

    /// <summary>The product of two elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UInt128 Multiply(UInt128 a, UInt128 b) =>
        Pclmulqdq.IsSupported ? MultiplyAccelerated(a, b) : MultiplyPortable(a, b);

    /// <summary>The product with the element whose number is <paramref name="small"/>: cheaper, for share positions.</summary>
    /// <param name="small">Below 2^16.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UInt128 MultiplySmall(UInt128 a, ushort small)
    {
        if (!Pclmulqdq.IsSupported)
            return MultiplyPortable(a, small);
        var wide = Vector128.Create((ulong)a, (ulong)(a >> 64));
        var factor = Vector128.Create(small, 0UL);
        var low = Pclmulqdq.CarrylessMultiply(wide, factor, 0x00);
        var high = Pclmulqdq.CarrylessMultiply(wide, factor, 0x01);
        // The product has at most 143 bits; the 15 above x^127 fold back times x^7 + x^2 + x + 1 without a second overflow.
        var folded = Pclmulqdq.CarrylessMultiply(high, Vector128.Create(0x87UL, 0), 0x01);
        return new UInt128(low[1] ^ high[0], low[0] ^ folded[0]);
    }

    /// <summary>The values at <paramref name="x"/> of two polynomials (Horner), side by side to hide the products' latency.</summary>
    /// <param name="interleaved">Coefficients, highest power first, the first polynomial's and the second's in turn.</param>
    public static (UInt128 First, UInt128 Second) Evaluate(ReadOnlySpan<UInt128> interleaved, ushort x)
    {
        if (Pclmulqdq.IsSupported && BitConverter.IsLittleEndian)
            return EvaluateAccelerated(MemoryMarshal.Cast<UInt128, Vector128<ulong>>(interleaved), x);
        UInt128 first = 0, second = 0;
        for (var i = 0; i < interleaved.Length; i += 2)
        {
            first = MultiplySmall(first, x) ^ interleaved[i];
            second = MultiplySmall(second, x) ^ interleaved[i + 1];
        }
        return (first, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (UInt128 First, UInt128 Second) EvaluateAccelerated(ReadOnlySpan<Vector128<ulong>> interleaved, ushort x)
    {
        var factor = Vector128.Create(x, 0x87UL);
        Vector128<ulong> first = default, second = default;
        for (var i = 0; i + 1 < interleaved.Length; i += 2)
        {
            var firstHigh = Pclmulqdq.CarrylessMultiply(first, factor, 0x01);
            var secondHigh = Pclmulqdq.CarrylessMultiply(second, factor, 0x01);
            first = Pclmulqdq.CarrylessMultiply(first, factor, 0x00) ^ Sse2.ShiftLeftLogical128BitLane(firstHigh, 8)
                ^ Pclmulqdq.CarrylessMultiply(firstHigh, factor, 0x11) ^ interleaved[i];
            second = Pclmulqdq.CarrylessMultiply(second, factor, 0x00) ^ Sse2.ShiftLeftLogical128BitLane(secondHigh, 8)
                ^ Pclmulqdq.CarrylessMultiply(secondHigh, factor, 0x11) ^ interleaved[i + 1];
        }
        return (new UInt128(first[1], first[0]), new UInt128(second[1], second[0]));
    }

    /// <summary>a^(2^128 - 2), the inverse of <paramref name="a"/>; 0 for 0.</summary>
    public static UInt128 Inverse(UInt128 a)
    {
        // Itoh and Tsujii (1988): b_k = a^(2^k - 1), with b_2k = b_k^(2^k) b_k and b_(k+1) = b_k^2 a; 127 = 1111111 in binary.
        var b = a;
        var k = 1;
        while (k < 127)
        {
            var doubled = b;
            for (var i = 0; i < k; i++)
                doubled = Multiply(doubled, doubled);
            b = Multiply(doubled, b);
            b = Multiply(Multiply(b, b), a);
            k = 2 * k + 1;
        }
        return Multiply(b, b);
    }

    /// <summary>Replaces every element by its inverse, at the price of one inversion (Montgomery's trick).</summary>
    /// <param name="elements">None may be 0.</param>
    public static void InvertAll(Span<UInt128> elements)
    {
        var prefixes = new UInt128[elements.Length];
        var product = UInt128.One;
        for (var i = 0; i < elements.Length; i++)
        {
            prefixes[i] = product;
            product = Multiply(product, elements[i]);
        }
        var inverse = Inverse(product);
        for (var i = elements.Length - 1; i >= 0; i--)
        {
            var element = elements[i];
            elements[i] = Multiply(inverse, prefixes[i]);
            inverse = Multiply(inverse, element);
        }
    }

    /// <summary>The product by PCLMULQDQ.</summary>
    /// <exception cref="PlatformNotSupportedException">Not <see cref="IsAccelerated"/>.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UInt128 MultiplyAccelerated(UInt128 a, UInt128 b)
    {
        var x = Vector128.Create((ulong)a, (ulong)(a >> 64));
        var y = Vector128.Create((ulong)b, (ulong)(b >> 64));
        var low = Pclmulqdq.CarrylessMultiply(x, y, 0x00);
        var high = Pclmulqdq.CarrylessMultiply(x, y, 0x11);
        var middle = Pclmulqdq.CarrylessMultiply(x, y, 0x01) ^ Pclmulqdq.CarrylessMultiply(x, y, 0x10);

        // Fold x^192.. then x^128.. : each 64-bit limb times x^7 + x^2 + x + 1, one limb lower twice.
        var polynomial = Vector128.Create(0x87UL, 0);
        high ^= Sse2.ShiftRightLogical128BitLane(middle, 8);
        low ^= Sse2.ShiftLeftLogical128BitLane(middle, 8);
        var top = Pclmulqdq.CarrylessMultiply(high, polynomial, 0x01);
        high ^= Sse2.ShiftRightLogical128BitLane(top, 8);
        low ^= Sse2.ShiftLeftLogical128BitLane(top, 8);
        low ^= Pclmulqdq.CarrylessMultiply(high, polynomial, 0x00);
        return new UInt128(low[1], low[0]);
    }

    /// <summary>The product with integer arithmetic only.</summary>
    public static UInt128 MultiplyPortable(UInt128 a, UInt128 b)
    {
        var (a0, a1) = ((ulong)a, (ulong)(a >> 64));
        var (b0, b1) = ((ulong)b, (ulong)(b >> 64));
        var (low0, low1) = Carryless(a0, b0);
        var (high0, high1) = Carryless(a1, b1);
        var (middle0, middle1) = Carryless(a0 ^ a1, b0 ^ b1);                  // Karatsuba
        middle0 ^= low0 ^ high0;
        middle1 ^= low1 ^ high1;
        low1 ^= middle0;
        high0 ^= middle1;

        var (top0, top1) = TimesPolynomial(high1);
        high0 ^= top1;
        low1 ^= top0;
        var (bottom0, bottom1) = TimesPolynomial(high0);
        return new UInt128(low1 ^ bottom1, low0 ^ bottom0);

        static (ulong Low, ulong High) TimesPolynomial(ulong x) =>
            (x ^ x << 1 ^ x << 2 ^ x << 7, x >> 63 ^ x >> 62 ^ x >> 57);
    }

    /// <summary>The 127-bit carry-less product of two 64-bit numbers.</summary>
    private static (ulong Low, ulong High) Carryless(ulong x, ulong y) =>
        (CarrylessLow(x, y), Reverse(CarrylessLow(Reverse(x), Reverse(y))) >> 1);

    /// <summary>Low 64 bits: operands split into four with three holes between bits, so that carries fall into the holes.</summary>
    private static ulong CarrylessLow(ulong x, ulong y)
    {
        const ulong M0 = 0x1111111111111111, M1 = M0 << 1, M2 = M0 << 2, M3 = M0 << 3;
        ulong x0 = x & M0, x1 = x & M1, x2 = x & M2, x3 = x & M3;
        ulong y0 = y & M0, y1 = y & M1, y2 = y & M2, y3 = y & M3;
        unchecked
        {
            var z0 = x0 * y0 ^ x1 * y3 ^ x2 * y2 ^ x3 * y1;
            var z1 = x0 * y1 ^ x1 * y0 ^ x2 * y3 ^ x3 * y2;
            var z2 = x0 * y2 ^ x1 * y1 ^ x2 * y0 ^ x3 * y3;
            var z3 = x0 * y3 ^ x1 * y2 ^ x2 * y1 ^ x3 * y0;
            return z0 & M0 | z1 & M1 | z2 & M2 | z3 & M3;
        }
    }

    private static ulong Reverse(ulong x)
    {
        x = (x & 0x5555555555555555) << 1 | x >> 1 & 0x5555555555555555;
        x = (x & 0x3333333333333333) << 2 | x >> 2 & 0x3333333333333333;
        x = (x & 0x0F0F0F0F0F0F0F0F) << 4 | x >> 4 & 0x0F0F0F0F0F0F0F0F;
        return BinaryPrimitives.ReverseEndianness(x);
    }
}
