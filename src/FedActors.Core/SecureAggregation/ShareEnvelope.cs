using System.Security.Cryptography;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Core.SecureAggregation;

//  Share envelope
//      One hospital's two shares for another, sealed through the hub: it opens only for that holder, in that session, among
//      those keys, at that position.
//  Source:   AES-256-GCM (SP 800-38D), a key for one envelope only (KeySchedule.Envelope), 96-bit random nonce, 128-bit tag.
//  Size:     92 bytes: nonce 12, shares 32 + 32, tag 16.
//  Bound:    session, U1, dealer, holder, position, threshold and number of holders are associated data.
//  Proof:    ShareEnvelope.md

/// <summary>Seals and opens pairs of shares.</summary>
public static class ShareEnvelope
{
    /// <summary>Bytes of a sealed envelope.</summary>
    public const int Size = NonceSize + PlainSize + TagSize;

    /// <summary>Bytes of what is inside: the share of the seed, then the share of the mask key.</summary>
    public const int PlainSize = 2 * ShamirSecretSharing.Size;

    private const int NonceSize = 12;
    private const int TagSize = 16;

    /// <summary>Seals <paramref name="shares"/>.</summary>
    /// <param name="key">32 bytes, used for nothing else.</param>
    /// <param name="shares">64 bytes.</param>
    public static ByteString Seal(ReadOnlySpan<byte> key, in EnvelopeContext context, ReadOnlySpan<byte> shares, IRandomSource random)
    {
        var sealedBytes = new byte[Size];
        var nonce = sealedBytes.AsSpan(0, NonceSize);
        random.Fill(nonce);
        using var cipher = new AesGcm(key, TagSize);
        cipher.Encrypt(nonce, shares, sealedBytes.AsSpan(NonceSize, PlainSize), sealedBytes.AsSpan(NonceSize + PlainSize), context.Encode());
        return ByteString.Own(sealedBytes);
    }

    /// <summary>False where the envelope was made with another key or for another context, or was changed.</summary>
    /// <param name="shares">64 bytes; overwritten, with zeros where the answer is false.</param>
    public static bool TryOpen(ReadOnlySpan<byte> key, in EnvelopeContext context, ByteString envelope, Span<byte> shares)
    {
        shares.Clear();
        if (envelope.Length != Size)
            return false;
        var bytes = envelope.Span;
        using var cipher = new AesGcm(key, TagSize);
        try
        {
            cipher.Decrypt(bytes[..NonceSize], bytes.Slice(NonceSize, PlainSize), bytes[(NonceSize + PlainSize)..], shares, context.Encode());
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }
}

/// <summary>What an envelope is bound to.</summary>
/// <param name="Session">The session's id.</param>
/// <param name="U1">Hash of the keys.</param>
/// <param name="Dealer">Whose secrets were shared.</param>
/// <param name="Holder">Who may open it.</param>
/// <param name="Position">The holder's point, from 1.</param>
/// <param name="Threshold">Shares that give the secret back.</param>
/// <param name="Holders">Shares dealt.</param>
public readonly record struct EnvelopeContext(
    Digest Session, Digest U1, HospitalId Dealer, HospitalId Holder, int Position, int Threshold, int Holders)
{
    internal byte[] Encode()
    {
        using var writer = new CanonicalWriter("FA/share/v1", keep: true);
        return writer.Digest(Session).Digest(U1).Hospital(Dealer).Hospital(Holder)
            .UInt32(Position).UInt32(Threshold).UInt32(Holders).ToArray();
    }
}
