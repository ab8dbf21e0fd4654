using System.Runtime.InteropServices;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Privacy;

/// <summary>Fast repeatable bits for goodness-of-fit tests, and nowhere else.</summary>
internal sealed class SeededSource(ulong seed) : IRandomSource
{
    private readonly SplitMix64 _stream = new(seed);

    public void Fill(Span<byte> bytes)
    {
        foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            word = _stream.NextUInt64();
        for (var i = bytes.Length - bytes.Length % 8; i < bytes.Length; i++)
            bytes[i] = (byte)_stream.NextUInt64();
    }
}
