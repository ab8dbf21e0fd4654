using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Protocol;

/// <summary>
/// Coordinator ↔ hospitals, one secure sum:
/// <code>
///   coordinator                                   hospital
///      │ ── RoundOpen ──────────────────────────────▶ │   checks plan, model, policy; draws keys
///      │ ◀───────────────────────────── Advertise ─── │
///      │ ── Roster1 (U1: whose keys) ───────────────▶ │   agrees keys, splits its secrets
///      │ ◀──────────────────────────────── Shares ─── │
///      │ ── Inbox (U2: who shared) ─────────────────▶ │   masks; journals MaskedReady
///      │ ◀──────────────────── Masked, MaskedChunk ── │
///      │ ── Survivors (U3: whose sum) ──────────────▶ │   journals SurvivorSetSigned
///      │ ◀─────────────────────────── Consistency ─── │
///      │ ── UnmaskRequest (a quorum of those) ──────▶ │   journals SharesReleased
///      │ ◀──────────────────────── UnmaskResponse ─── │
///      │ ── Result ─────────────────────────────────▶ │
///      at any time: Withdrawal ◀──, ──▶ Abort, and after a crash of the hub ──▶ MaskedWanted
/// </code>
/// Every message but a chunk is signed over <see cref="SignedMessage.Statement"/>, a canonical encoding of all its
/// fields. There is none in which a hospital could be named both alive and gone. Records with lists do not compare by
/// value: their statements do.
/// </summary>
public static class SecureAggregationProtocol
{
    /// <summary>Most bytes of a <see cref="MaskedChunk"/>, and the length of all but the last.</summary>
    public const int ChunkSize = 64_000;

    /// <summary>A signed message of one session.</summary>
    public abstract record SignedMessage : IWireMessage
    {
        /// <summary>The session id.</summary>
        public abstract Digest Session { get; init; }

        /// <summary>Over <see cref="Statement"/>, by the sender.</summary>
        public Signature Signature { get; init; }

        /// <summary>SHA-256 of the canonical encoding of everything but the signature.</summary>
        public abstract Digest Statement();
    }

    /// <summary>Hospital → coordinator.</summary>
    public abstract record FromHospital : SignedMessage, IFromHospital
    {
        /// <summary>The sender.</summary>
        public abstract HospitalId Hospital { get; init; }
    }

    /// <summary>Coordinator → hospital.</summary>
    public abstract record FromCoordinator : SignedMessage;

    /// <summary>The message with the signature of <paramref name="key"/>.</summary>
    public static TMessage SignedBy<TMessage>(this TMessage message, SiteKey key) where TMessage : SignedMessage =>
        (TMessage)(message with { Signature = key.Sign(message.Statement()) });

    /// <summary>Coordinator → hospital. An attempt is open.</summary>
    public sealed record RoundOpen(RoundSpec Spec) : FromCoordinator
    {
        /// <summary>Follows from the spec.</summary>
        public override Digest Session { get => Spec.SessionId(); init => _ = value; }

        public override Digest Statement() => Begin("FA/open/v1", Session).Seal();
    }

    /// <summary>
    /// Hospital → coordinator. Two ephemeral keys, a commitment to a seed, and a random value for the graph.
    /// </summary>
    /// <param name="EnvelopeKey">P-256 point for sealing shares, 64 bytes.</param>
    /// <param name="MaskKey">P-256 point for pairwise masks, 64 bytes.</param>
    /// <param name="SeedCommitment">Hash of the seed of the hospital's own mask.</param>
    /// <param name="Beacon">32 random bytes.</param>
    public sealed record Advertise(
        Digest Session, HospitalId Hospital, ByteString EnvelopeKey, ByteString MaskKey, Digest SeedCommitment,
        Digest Beacon) : FromHospital
    {
        /// <summary>Where its privacy ledger stands, for all to witness; null in a job without noise.</summary>
        public SignedLedgerHead? Ledger { get; init; }

        public override Digest Statement() => WithLedger(
            Begin("FA/adv/v1", Session).Hospital(Hospital).Bytes(EnvelopeKey).Bytes(MaskKey).Digest(SeedCommitment).Digest(Beacon),
            Ledger);
    }

    /// <summary>Coordinator → hospital. U1: the keys are fixed.</summary>
    /// <param name="Adverts">Sorted by hospital, each with its hospital's signature.</param>
    public sealed record Roster1(Digest Session, ImmutableArray<Advertise> Adverts) : FromCoordinator
    {
        public override Digest Statement() => StatementOf(Session, HospitalSet.KeysHash(Session, Adverts));

