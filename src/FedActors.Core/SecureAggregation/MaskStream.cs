using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace FedActors.Core.SecureAggregation;

//  Mask stream
//      Expands a 32-byte key to as many uniform residues mod 2^w as a vector has, and adds them to it or subtracts
//      them.
//  Source:   AES-256 (FIPS 197) in counter mode (SP 800-38A 6.5), zero IV, 128-bit big-endian counter from 0; the
//            stream is read as little-endian w-bit words. The same bits as `openssl enc -aes-256-ctr` with that IV.
//  Size:     any number of words; one key, one vector: a key that masks twice hides nothing.
//  Speed:    AES instructions on eight blocks at a time, two of the fourteen rounds from a table, 16 KiB of the vector
//            for all keys before the next (it is read once); elsewhere the platform's AES over counter blocks, with the
//            same bits.
//  Proof:    MaskStream.md

/// <summary>Adds and removes masks.</summary>
public static class MaskStream
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 32;

    private const int BlockSize = 16;
    private const int TileSize = 16 * 1024;
    private const int KeysAtOnce = 64;

    /// <summary>Whether the AES instructions are used here.</summary>
    public static bool IsAccelerated => MaskStreamX86.IsSupported;

    /// <summary>vector ± stream(key) for every key, mod 2^<paramref name="wordBits"/>.</summary>
    /// <param name="vector">Little-endian words; changed in place.</param>
    /// <param name="wordBits">32 or 64.</param>
    /// <param name="keys">32 bytes each, one after the other.</param>
    /// <param name="subtract">For each key whether its stream is subtracted.</param>
    /// <exception cref="ArgumentException">A length does not fit, or the word size is neither.</exception>
    public static void Apply(Span<byte> vector, int wordBits, ReadOnlySpan<byte> keys, ReadOnlySpan<bool> subtract) =>
        Apply(vector, wordBits, keys, subtract, MaskStreamX86.IsSupported);

    /// <summary>
    /// The same with the choice of path: <paramref name="accelerated"/> needs <see cref="IsAccelerated"/>.
    /// </summary>
    public static void Apply(
        Span<byte> vector, int wordBits, ReadOnlySpan<byte> keys, ReadOnlySpan<bool> subtract, bool accelerated)
    {
        if (wordBits is not (32 or 64) || vector.Length % (wordBits / 8) != 0)
            throw new ArgumentException($"{vector.Length} bytes are not words of {wordBits} bits, 32 or 64.",
                nameof(wordBits));
        if (keys.Length != subtract.Length * KeySize)
            throw new ArgumentException($"{subtract.Length} keys have {KeySize} bytes each.", nameof(keys));
        for (var first = 0; first < subtract.Length; first += KeysAtOnce)
        {
            var count = Math.Min(KeysAtOnce, subtract.Length - first);
            var some = keys.Slice(first * KeySize, count * KeySize);
            if (accelerated)
                MaskStreamX86.Apply(vector, wordBits, some, subtract.Slice(first, count), TileSize);
            else
                ApplyPortable(vector, wordBits, some, subtract.Slice(first, count));
        }
    }

    /// <summary>The stream of a key itself.</summary>
    /// <param name="stream">A multiple of 128 bytes; overwritten.</param>
    /// <param name="key">32 bytes.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    internal static void Generate(Span<byte> stream, ReadOnlySpan<byte> key) =>
        Generate(stream, key, MaskStreamX86.IsSupported);

    internal static void Generate(Span<byte> stream, ReadOnlySpan<byte> key, bool accelerated)
    {
        if (stream.Length % 128 != 0 || key.Length != KeySize)
            throw new ArgumentException($"A stream of {stream.Length} bytes is no multiple of 128, or {key.Length} "
                + $"bytes are no key of {KeySize}.", nameof(stream));
        if (accelerated)
        {
            MaskStreamX86.Generate(stream, key);
            return;
        }
        stream.Clear();
        ApplyPortable(stream, 64, key, [false]);
    }

    /// <summary>The reference: the platform's AES over blocks that count.</summary>
    private static void ApplyPortable(
        Span<byte> vector, int wordBits, ReadOnlySpan<byte> keys, ReadOnlySpan<bool> subtract)
    {
        var ciphers = new Aes[subtract.Length];
        using var stream = new SecretBuffer(TileSize);
        var counters = new byte[TileSize];
        try
        {
            for (var i = 0; i < ciphers.Length; i++)
            {
                ciphers[i] = Aes.Create();
                ciphers[i].SetKey(keys.Slice(i * KeySize, KeySize));
            }
            for (var start = 0; start < vector.Length; start += TileSize)
            {
                var tile = vector[start..Math.Min(vector.Length, start + TileSize)];
                var used = (tile.Length + BlockSize - 1) / BlockSize * BlockSize;
                for (var at = 0; at < used; at += BlockSize)
                    BinaryPrimitives.WriteUInt128BigEndian(counters.AsSpan(at), (UInt128)((start + at) / BlockSize));
                for (var i = 0; i < ciphers.Length; i++)
                {
                    ciphers[i].EncryptEcb(counters.AsSpan(0, used), stream.Span, PaddingMode.None);
                    AddWords(tile, stream.Span[..tile.Length], wordBits, subtract[i]);
                }
            }
        }
        finally
        {
            foreach (var cipher in ciphers)
                cipher?.Dispose();
        }
    }

    /// <summary>vector += other, mod 2^<paramref name="wordBits"/>: how masked uploads are summed.</summary>
    /// <param name="vector">Little-endian words; changed in place.</param>
    /// <param name="other">As long.</param>
    /// <exception cref="ArgumentException">Lengths differ, or are not whole words.</exception>
    public static void Add(Span<byte> vector, ReadOnlySpan<byte> other, int wordBits)
    {
        if (vector.Length != other.Length || wordBits is not (32 or 64) || vector.Length % (wordBits / 8) != 0)
            throw new ArgumentException("Vectors that are added are equally long and made of whole words.",
                nameof(other));
        AddWords(vector, other, wordBits, subtract: false);
    }

    internal static void AddWords(Span<byte> vector, ReadOnlySpan<byte> other, int wordBits, bool subtract)
    {
        var done = 0;
        if (BitConverter.IsLittleEndian)
        {
            var wide = MemoryMarshal.Cast<byte, Vector512<byte>>(vector);
            var addend = MemoryMarshal.Cast<byte, Vector512<byte>>(other);
            switch (wordBits, subtract)
            {
                case (32, false):
                    for (var i = 0; i < wide.Length; i++)
                        wide[i] = (wide[i].AsUInt32() + addend[i].AsUInt32()).AsByte();
                    break;
                case (32, true):
                    for (var i = 0; i < wide.Length; i++)
                        wide[i] = (wide[i].AsUInt32() - addend[i].AsUInt32()).AsByte();
                    break;
                case (_, false):
                    for (var i = 0; i < wide.Length; i++)
                        wide[i] = (wide[i].AsUInt64() + addend[i].AsUInt64()).AsByte();
                    break;
                default:
                    for (var i = 0; i < wide.Length; i++)
                        wide[i] = (wide[i].AsUInt64() - addend[i].AsUInt64()).AsByte();
                    break;
            }
            done = wide.Length * Vector512<byte>.Count;
        }
        var sign = subtract ? -1L : 1L;
        unchecked
        {
            for (; done < vector.Length && wordBits == 32; done += 4)
                BinaryPrimitives.WriteUInt32LittleEndian(vector[done..],
                    BinaryPrimitives.ReadUInt32LittleEndian(vector[done..])
                    + (uint)sign * BinaryPrimitives.ReadUInt32LittleEndian(other[done..]));
            for (; done < vector.Length; done += 8)
                BinaryPrimitives.WriteUInt64LittleEndian(vector[done..],
                    BinaryPrimitives.ReadUInt64LittleEndian(vector[done..])
                    + (ulong)sign * BinaryPrimitives.ReadUInt64LittleEndian(other[done..]));
        }
    }
}
