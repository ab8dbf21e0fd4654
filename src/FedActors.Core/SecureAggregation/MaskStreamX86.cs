using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace FedActors.Core.SecureAggregation;

//  Mask stream by AES-NI
//      The kernel of MaskStream: eight counter blocks in flight hide the latency of AESENC; the sum is fused, so that
//      the stream never reaches memory. The first two of the fourteen rounds are read from a table.
//  Source:   Gueron, "Intel AES New Instructions" (2010), for the key expansion and the interleaving; Bernstein and
//            Schwabe, "New AES software speed records" (INDOCRYPT 2008), for counter-mode caching.
//  Table:    after round 1 the last byte of the counter has touched the first column alone, which no other byte of
//            the counter touches while those before the last four are 0 (64 GiB of stream). Round 2 substitutes byte
//            by byte and then adds the columns up, so that it gives
//                R(counter) = R(counter with last byte 0) ^ R(last byte) ^ R(0).
//            Of each key the 256 values R(last byte) ^ R(0) are kept: 4 KiB, read in the order of the counter, which
//            is public, and wiped like the round keys.

internal static class MaskStreamX86
{
    private const int BlockSize = 16;
    private const int Rounds = 14;
    private const int Lanes = 8;
    private const int Table = 256;                                              // blocks that share all but a byte
    private const int Schedule = Rounds + 1 + Table;                            // of a key: round keys, then its table

    public static bool IsSupported => Aes.IsSupported && Ssse3.IsSupported && BitConverter.IsLittleEndian;

    /// <param name="tileSize">A multiple of 4 KiB.</param>
    public static void Apply(
        Span<byte> vector, int wordBits, ReadOnlySpan<byte> keys, ReadOnlySpan<bool> subtract, int tileSize)
    {
        using var expanded = new SecretBuffer(subtract.Length * Schedule * BlockSize);
        var schedules = MemoryMarshal.Cast<byte, Vector128<byte>>(expanded.Span);
        for (var i = 0; i < subtract.Length; i++)
            Expand(keys.Slice(i * MaskStream.KeySize, MaskStream.KeySize), schedules.Slice(i * Schedule, Schedule));

        for (var start = 0; start < vector.Length; start += tileSize)
        {
            var tile = vector[start..Math.Min(vector.Length, start + tileSize)];
            for (var i = 0; i < subtract.Length; i++)
            {
                var schedule = schedules.Slice(i * Schedule, Schedule);
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
        Span<Vector128<byte>> schedule = stackalloc Vector128<byte>[Schedule];
        Expand(key, schedule);
        Tile<StreamAlone>(stream, schedule, 0);
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(schedule));
    }

    /// <param name="block">Number of the first, a multiple of <see cref="Table"/>.</param>
    private static void Tile<TRing>(Span<byte> tile, ReadOnlySpan<Vector128<byte>> schedule, ulong block)
        where TRing : struct, IRing
    {
        for (var start = 0; start < tile.Length; start += Table * BlockSize)
        {
            var part = tile[start..Math.Min(tile.Length, start + Table * BlockSize)];
            Blocks<TRing>(part, schedule, TwoRounds(block + (ulong)start / BlockSize, schedule));
        }
    }

    /// <param name="part">At most as many blocks as the table has; in the first, the counter's last byte is 0.</param>
    /// <param name="first">R of the first.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Blocks<TRing>(Span<byte> part, ReadOnlySpan<Vector128<byte>> schedule, Vector128<byte> first)
        where TRing : struct, IRing
    {
        ref var keys = ref MemoryMarshal.GetReference(schedule);
        ref var table = ref Unsafe.Add(ref keys, Rounds + 1);
        ref var at = ref MemoryMarshal.GetReference(part);
        var left = part.Length;
        for (; left >= Lanes * BlockSize; left -= Lanes * BlockSize)
        {
            var s0 = first ^ table;
            var s1 = first ^ Unsafe.Add(ref table, 1);
            var s2 = first ^ Unsafe.Add(ref table, 2);
            var s3 = first ^ Unsafe.Add(ref table, 3);
            var s4 = first ^ Unsafe.Add(ref table, 4);
            var s5 = first ^ Unsafe.Add(ref table, 5);
            var s6 = first ^ Unsafe.Add(ref table, 6);
            var s7 = first ^ Unsafe.Add(ref table, 7);
            Vector128<byte> key;
            for (var round = 3; round < Rounds; round++)
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
            table = ref Unsafe.Add(ref table, Lanes);
        }
        Span<byte> last = stackalloc byte[BlockSize];
        for (var rest = part[^left..]; rest.Length > 0; rest = rest[Math.Min(BlockSize, rest.Length)..])
        {
            var state = first ^ table;
            for (var round = 3; round < Rounds; round++)
                state = Aes.Encrypt(state, Unsafe.Add(ref keys, round));
            Aes.EncryptLast(state, Unsafe.Add(ref keys, Rounds)).CopyTo(last);
            table = ref Unsafe.Add(ref table, 1);
            var some = rest[..Math.Min(BlockSize, rest.Length)];
            MaskStream.AddWords(some, last[..some.Length], TRing.WordBits, TRing.Subtracts);
        }
        last.Clear();
    }

    /// <summary>R: the state of a counter block after its first two rounds.</summary>
    private static Vector128<byte> TwoRounds(ulong block, ReadOnlySpan<Vector128<byte>> keys)
    {
        var counter = Vector128.Create(0UL, BinaryPrimitives.ReverseEndianness(block)).AsByte();
        return Aes.Encrypt(Aes.Encrypt(counter ^ keys[0], keys[1]), keys[2]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine<TRing>(ref byte at, int lane, Vector128<byte> stream) where TRing : struct, IRing
    {
        ref var here = ref Unsafe.Add(ref at, lane * BlockSize);
        TRing.Combine(Vector128.LoadUnsafe(ref here), stream).StoreUnsafe(ref here);
    }

    /// <summary>The key schedule of AES-256: fifteen round keys, and behind them the table.</summary>
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
        Next(ref even, ref odd, Aes.KeygenAssist(odd, 0x40), schedule[14..(Rounds + 1)]);
        var zero = TwoRounds(0, schedule);
        for (var last = 0; last < Table; last++)
            schedule[Rounds + 1 + last] = TwoRounds((ulong)last, schedule) ^ zero;
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
