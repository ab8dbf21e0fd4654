using FedActors.Core.Identity;

namespace FedActors.Core.Protocol;

/// <summary>
/// Uplink of a hospital ↔ door of the hub: the line that every other message between the two rides on, dialled by the hospital.
/// <code>
///   uplink                                   door
///      │ ── Hello ───────────────────────────▶ │
///      │ ◀───────────────────── Challenge ──── │   signed; both nonces name the session
///      │ ── Envelope (Attach) ───────────────▶ │   signed; from now on the hospital is attached
///      │ ◀──────────── Envelope, Pulse ──────▶ │   ×n    numbered without a gap, signed by the site's key
///      │ ◀───────────────────────── Broken ─── │   the session is not known: say Hello again
/// </code>
/// TLS says that a peer belongs to the federation; the signature says who speaks, whatever connection it came on.
/// </summary>
public static class LineProtocol
{
    /// <summary>Most bytes of a message in one <see cref="Envelope"/>: Akka drops frames over 128,000 bytes, and arrays above 85,000 are slow to collect.</summary>
    public const int PieceBytes = 80_000;

    /// <summary>Hospital → hub. Who calls. Not signed: all it gets is a challenge.</summary>
    /// <param name="Nonce">Random, of this call.</param>
    public sealed record Hello(HospitalId Hospital, Digest Nonce) : IWireMessage;

    /// <summary>Hub → hospital. The other half of the session's name.</summary>
    /// <param name="HubNonce">Random, of this start of the hub.</param>
    /// <param name="Epoch">Of the hub's leader: grows with each change of the lead, and a lower one is of a leader
    /// that was replaced.</param>
    public sealed record Challenge(HospitalId Hospital, Digest Nonce, Digest HubNonce, long Epoch) : IWireMessage
    {
        /// <summary>Over <see cref="Statement"/>, by the hub.</summary>
        public Signature Signature { get; init; }

        public Digest Statement() =>
            new CanonicalWriter("FA/challenge/v2").Hospital(Hospital).Digest(Nonce).Digest(HubNonce).Int64(
                Epoch).Seal();
    }

    /// <summary>Both ways. One piece of one message.</summary>
    /// <param name="Number">From 1, without a gap, each way.</param>
    /// <param name="Conversation">Whom on the hub's side the message comes from or goes to; 0 for the line itself.</param>
    /// <param name="Manifest">Names the message's kind.</param>
    /// <param name="Part">From 0.</param>
    /// <param name="Parts">Of the whole message.</param>
    /// <param name="Bytes">At most <see cref="PieceBytes"/>.</param>
    public sealed record Envelope(
        Digest Session, HospitalId Hospital, bool IsUp, long Number, long Conversation, string Manifest, int Part, int Parts, ByteString Bytes)
        : IWireMessage
    {
        /// <summary>Over <see cref="Statement"/>, by the sender.</summary>
        public Signature Signature { get; init; }

        public Digest Statement() => new CanonicalWriter("FA/envelope/v1")
            .Digest(Session).Hospital(Hospital).Int32(IsUp ? 1 : 0).Int64(Number).Int64(Conversation).Text(Manifest).Int32(Part).Int32(Parts)
            .Bytes(Bytes).Seal();
    }

    /// <summary>Hub → hospital. There is no such session: the hub restarted, or something was lost on the way.</summary>
    public sealed record Broken(Digest Session) : IWireMessage;

    /// <summary>Hospital → hub, the first on a line. Says the nonce that names its session.</summary>
    public sealed record Attach(Digest Nonce) : IWireMessage;

    /// <summary>Both ways, every few seconds. The line lives, and everything up to <paramref name="Heard"/> has arrived.</summary>
    public sealed record Pulse(long Heard) : IWireMessage;

    /// <summary>The session that the two nonces name.</summary>
    public static Digest SessionOf(HospitalId hospital, Digest nonce, Digest hubNonce) =>
        new CanonicalWriter("FA/line/v1").Hospital(hospital).Digest(nonce).Digest(hubNonce).Seal();
}
