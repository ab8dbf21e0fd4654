using System.Runtime.Serialization;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>
/// The end of lines that is called: answers a call with the other half of its session's name, and tells a session's
/// first piece from an old one.
/// </summary>
/// <param name="key">Signs what is said from here.</param>
/// <param name="nonce">Random, of this start.</param>
/// <param name="epoch">Of the lead; 0 where there is none.</param>
internal sealed class Reception(SiteKey key, Digest nonce, long epoch)
{
    // Of one caller, oldest first: no nonce counts twice.
    private const int NonceLimit = 4096;

    private static readonly string AttachManifest = WireSerializer.ManifestOf(new LineProtocol.Attach(default));

    private readonly Dictionary<HospitalId, Queue<Digest>> _used = [];

    public LineProtocol.Challenge Answer(LineProtocol.Hello hello)
    {
        var challenge = new LineProtocol.Challenge(hello.Hospital, hello.Nonce, nonce, epoch);
        return challenge with { Signature = key.Sign(challenge.Statement()) };
    }

    /// <summary>A session begins with the nonce that names it, signed by the caller. Null where this piece begins
    /// none.</summary>
    /// <param name="peer">The caller's key.</param>
    /// <param name="cap">Most bytes of a message from the caller.</param>
    public LineEnd? Begin(LineProtocol.Envelope piece, SitePublicKey peer, int cap)
    {
        if (piece.Manifest != AttachManifest || piece.Parts != 1)
            return null;
        var end = new LineEnd(piece.Session, piece.Hospital, isHospital: false, key, peer, cap);
        if (!_used.TryGetValue(piece.Hospital, out var used))
            _used[piece.Hospital] = used = [];
        try
        {
            if (WireSerializer.Read(piece.Manifest, piece.Bytes.Span.ToArray()) is not LineProtocol.Attach attach
                || LineProtocol.SessionOf(piece.Hospital, attach.Nonce, nonce) != piece.Session
                || used.Contains(attach.Nonce) || end.Open(piece) is not LineStep.Whole)
                return null;
            used.Enqueue(attach.Nonce);
            if (used.Count > NonceLimit)
                used.Dequeue();
            return end;
        }
        catch (SerializationException)
        {
            return null;
        }
    }
}
