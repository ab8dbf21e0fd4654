using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace FedActors.Core.SecureAggregation;

//  Mask stream by AES-NI
//      The kernel of MaskStream: eight counter blocks in flight hide the latency of AESENC; the sum is fused, so that
//      the stream never reaches memory.
//  Source:   Gueron, "Intel AES New Instructions" (2010), for the key expansion and the interleaving.

internal static class MaskStreamX86
{
    private const int BlockSize = 16;
    private const int Rounds = 14;
    private const int Lanes = 8;

    public static bool IsSupported => Aes.IsSupported && Ssse3.IsSupported && BitConverter.IsLittleEndian;

    /// <param name="tileSize">A multiple of 128 bytes.</param>
    public static void Apply(
        Span<byte> vector, int wordBits, ReadOnlySpan<byte> keys, ReadOnlySpan<bool> subtract, int tileSize)
    {
        using var expanded = new SecretBuffer(subtract.Length * (Rounds + 1) * BlockSize);
        var schedules = MemoryMarshal.Cast<byte, Vector128<byte>>(expanded.Span);
        for (var i = 0; i < subtract.Length; i++)
            Expand(keys.Slice(i * MaskStream.KeySize, MaskStream.KeySize),
                schedules.Slice(i * (Rounds + 1), Rounds + 1));

        for (var start = 0; start < vector.Length; start += tileSize)
        {
            var tile = vector[start..Math.Min(vector.Length, start + tileSize)];
            for (var i = 0; i < subtract.Length; i++)
            {
                var schedule = schedules.Slice(i * (Rounds + 1), Rounds + 1);
                var block = (ulong)start / BlockSize;
                switch (wordBits, subtract[i])
                {
                    case (32, false): Tile<Add32>(tile, schedule, block); break;
                    case (32, true): Tile<Subtract32>(tile, schedule, block); break;
                    case (_, false): Tile<Add64>(tile, schedule, block); break;
                    default: Tile<Subtract64>(tile, schedule, block); break;
                }
            }
        }
    }

    /// <param name="stream">A multiple of 128 bytes; overwritten.</param>
    public static void Generate(Span<byte> stream, ReadOnlySpan<byte> key)
    {
        Span<Vector128<byte>> schedule = stackalloc Vector128<byte>[Rounds + 1];
        Expand(key, schedule);
        Tile<StreamAlone>(stream, schedule, 0);
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(schedule));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TRing>(Span<byte> tile, ReadOnlySpan<Vector128<byte>> schedule, ulong block)
        where TRing : struct, IRing
    {
        ref var keys = ref MemoryMarshal.GetReference(schedule);
        ref var at = ref MemoryMarshal.GetReference(tile);
        // The low half of the counter stays 0 in memory order; the block number lies in the high half, to be
        // byte-swapped.
        var bigEndian = Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 15, 14, 13, 12, 11, 10, 9, 8);
        var one = Vector128.Create(0UL, 1UL);
        var counter = Vector128.Create(0UL, block);
        var left = tile.Length;
        for (; left >= Lanes * BlockSize; left -= Lanes * BlockSize)
        {
            var key = keys;
            var s0 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            var s1 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            var s2 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            var s3 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            var s4 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            var s5 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            var s6 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            var s7 = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ key;
            counter += one;
            for (var round = 1; round < Rounds; round++)
            {
                key = Unsafe.Add(ref keys, round);
                s0 = Aes.Encrypt(s0, key);
                s1 = Aes.Encrypt(s1, key);
                s2 = Aes.Encrypt(s2, key);
                s3 = Aes.Encrypt(s3, key);
                s4 = Aes.Encrypt(s4, key);
                s5 = Aes.Encrypt(s5, key);
                s6 = Aes.Encrypt(s6, key);
                s7 = Aes.Encrypt(s7, key);
            }
            key = Unsafe.Add(ref keys, Rounds);
            Combine<TRing>(ref at, 0, Aes.EncryptLast(s0, key));
            Combine<TRing>(ref at, 1, Aes.EncryptLast(s1, key));
            Combine<TRing>(ref at, 2, Aes.EncryptLast(s2, key));
            Combine<TRing>(ref at, 3, Aes.EncryptLast(s3, key));
            Combine<TRing>(ref at, 4, Aes.EncryptLast(s4, key));
            Combine<TRing>(ref at, 5, Aes.EncryptLast(s5, key));
            Combine<TRing>(ref at, 6, Aes.EncryptLast(s6, key));
            Combine<TRing>(ref at, 7, Aes.EncryptLast(s7, key));
            at = ref Unsafe.Add(ref at, Lanes * BlockSize);
        }
        Span<byte> last = stackalloc byte[BlockSize];
        for (var rest = tile[^left..]; rest.Length > 0; rest = rest[Math.Min(BlockSize, rest.Length)..])
        {
            var state = Ssse3.Shuffle(counter.AsByte(), bigEndian) ^ keys;
            for (var round = 1; round < Rounds; round++)
                state = Aes.Encrypt(state, Unsafe.Add(ref keys, round));
            Aes.EncryptLast(state, Unsafe.Add(ref keys, Rounds)).CopyTo(last);
            counter += one;
            var part = rest[..Math.Min(BlockSize, rest.Length)];
            MaskStream.AddWords(part, last[..part.Length], TRing.WordBits, TRing.Subtracts);
        }
        last.Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<TRing>(ref byte at, int lane, Vector128<byte> stream) where TRing : struct, IRing
    {
        ref var here = ref Unsafe.Add(ref at, lane * BlockSize);
        TRing.Combine(Vector128.LoadUnsafe(ref here), stream).StoreUnsafe(ref here);
    }

