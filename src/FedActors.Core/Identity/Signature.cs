using System.Runtime.CompilerServices;

namespace FedActors.Core.Identity;

/// <summary>An ECDSA P-256 signature, r || s (IEEE P1363), 64 bytes. Compares by value.</summary>
public readonly record struct Signature
{
    public const int Size = 64;

    private readonly ByteString _bytes;

    /// <exception cref="ArgumentException">Not 64 bytes.</exception>
    public Signature(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"A signature has {Size} bytes, not {bytes.Length}.", nameof(bytes));
        _bytes = new ByteString(bytes);
    }

    /// <summary>64 bytes, or none for the default value, which no key verifies.</summary>
    public ReadOnlySpan<byte> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _bytes.Span;
    }

    public override string ToString() => "signature";
}
