using System.Runtime.InteropServices;
using FedActors.Core.Numerics;

namespace FedActors.Core.SecureAggregation;

//  Shamir's secret sharing
//      A 32-byte secret becomes one 32-byte share per holder; any `threshold` shares give it back, fewer say nothing about it.
//  Source:   Shamir, CACM 22 (1979), over GF(2^128), two elements a secret; holder i has the point x = i, 1 to 65,535.
//  Size:     32 bytes a share; (threshold - 1) * 32 random bytes a secret.
//  Cost:     splitting n * t * 2 products with a small factor; combining t^2 once per set of holders, then 2t a secret.
//  Errors:   a wrong share gives a wrong secret: the caller checks against a commitment, and `ShareDecoder` corrects.
//  Proof:    ShamirSecretSharing.md

/// <summary>Splits secrets; <see cref="ShareCombiner"/> puts them together.</summary>
public static class ShamirSecretSharing
{
    /// <summary>Bytes of a secret and of a share.</summary>
    public const int Size = 2 * BinaryField128.Size;

    /// <summary>The largest number of holders: positions are 16-bit.</summary>
    public const int MaxHolders = ushort.MaxValue;

    /// <summary>Splits <paramref name="secret"/>; the share at index i belongs to position i + 1.</summary>
    /// <param name="secret">32 bytes.</param>
    /// <param name="threshold">Shares that give the secret back: 1 to the number of holders.</param>
    /// <param name="random">Draws the coefficients; with a source that can be guessed, one share tells the secret.</param>
    /// <param name="shares">32 bytes for each holder; overwritten.</param>
    /// <exception cref="ArgumentException">A length does not fit, or the threshold is out of range.</exception>
    public static void Split(ReadOnlySpan<byte> secret, int threshold, IRandomSource random, Span<byte> shares)
    {
        var holders = shares.Length / Size;
        if (secret.Length != Size || shares.Length != holders * Size || holders > MaxHolders)
            throw new ArgumentException($"A secret has {Size} bytes, and so has each share.", nameof(shares));
        if (threshold < 1 || threshold > holders)
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, $"1 to the number of holders, {holders}.");

        using var drawn = new SecretBuffer((threshold - 1) * Size);
        random.Fill(drawn.Span);
        using var coefficients = new SecretBuffer(threshold * Size);
        var polynomial = MemoryMarshal.Cast<byte, UInt128>(coefficients.Span);         // highest power first, two interleaved
        for (var i = 0; i < drawn.Length; i += BinaryField128.Size)
            polynomial[i / BinaryField128.Size] = BinaryField128.Read(drawn.Span[i..]);
        polynomial[^2] = BinaryField128.Read(secret);
        polynomial[^1] = BinaryField128.Read(secret[BinaryField128.Size..]);

        for (var holder = 0; holder < holders; holder++)
        {
            var (first, second) = BinaryField128.Evaluate(polynomial, (ushort)(holder + 1));
            BinaryField128.Write(shares[(holder * Size)..], first);
            BinaryField128.Write(shares[(holder * Size + BinaryField128.Size)..], second);
        }
    }
}

/// <summary>Combines the shares of one set of holders: the Lagrange coefficients are computed once for any number of secrets.</summary>
public sealed class ShareCombiner
{
    private readonly UInt128[] _coefficients;

    /// <param name="positions">Whose shares will be given, each 1 to 65,535 and none twice; as many as the threshold.</param>
    /// <exception cref="ArgumentException">A position is 0 or appears twice.</exception>
    public ShareCombiner(ReadOnlySpan<ushort> positions)
    {
        // lambda_i = product over j != i of x_j / (x_j + x_i): the value at 0 of the Lagrange polynomial of x_i.
        var n = positions.Length;
        _coefficients = new UInt128[n];
        var denominators = new UInt128[n];
        for (var i = 0; i < n; i++)
        {
            UInt128 numerator = 1, denominator = 1;
            for (var j = 0; j < n; j++)
            {
                if (j == i)
                    continue;
                if (positions[j] == 0 || positions[i] == positions[j])
                    throw new ArgumentException("Positions of shares are distinct and not 0.", nameof(positions));
                numerator = BinaryField128.MultiplySmall(numerator, positions[j]);
                denominator = BinaryField128.MultiplySmall(denominator, (ushort)(positions[i] ^ positions[j]));
            }
            (_coefficients[i], denominators[i]) = (numerator, denominator);
        }
        BinaryField128.InvertAll(denominators);
        for (var i = 0; i < n; i++)
            _coefficients[i] = BinaryField128.Multiply(_coefficients[i], denominators[i]);
    }

    /// <summary>Shares a secret is combined from.</summary>
    public int Count => _coefficients.Length;

    /// <param name="shares">32 bytes each, in the order of the positions.</param>
    /// <param name="secret">32 bytes; overwritten. Right only if every share is.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public void Combine(ReadOnlySpan<byte> shares, Span<byte> secret)
    {
        if (shares.Length != Count * ShamirSecretSharing.Size || secret.Length != ShamirSecretSharing.Size)
            throw new ArgumentException($"{Count} shares of {ShamirSecretSharing.Size} bytes give one secret of that size.", nameof(shares));
        UInt128 first = 0, second = 0;
        for (var i = 0; i < Count; i++)
        {
            var share = shares[(i * ShamirSecretSharing.Size)..];
            first ^= BinaryField128.Multiply(_coefficients[i], BinaryField128.Read(share));
            second ^= BinaryField128.Multiply(_coefficients[i], BinaryField128.Read(share[BinaryField128.Size..]));
        }
        BinaryField128.Write(secret, first);
        BinaryField128.Write(secret[BinaryField128.Size..], second);
    }
}
