using System.Buffers.Binary;
using System.Security.Cryptography;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>Repeatable bytes: SHA-256 of a seed and a counter. Remembers what it gave, so that a test can look for it.</summary>
internal sealed class TestRandom(long seed) : IRandomSource
{
    private long _counter;

    public List<byte[]> Drawn { get; } = [];

    public void Fill(Span<byte> bytes)
    {
        Span<byte> input = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(input, seed);
        Span<byte> block = stackalloc byte[32];
        for (var at = 0; at < bytes.Length; at += block.Length)
        {
            BinaryPrimitives.WriteInt64BigEndian(input[8..], _counter++);
            SHA256.HashData(input, block);
            block[..Math.Min(block.Length, bytes.Length - at)].CopyTo(bytes[at..]);
        }
        Drawn.Add(bytes.ToArray());
    }

    public byte[] Next(int length)
    {
        var bytes = new byte[length];
        Fill(bytes);
        return bytes;
    }

    public int Below(int bound) => (int)(BinaryPrimitives.ReadUInt32BigEndian(Next(4)) % (uint)bound);
}