        internal static Digest StatementOf(Digest session, Digest keysHash) =>
            Begin("FA/roster1/v1", session).Digest(keysHash).Seal();
    }

    /// <summary>A sealed pair of shares, and who is at its other end.</summary>
    /// <param name="Peer">The holder in <see cref="Shares"/>, the dealer in <see cref="Inbox"/>.</param>
    /// <param name="Envelope">92 bytes that only the holder opens.</param>
    public sealed record SealedShares(HospitalId Peer, ByteString Envelope);

    /// <summary>Hospital → coordinator. Its secrets, split and sealed for its neighbours.</summary>
    /// <param name="KeysHash">The U1 that the hospital saw.</param>
    /// <param name="Envelopes">Sorted by holder.</param>
    public sealed record Shares(
        Digest Session, HospitalId Hospital, Digest KeysHash, ImmutableArray<SealedShares> Envelopes) : FromHospital
    {
        public override Digest Statement() =>
            List(Begin("FA/shares/v1", Session).Hospital(Hospital).Digest(KeysHash), Envelopes).Seal();
    }

    /// <summary>Coordinator → hospital. U2: who shared; and what its neighbours sealed for it.</summary>
    /// <param name="Sharers">U2, sorted.</param>
    /// <param name="Envelopes">Sorted by dealer: the hospital's neighbours in U2.</param>
    public sealed record Inbox(
        Digest Session, HospitalId To, ImmutableArray<HospitalId> Sharers, ImmutableArray<SealedShares> Envelopes)
        : FromCoordinator
    {
        public override Digest Statement() =>
            List(Begin("FA/inbox/v1", Session).Hospital(To).Digest(HospitalSet.SharersHash(Session, Sharers)),
                Envelopes).Seal();
    }

    /// <summary>Coordinator → hospital, after a crash. Send again what you masked; nothing new is asked for.</summary>
    public sealed record MaskedWanted(Digest Session) : FromCoordinator
    {
        public override Digest Statement() => Begin("FA/wanted/v1", Session).Seal();
    }

    /// <summary>Hospital → coordinator. Announces the masked vector, which follows in chunks.</summary>
    /// <param name="KeysHash">The U1 that its masks are bound to.</param>
    /// <param name="SharersHash">The U2 that its masks are bound to.</param>
    /// <param name="Vector">SHA-256 of the masked vector.</param>
    public sealed record Masked(
        Digest Session, HospitalId Hospital, Digest KeysHash, Digest SharersHash, Digest Vector) : FromHospital
    {
        public override Digest Statement() => Begin("FA/masked/v1", Session)
            .Hospital(Hospital).Digest(KeysHash).Digest(SharersHash).Digest(Vector).Seal();
    }

    /// <summary>
    /// Hospital → coordinator. A piece of the masked vector: not signed itself, <see cref="Masked"/> signs the whole.
    /// </summary>
    /// <param name="Index">From 0.</param>
    /// <param name="Bytes"><see cref="ChunkSize"/> bytes, fewer in the last.</param>
    public sealed record MaskedChunk(Digest Session, HospitalId Hospital, int Index, ByteString Bytes) : IFromHospital;

    /// <summary>Coordinator → hospital. U3: whose updates are summed. Fixed for ever.</summary>
    /// <param name="Hospitals">U3, sorted.</param>
    public sealed record Survivors(Digest Session, ImmutableArray<HospitalId> Hospitals) : FromCoordinator
    {
        public override Digest Statement() =>
            Begin("FA/survivors/v1", Session).Digest(HospitalSet.SurvivorsHash(Session, Hospitals)).Seal();
    }

    /// <summary>Hospital → coordinator. The one survivor set this hospital signs in this session.</summary>
    public sealed record Consistency(
        Digest Session, HospitalId Hospital, Digest KeysHash, Digest SharersHash, Digest SurvivorsHash, Digest Model)
        : FromHospital
    {
        public override Digest Statement() => Begin("FA/con/v1", Session)
            .Hospital(Hospital).Digest(KeysHash).Digest(SharersHash).Digest(SurvivorsHash).Digest(Model).Seal();
    }

    /// <summary>A hospital's signature of <see cref="Consistency"/>.</summary>
    public sealed record SurvivorSignature(HospitalId Hospital, Signature Signature);

