using System.Security.Cryptography;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

//  Key schedule
//      Every key of a session from a shared secret or a seed, bound to what its two ends believe about the round.
//  Source:   HKDF-SHA256 (RFC 5869); salt = session id, info = canonical encoding of a label and the context.
//  Size:     32 bytes a key.
//  Why:      a pair of hospitals that saw different keys, members or models derives different masks, which do not cancel: a
//            hub that shows different views to different hospitals learns noise.
//  Proof:    KeyAgreement.md

/// <summary>Derives the keys of one session.</summary>
public static class KeySchedule
{
    /// <summary>Bytes of every key.</summary>
    public const int KeySize = 32;

    /// <summary>HKDF-Extract with the session as salt.</summary>
    /// <param name="secret">A raw shared secret or a seed.</param>
    /// <param name="extracted">32 bytes; overwritten.</param>
    public static void Extract(Digest session, ReadOnlySpan<byte> secret, Span<byte> extracted)
    {
        Span<byte> salt = stackalloc byte[Digest.Size];
        session.CopyTo(salt);
        HKDF.Extract(HashAlgorithmName.SHA256, secret, salt, extracted);
    }

    /// <summary>The key of the one envelope from <paramref name="dealer"/> to <paramref name="holder"/>.</summary>
    public static void Envelope(
        ReadOnlySpan<byte> extracted, HospitalId dealer, HospitalId holder, Digest u1, Span<byte> key)
    {
        using var info = new CanonicalWriter("FA/enc/v1", keep: true);
        Expand(extracted, info.Hospital(dealer).Hospital(holder).Digest(u1), key);
    }

    /// <summary>The key of the mask that two hospitals share: the same whichever of them asks.</summary>
    public static void Pair(ReadOnlySpan<byte> extracted, HospitalId one, HospitalId other, in MaskContext context, Span<byte> key)
    {
        using var info = new CanonicalWriter("FA/pair/v1", keep: true);
        info.Hospital(one < other ? one : other).Hospital(one < other ? other : one);
        info.UInt32(context.WordBits).UInt64(context.Coordinates).Digest(context.U1).Digest(context.U2).Digest(context.Model);
        Expand(extracted, info, key);
    }

    /// <summary>The key of a hospital's own mask, from its seed.</summary>
    public static void Self(Digest session, ReadOnlySpan<byte> seed, HospitalId hospital, in MaskContext context, Span<byte> key)
    {
        Span<byte> extracted = stackalloc byte[KeySize];
        Extract(session, seed, extracted);
        using var info = new CanonicalWriter("FA/self/v1", keep: true);
        info.Hospital(hospital).UInt32(context.WordBits).UInt64(context.Coordinates).Digest(context.U2);
        Expand(extracted, info, key);
        CryptographicOperations.ZeroMemory(extracted);
    }

    /// <summary>What a hospital publishes of its seed, so that a seed put together from shares can be checked.</summary>
    public static Digest SeedCommitment(Digest session, HospitalId hospital, ReadOnlySpan<byte> seed)
    {
        using var writer = new CanonicalWriter("FA/cb/v1");
        return writer.Digest(session).Hospital(hospital).Bytes(seed).Hash();
    }

    private static void Expand(ReadOnlySpan<byte> extracted, CanonicalWriter info, Span<byte> key) =>
        HKDF.Expand(HashAlgorithmName.SHA256, extracted, key[..KeySize], info.ToArray());
}

/// <summary>What the masks of a session are bound to, besides the session id.</summary>
/// <param name="WordBits">32 or 64.</param>
/// <param name="Coordinates">Length of the vector.</param>
/// <param name="U1">Hash of the keys.</param>
/// <param name="U2">Hash of those who shared.</param>
/// <param name="Model">Hash of the model the update starts from.</param>
public readonly record struct MaskContext(int WordBits, int Coordinates, Digest U1, Digest U2, Digest Model);
