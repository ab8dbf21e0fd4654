using System.Collections.Immutable;

namespace FedActors.Core.Identity;

/// <summary>
/// Bytes on a wire or in a journal: immutable, compared by value. Prints its length and never its content. The default
/// value is empty.
/// </summary>
public readonly struct ByteString : IEquatable<ByteString>
{
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <summary>Copies <paramref name="bytes"/>.</summary>
    public ByteString(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    private ByteString(ReadOnlyMemory<byte> owned) => _bytes = owned;

    public int Length => _bytes.Length;

    public ReadOnlySpan<byte> Span => _bytes.Span;

    /// <summary>The same bytes, for a writer that keeps them for a moment.</summary>
    public ReadOnlyMemory<byte> AsMemory() => _bytes;

    /// <summary>Takes <paramref name="owned"/> over without a copy: nobody may write to it from now on.</summary>
    public static ByteString Own(byte[] owned) => new(owned);

    /// <summary>Shares a part of an array: nobody may write to it from now on.</summary>
    public static ByteString Own(ReadOnlyMemory<byte> owned) => new(owned);

    /// <summary>Shares the array's memory.</summary>
    public static ByteString From(ImmutableArray<byte> bytes) => new(bytes.IsDefault ? default : bytes.AsMemory());

    public bool Equals(ByteString other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is ByteString other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public static bool operator ==(ByteString left, ByteString right) => left.Equals(right);

    public static bool operator !=(ByteString left, ByteString right) => !left.Equals(right);

    public override string ToString() => $"{Length} bytes";
}
