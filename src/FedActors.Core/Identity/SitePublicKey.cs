using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace FedActors.Core.Identity;

/// <summary>
/// What a roster holds of a hospital or of the coordinator: an ECDSA P-256 public key. Compares by value; safe to use
/// from many threads.
/// </summary>
public sealed class SitePublicKey : IEquatable<SitePublicKey>
{
    // Platform key objects promise no thread safety, and an import costs as much as two verifications: so a few are
    // kept.
    private readonly ConcurrentBag<ECDsa> _idle = [];

    private SitePublicKey(P256Point point) => Point = point;

    public P256Point Point { get; }

    /// <exception cref="ArgumentException">The platform refuses the point.</exception>
    public static SitePublicKey Of(P256Point point)
    {
        var key = new SitePublicKey(point);
        try
        {
            key._idle.Add(key.Import());
        }
        catch (CryptographicException e)
        {
            throw new ArgumentException("Not a public key of P-256.", nameof(point), e);
        }
        return key;
    }

    /// <summary>The public half of a key, as a certificate holds it.</summary>
    /// <exception cref="ArgumentException">Not a key of P-256.</exception>
    public static SitePublicKey Of(ECDsa key) =>
        Of(P256Point.Of(key.ExportParameters(includePrivateParameters: false)));

    /// <param name="point">X || Y, 64 bytes.</param>
    public static bool TryParse(ReadOnlySpan<byte> point, [NotNullWhen(true)] out SitePublicKey? key)
    {
        key = P256Point.TryParse(point, out var parsed) ? Of(parsed) : null;
        return key is not null;
    }

    /// <summary>
    /// Whether this key's owner signed <paramref name="statement"/>, the SHA-256 of a canonical encoding.
    /// </summary>
    public bool Verifies(Digest statement, Signature signature)
    {
        if (signature.Span.Length != Signature.Size)
            return false;
        Span<byte> hash = stackalloc byte[Digest.Size];
        statement.CopyTo(hash);
        if (!_idle.TryTake(out var key))
            key = Import();
        try
        {
            return key.VerifyHash(hash, signature.Span, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            _idle.Add(key);
        }
    }

    public bool Equals(SitePublicKey? other) => other is not null && Point == other.Point;

    public override bool Equals(object? obj) => Equals(obj as SitePublicKey);

    public override int GetHashCode() => Point.GetHashCode();

    public override string ToString() => $"P-256 key {Digest.Of(Point.Span).ToString()[..16]}";

    private ECDsa Import() => ECDsa.Create(Point.ToParameters());
}