    /// <summary>The key schedule of AES-256: fifteen round keys.</summary>
    private static void Expand(ReadOnlySpan<byte> key, Span<Vector128<byte>> schedule)
    {
        var even = Vector128.Create(key[..16]);
        var odd = Vector128.Create(key[16..]);
        schedule[0] = even;
        schedule[1] = odd;
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x01), schedule[2..]);
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x02), schedule[4..]);
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x04), schedule[6..]);
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x08), schedule[8..]);
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x10), schedule[10..]);
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x20), schedule[12..]);
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x40), schedule[14..]);
    }

    private static void Next(
        ref Vector128<byte> even, ref Vector128<byte> odd, Vector128<byte> assist, Span<Vector128<byte>> schedule)
    {
        even = Spread(even) ^ Sse2.Shuffle(assist.AsUInt32(), 0xFF).AsByte();
        schedule[0] = even;
        if (schedule.Length == 1)
            return;
        odd = Spread(odd) ^ Sse2.Shuffle(Aes.KeygenAssist(even, 0).AsUInt32(), 0xAA).AsByte();
        schedule[1] = odd;
    }

    /// <summary>Each 32-bit word XORed with all words before it.</summary>
    private static Vector128<byte> Spread(Vector128<byte> words)
    {
        words ^= Sse2.ShiftLeftLogical128BitLane(words, 4);
        return words ^ Sse2.ShiftLeftLogical128BitLane(words, 8);
    }

    private interface IRing
    {
        static abstract int WordBits { get; }

        static abstract bool Subtracts { get; }

        static abstract Vector128<byte> Combine(Vector128<byte> vector, Vector128<byte> stream);
    }

    private readonly struct Add32 : IRing
    {
        public static int WordBits => 32;

        public static bool Subtracts => false;

        public static Vector128<byte> Combine(Vector128<byte> vector, Vector128<byte> stream) =>
            (vector.AsUInt32() + stream.AsUInt32()).AsByte();
    }

    private readonly struct Subtract32 : IRing
    {
        public static int WordBits => 32;

        public static bool Subtracts => true;

        public static Vector128<byte> Combine(Vector128<byte> vector, Vector128<byte> stream) =>
            (vector.AsUInt32() - stream.AsUInt32()).AsByte();
    }

    private readonly struct Add64 : IRing
    {
        public static int WordBits => 64;

        public static bool Subtracts => false;

        public static Vector128<byte> Combine(Vector128<byte> vector, Vector128<byte> stream) =>
            (vector.AsUInt64() + stream.AsUInt64()).AsByte();
    }

    private readonly struct Subtract64 : IRing
    {
        public static int WordBits => 64;

        public static bool Subtracts => true;

        public static Vector128<byte> Combine(Vector128<byte> vector, Vector128<byte> stream) =>
            (vector.AsUInt64() - stream.AsUInt64()).AsByte();
    }

    // Whole blocks of the stream only: nothing is added to what was there.
    private readonly struct StreamAlone : IRing
    {
        public static int WordBits => 64;

        public static bool Subtracts => false;

        public static Vector128<byte> Combine(Vector128<byte> vector, Vector128<byte> stream) => stream;
    }
}
