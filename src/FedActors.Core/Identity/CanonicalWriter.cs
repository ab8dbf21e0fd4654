using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace FedActors.Core.Identity;

//  Canonical encoding
//      The one byte form of everything that is signed or hashed: a sequence of fields, each u32 big-endian length || bytes,
//      the first an ASCII label that names the structure and its version.
//  Why:      injective (no two different field lists give the same bytes) and owned by us; a serializer's output is neither.
//  Numbers:  u32, u64: big-endian. f64: IEEE 754 bits, big-endian. Text: UTF-8.
//  Lists:    a u32 count, then the items' fields.

/// <summary>Writes one structure in canonical encoding and takes its SHA-256 as it goes.</summary>
public sealed class CanonicalWriter : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly MemoryStream? _kept;

    /// <param name="label">ASCII, e.g. <c>FA/adv/v1</c>.</param>
    /// <param name="keep">Keep the bytes for <see cref="ToArray"/>.</param>
    public CanonicalWriter(string label, bool keep = false)
    {
        if (label.Length == 0 || !Ascii.IsValid(label))
            throw new ArgumentException("A label is ASCII and not empty.", nameof(label));
        _kept = keep ? new MemoryStream() : null;
        Text(label);
    }

    public CanonicalWriter Bytes(ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        Append(length);
        Append(bytes);
        return this;
    }

    public CanonicalWriter Bytes(ByteString bytes) => Bytes(bytes.Span);

    public CanonicalWriter Text(string text)
    {
        Span<byte> buffer = stackalloc byte[256];
        return Encoding.UTF8.TryGetBytes(text, buffer, out var written)
            ? Bytes(buffer[..written])
            : Bytes(Encoding.UTF8.GetBytes(text));
    }

    public CanonicalWriter Hospital(HospitalId hospital) => Text(hospital.ToString());

    public CanonicalWriter Digest(Digest digest)
    {
        Span<byte> bytes = stackalloc byte[Identity.Digest.Size];
        digest.CopyTo(bytes);
        return Bytes(bytes);
    }

    /// <exception cref="OverflowException">Negative.</exception>
    public CanonicalWriter UInt32(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, checked((uint)value));
        return Bytes(bytes);
    }

    /// <exception cref="OverflowException">Negative.</exception>
    public CanonicalWriter UInt64(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, checked((ulong)value));
        return Bytes(bytes);
    }

    public CanonicalWriter Double(double value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        return Bytes(bytes);
    }

    /// <summary>Count, then the names in the order given.</summary>
    public CanonicalWriter Hospitals(IReadOnlyCollection<HospitalId> hospitals)
    {
        UInt32(hospitals.Count);
        foreach (var hospital in hospitals)
            Hospital(hospital);
        return this;
    }

    /// <summary>The SHA-256 of what was written so far.</summary>
    public Digest Hash()
    {
        Span<byte> hash = stackalloc byte[Identity.Digest.Size];
        _hash.GetCurrentHash(hash);
        return new Digest(hash);
    }

    /// <summary><see cref="Hash"/>, and the end of this writer.</summary>
    public Digest Seal()
    {
        using (this)
            return Hash();
    }

    /// <exception cref="InvalidOperationException">The bytes were not kept.</exception>
    public byte[] ToArray() => _kept?.ToArray() ?? throw new InvalidOperationException("This writer keeps only the hash.");

    public void Dispose()
    {
        _hash.Dispose();
        _kept?.Dispose();
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        _kept?.Write(bytes);
    }
}