    /// <summary>
    /// Coordinator → hospital. At least a quorum signed the same survivors: release your shares. Which share of whom
    /// follows from the survivors alone; the coordinator has no say in it.
    /// </summary>
    /// <param name="Signatures">Sorted by hospital.</param>
    public sealed record UnmaskRequest(
        Digest Session, Digest SurvivorsHash, ImmutableArray<SurvivorSignature> Signatures) : FromCoordinator
    {
        public override Digest Statement() =>
            List(Begin("FA/unmask/v1", Session).Digest(SurvivorsHash), Signatures).Seal();
    }

    /// <summary>
    /// One share, 32 bytes: of the seed of a survivor's own mask, or of the mask key of one that fell away.
    /// </summary>
    public sealed record ReleasedShare(HospitalId Owner, ByteString Share);

    /// <summary>Hospital → coordinator. One share for each member of U2 whose secrets it holds.</summary>
    /// <param name="Shares">Sorted by owner.</param>
    public sealed record UnmaskResponse(
        Digest Session, HospitalId Hospital, Digest SurvivorsHash, ImmutableArray<ReleasedShare> Shares) : FromHospital
    {
        public override Digest Statement()
        {
            var writer = Begin("FA/response/v1", Session).Hospital(Hospital).Digest(SurvivorsHash)
                .Int32(Shares.Length);
            foreach (var share in Shares)
                writer.Hospital(share.Owner).Bytes(share.Share);
            return writer.Seal();
        }
    }

    /// <summary>Coordinator → hospital. The sum is open; its bytes are fetched by hash.</summary>
    /// <param name="Hospitals">U3: exactly whose updates it sums.</param>
    /// <param name="Sum">SHA-256 of the sum.</param>
    /// <param name="Signatures">At least a quorum that signed these survivors.</param>
    public sealed record Result(
        Digest Session, ImmutableArray<HospitalId> Hospitals, Digest Sum, ImmutableArray<SurvivorSignature> Signatures)
        : FromCoordinator
    {
        public override Digest Statement() => List(
            Begin("FA/result/v1", Session).Digest(HospitalSet.SurvivorsHash(Session, Hospitals)).Digest(Sum),
                Signatures).Seal();
    }

    /// <summary>Hospital → coordinator. It leaves the session, and why.</summary>
    /// <param name="Culprit">Whom it blames, itself where nobody.</param>
    /// <param name="Evidence">SHA-256 of the envelope that did not open; of no bytes elsewhere.</param>
    public sealed record Withdrawal(
        Digest Session, HospitalId Hospital, AbortCode Code, HospitalId Culprit, Digest Evidence) : FromHospital
    {
        /// <summary>The head that the culprit once signed, where it shows an older one now; else null.</summary>
        public SignedLedgerHead? Ledger { get; init; }

        public override Digest Statement() => WithLedger(
            Begin("FA/withdrawal/v1", Session).Hospital(Hospital).Int32((int)Code).Hospital(Culprit).Digest(Evidence), Ledger);
    }

    /// <summary>
    /// Coordinator → hospital. The session is over without a sum. A retry is a new attempt with new keys.
    /// </summary>
    /// <param name="Culprits">Who is to blame or missing, sorted.</param>
    public sealed record Abort(
        Digest Session, AbortCode Code, ImmutableArray<HospitalId> Culprits) : FromCoordinator
    {
        public override Digest Statement() =>
            Begin("FA/abort/v1", Session).Int32((int)Code).Hospitals(Culprits).Seal();
    }

    private static CanonicalWriter Begin(string label, Digest session) => new CanonicalWriter(label).Digest(session);

    private static Digest WithLedger(CanonicalWriter writer, SignedLedgerHead? ledger)
    {
        ledger?.WriteTo(writer);
        return writer.Seal();
    }

    private static CanonicalWriter List(CanonicalWriter writer, ImmutableArray<SealedShares> envelopes)
    {
        writer.Int32(envelopes.Length);
        foreach (var (peer, envelope) in envelopes)
            writer.Hospital(peer).Bytes(envelope);
        return writer;
    }

    private static CanonicalWriter List(CanonicalWriter writer, ImmutableArray<SurvivorSignature> signatures)
    {
        writer.Int32(signatures.Length);
        foreach (var (hospital, signature) in signatures)
            writer.Hospital(hospital).Bytes(signature.Span);
        return writer;
    }
}
