using System.Security.Cryptography;
using FedActors.Core.Numerics;

namespace FedActors.Core.Identity;

/// <summary>
/// The signing key of a hospital or of the coordinator: ECDSA P-256 over SHA-256. The private half stays in the platform's
/// key object: it has no property, no text and no serialised form here. Safe to use from many threads.
/// </summary>
public sealed class SiteKey : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ECDsa _key;

    private SiteKey(ECDsa key)
    {
        _key = key;
        Public = SitePublicKey.Of(P256Point.Of(key.ExportParameters(includePrivateParameters: false)));
    }

    public SitePublicKey Public { get; }

    /// <summary>A new key, drawn from <paramref name="random"/>.</summary>
    public static SiteKey Create(IRandomSource random)
    {
        Span<byte> scalar = stackalloc byte[P256Scalar.Size];
        try
        {
            P256Scalar.Draw(random, scalar);
            return FromScalar(scalar);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    /// <param name="scalar">32 bytes, big-endian, in [1, order of P-256). The caller wipes it.</param>
    /// <exception cref="ArgumentException">Not a private key of P-256.</exception>
    public static SiteKey FromScalar(ReadOnlySpan<byte> scalar)
    {
        if (!P256Scalar.IsValid(scalar))
            throw new ArgumentException("Not a private key of P-256.", nameof(scalar));
        var parameters = P256Scalar.ToParameters(scalar);
        try
        {
            return new SiteKey(ECDsa.Create(parameters));
        }
        finally
        {
            P256Scalar.Wipe(parameters);
        }
    }

    /// <summary>Takes a key that a key store or a key file handed over.</summary>
    /// <param name="key">Owned by the site key from now on.</param>
    /// <exception cref="ArgumentException">Not a key of P-256.</exception>
    public static SiteKey Own(ECDsa key) => new(key);

    /// <summary>Signs <paramref name="statement"/>, the SHA-256 of a canonical encoding.</summary>
    public Signature Sign(Digest statement)
    {
        Span<byte> hash = stackalloc byte[Digest.Size];
        statement.CopyTo(hash);
        Span<byte> signature = stackalloc byte[Signature.Size];
        lock (_gate)
            if (!_key.TrySignHash(hash, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation, out _))
                throw new CryptographicException("The platform gave no signature.");
        return new Signature(signature);
    }

    public void Dispose() => _key.Dispose();

    public override string ToString() => $"private half of {Public}";
}
