using System.Security.Cryptography;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Core.SecureAggregation;

//  Key agreement
//      Two hospitals that know each other's public key get the same 32 bytes, which nobody else can compute.
//  Source:   ECDH on NIST P-256 (SP 800-56A 5.7.1.2: the x-coordinate), HKDF-SHA256 (RFC 5869) with the session id as salt.
//  Size:     64-byte public keys X || Y, 32-byte secrets.
//  Errors:   a point off the curve, at infinity or of another curve is refused before any secret touches it.
//  Proof:    KeyAgreement.md

/// <summary>One ephemeral P-256 key pair: lives for one session, in memory only.</summary>
public sealed class EphemeralKey : IDisposable
{
    private readonly SecretBuffer _scalar;
    private readonly ECDiffieHellman _key;

    private EphemeralKey(SecretBuffer scalar)
    {
        _scalar = scalar;
        var parameters = P256Scalar.ToParameters(scalar.Span);
        try
        {
            _key = ECDiffieHellman.Create(parameters);
        }
        finally
        {
            P256Scalar.Wipe(parameters);
        }
        Public = P256Point.Of(_key.ExportParameters(includePrivateParameters: false));
    }

    /// <summary>What the other hospitals get.</summary>
    public P256Point Public { get; }

    internal ReadOnlySpan<byte> Scalar => _scalar.Span;

    /// <summary>A new key pair.</summary>
    public static EphemeralKey Draw(IRandomSource random)
    {
        var scalar = new SecretBuffer(P256Scalar.Size);
        P256Scalar.Draw(random, scalar.Span);
        return new EphemeralKey(scalar);
    }

    /// <summary>The pair of a private key that was put together from its shares; null where these bytes are none.</summary>
    /// <param name="scalar">32 bytes, big-endian. The caller wipes it.</param>
    public static EphemeralKey? FromScalar(ReadOnlySpan<byte> scalar)
    {
        if (!P256Scalar.IsValid(scalar))
            return null;
        var copy = new SecretBuffer(P256Scalar.Size);
        scalar.CopyTo(copy.Span);
        return new EphemeralKey(copy);
    }

    /// <summary>The raw shared secret: never a key itself, only the input of <see cref="KeySchedule"/>.</summary>
    /// <param name="secret">32 bytes; overwritten.</param>
    public void Agree(PeerKey peer, Span<byte> secret)
    {
        var raw = _key.DeriveRawSecretAgreement(peer.Key);
        raw.CopyTo(secret);
        CryptographicOperations.ZeroMemory(raw);
    }

    /// <summary>Wipes the private half.</summary>
    public void Dispose()
    {
        _scalar.Dispose();
        _key.Dispose();
    }

    /// <summary>Says nothing of the content.</summary>
    public override string ToString() => "ephemeral key";
}

/// <summary>Another hospital's public key as the platform imported it, point validated: costly, so kept while a round needs it.</summary>
public sealed class PeerKey : IDisposable
{
    private readonly ECDiffieHellman _imported;

    private PeerKey(ECDiffieHellman imported)
    {
        _imported = imported;
        Key = imported.PublicKey;
    }

    internal ECDiffieHellmanPublicKey Key { get; }

    /// <summary>Null where the platform refuses the point.</summary>
    public static PeerKey? Import(P256Point point)
    {
        try
        {
            return new PeerKey(ECDiffieHellman.Create(point.ToParameters()));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Frees the platform's object.</summary>
    public void Dispose()
    {
        Key.Dispose();
        _imported.Dispose();
    }
}
