using System.Security.Cryptography;

namespace FedActors.Core.SecureAggregation;

//  Correction of wrong shares
//      Shares of one secret are a Reed-Solomon codeword; with m shares of threshold t, up to floor((m - t) / 2) wrong ones
//      are found and the secret still comes out.
//  Source:   Gao, "A new algorithm for decoding Reed-Solomon codes" (2003); same radius as Welch and Berlekamp (1986).
//  Cost:     O(m^2) products; used only after a commitment did not match.
//  Errors:   beyond the radius there is no answer, or one that the commitment unmasks.

/// <summary>Finds the secret behind shares of which some are wrong.</summary>
public static class ShareDecoder
{
    /// <summary>Shares that may be wrong and the secret still be found.</summary>
    public static int Radius(int shares, int threshold) => Math.Max(0, (shares - threshold) / 2);

    /// <param name="positions">Distinct, not 0; m of them, at least <paramref name="threshold"/>.</param>
    /// <param name="shares">32 bytes each, in that order.</param>
    /// <param name="threshold">Shares that determine the secret.</param>
    /// <param name="secret">32 bytes; the secret where the answer is true.</param>
    /// <param name="wrong">For each share whether it is off the polynomial that was found.</param>
    /// <returns>False where no polynomial of that degree is near enough.</returns>
    public static bool TryDecode(
        ReadOnlySpan<ushort> positions, ReadOnlySpan<byte> shares, int threshold, Span<byte> secret, Span<bool> wrong)
    {
        if (positions.Length < threshold || shares.Length != positions.Length * ShamirSecretSharing.Size)
            throw new ArgumentException("At least threshold shares, one for each position.", nameof(shares));
        wrong.Clear();
        var values = new UInt128[positions.Length];
        for (var element = 0; element < 2; element++)
        {
            var offset = element * BinaryField128.Size;
            for (var i = 0; i < values.Length; i++)
                values[i] = BinaryField128.Read(shares[(i * ShamirSecretSharing.Size + offset)..]);
            if (Decode(positions, values, threshold) is not { } polynomial)
                return false;
            BinaryField128.Write(secret[offset..], polynomial.Length == 0 ? 0 : polynomial[0]);
            for (var i = 0; i < values.Length; i++)
                wrong[i] |= Evaluate(polynomial, positions[i]) != values[i];
            Wipe(polynomial);
        }
        Wipe(values);
        return wrong.Count(true) <= Radius(positions.Length, threshold);
    }

    /// <summary>Gao's three steps: interpolate, a partial extended Euclid, divide. Coefficients lowest first; null if too far.</summary>
    private static UInt128[]? Decode(ReadOnlySpan<ushort> positions, UInt128[] values, int threshold)
    {
        var m = positions.Length;
        UInt128[] all = [1];                                                    // product of (x + x_i)
        foreach (var position in positions)
            all = TimesLinear(all, position);
        var interpolated = Interpolate(positions, values);

        UInt128[] r0 = all, r1 = interpolated, v0 = [], v1 = [1];
        while (2 * Degree(r1) >= m + threshold)
        {
            var (quotient, remainder) = Divide(r0, r1);
            (r0, r1) = (r1, remainder);
            (v0, v1) = (v1, Add(v0, Multiply(quotient, v1)));
        }
        var (polynomial, rest) = Divide(r1, v1);
        return Degree(rest) < 0 && Degree(polynomial) < threshold ? polynomial : null;
    }

    /// <summary>Newton's divided differences, O(m^2).</summary>
    private static UInt128[] Interpolate(ReadOnlySpan<ushort> positions, UInt128[] values)
    {
        UInt128[] result = [], basis = [1];
        for (var i = 0; i < values.Length; i++)
        {
            var scale = BinaryField128.Multiply(
                values[i] ^ Evaluate(result, positions[i]), BinaryField128.Inverse(Evaluate(basis, positions[i])));
            result = Add(result, Array.ConvertAll(basis, coefficient => BinaryField128.Multiply(coefficient, scale)));
            basis = TimesLinear(basis, positions[i]);
        }
        return result;
    }

    private static UInt128 Evaluate(ReadOnlySpan<UInt128> polynomial, ushort x)
    {
        UInt128 value = 0;
        for (var i = polynomial.Length - 1; i >= 0; i--)
            value = BinaryField128.MultiplySmall(value, x) ^ polynomial[i];
        return value;
    }

    private static int Degree(UInt128[] polynomial) => Array.FindLastIndex(polynomial, coefficient => coefficient != 0);

    private static UInt128[] TimesLinear(UInt128[] polynomial, ushort root)
    {
        var product = new UInt128[polynomial.Length + 1];
        for (var i = 0; i < polynomial.Length; i++)
        {
            product[i + 1] ^= polynomial[i];
            product[i] ^= BinaryField128.MultiplySmall(polynomial[i], root);
        }
        return product;
    }

    private static UInt128[] Add(UInt128[] a, UInt128[] b)
    {
        var sum = new UInt128[Math.Max(a.Length, b.Length)];
        for (var i = 0; i < sum.Length; i++)
            sum[i] = (i < a.Length ? a[i] : 0) ^ (i < b.Length ? b[i] : 0);
        return sum;
    }

    private static UInt128[] Multiply(UInt128[] a, UInt128[] b)
    {
        if (a.Length == 0 || b.Length == 0)
            return [];
        var product = new UInt128[a.Length + b.Length - 1];
        for (var i = 0; i < a.Length; i++)
            for (var j = 0; j < b.Length; j++)
                product[i + j] ^= BinaryField128.Multiply(a[i], b[j]);
        return product;
    }

    private static (UInt128[] Quotient, UInt128[] Remainder) Divide(UInt128[] a, UInt128[] b)
    {
        var degree = Degree(b);
        var remainder = (UInt128[])a.Clone();
        var quotient = new UInt128[Math.Max(0, Degree(a) - degree + 1)];
        var inverse = BinaryField128.Inverse(b[degree]);
        for (var i = quotient.Length - 1; i >= 0; i--)
        {
            quotient[i] = BinaryField128.Multiply(remainder[i + degree], inverse);
            for (var j = 0; j <= degree; j++)
                remainder[i + j] ^= BinaryField128.Multiply(quotient[i], b[j]);
        }
        return (quotient, remainder[..Math.Max(0, Degree(remainder) + 1)]);
    }

    private static void Wipe(UInt128[] elements) =>
        CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(elements.AsSpan()));
}
