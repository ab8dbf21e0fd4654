using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Rounds;

namespace FedActors.Core.Protocol;

/// <summary>A message that may cross a network.</summary>
public interface IWireMessage;

/// <summary>A message that a hospital may send to the hub's actors. The hub's door lets it in only from the hospital it
/// names.</summary>
public interface IFromHospital : IWireMessage
{
    HospitalId Hospital { get; }
}

/// <summary>
/// RoundSupervisor and its aggregator ↔ HospitalAgent, one round:
/// <code>
///   supervisor          aggregator          hospital
///      │ ── RoundOffered ───────────────────▶ │        plain sums: from the aggregator, and asks for the first piece
///      too
///      │ ◀──────────── Declined, UpdateReady ─ │        UpdateReady with secure sums only; then
///      SecureAggregationProtocol
///      │                    │ ◀── UpdateChunk ─ │   ×n    plain sums only; masked vectors go as MaskedChunk
///      │                    │ ─ UploadRequested ▶ │        credit for so many pieces, from an offset
///      │                    │ ─ SumPublished ─▶ │        secure sums only, to check the next model by
///      │ ── RoundClosed ────────────────────▶ │
/// </code>
/// Hospitals answer whoever asked, so that a supervisor or aggregator that was restarted only has to ask again.
/// </summary>
public static class RoundProtocol
{
    public interface IRoundMessage : IWireMessage
    {
        RoundId Id { get; }
    }

    /// <summary>
    /// Supervisor → hospital. Train from <paramref name="Model"/>, or decline. With plain sums the aggregator sends it,
    /// and it is credit for the first piece: for a small model that is all of the update.
    /// </summary>
    /// <param name="Cohort">Everyone invited, sorted.</param>
    /// <param name="LastIncluded">For a job whose hospitals keep a state of their own: the last committed round that
    /// holds this hospital's update. 0 where none does.</param>
    public sealed record RoundOffered(
        RoundId Id, JobPlan Plan, Digest PlanHash, Digest Model, ImmutableArray<HospitalId> Cohort,
        int LastIncluded = 0) : IRoundMessage
    {
        /// <summary>For a job with noise: the newest heads of the hospital's ledgers that the hub knows, which the
        /// hospital's own records must lead to. Before it is made out to one hospital, those of all.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];

        /// <summary>The offer as one hospital gets it.</summary>
        public RoundOffered To(HospitalId hospital, ImmutableDictionary<HospitalId, int> lastIncluded)
        {
            var last = lastIncluded.GetValueOrDefault(hospital, LastIncluded);
            return last == LastIncluded && Ledgers.IsEmpty
                ? this
                : this with { LastIncluded = last, Ledgers = Ledgers.RemoveAll(head => head.Hospital != hospital) };
        }
    }

    /// <summary>Hospital → supervisor, with secure sums. Its update is ready to be masked.</summary>
    public sealed record UpdateReady(RoundId Id, HospitalId Hospital) : IRoundMessage, IFromHospital;

    /// <summary>Hospital → supervisor. No update of this hospital will come in this attempt.</summary>
    /// <param name="Detail">One sentence for the round's record. Holds no figure of a patient.</param>
    public sealed record Declined(RoundId Id, HospitalId Hospital, DropReason Reason, string Detail)
        : IRoundMessage, IFromHospital;

    /// <summary>Aggregator → hospital. Send the update's bytes from <paramref name="FromOffset"/> on, at most
    /// <paramref name="Credit"/> chunks.</summary>
    public sealed record UploadRequested(RoundId Id, long FromOffset, int Credit) : IRoundMessage;

    /// <summary>Hospital → aggregator. A piece of the encoded update.</summary>
    /// <param name="Total">Bytes of the whole update.</param>
    /// <param name="Content">SHA-256 of the whole update. Within one process an update of a single piece goes without:
    /// nothing is put together, and nothing can be lost. Over a network it is <see cref="Announced"/>.</param>
    /// <param name="Bytes">At most <see cref="ChunkBytes"/>. Within one process they are lent: they stay the hospital's
    /// own, and mean nothing once its round is closed.</param>
    /// <param name="Ledger">With the first piece, in a job with noise: where the hospital's privacy ledger
    /// stands.</param>
    public sealed record UpdateChunk(
        RoundId Id, HospitalId Hospital, long Offset, long Total, Digest Content, ByteString Bytes,
        SignedLedgerHead? Ledger = null) : IRoundMessage, IFromHospital
    {
        /// <summary>The same piece, with the SHA-256 that every hub asks for.</summary>
        public UpdateChunk Announced() => Content == default ? this with { Content = Digest.Of(Bytes.Span) } : this;
    }

    /// <summary>Aggregator → hospital, after the session's Result. The open sum itself, from which the next model
    /// follows.</summary>
    /// <param name="Residues">Their SHA-256 stands in the Result.</param>
    public sealed record SumPublished(RoundId Id, ImmutableArray<byte> Residues) : IRoundMessage;

    /// <summary>Supervisor → hospital. The attempt is over: stored bytes may go. With plain sums the aggregator says so
    /// as soon as the update is in, where hospitals share one memory.</summary>
    /// <param name="Committed">The new model, or null where none was committed yet.</param>
    public sealed record RoundClosed(RoundId Id, Digest? Committed) : IRoundMessage;

    /// <summary>Akka drops frames over 128,000 bytes in silence; this leaves room for the envelope.</summary>
    public const int ChunkBytes = 64_000;
}

/// <summary>Why a hospital is not in a round's sum. Frozen: stands in journals.</summary>
public enum DropReason
{
    /// <summary>Nothing came before the deadline.</summary>
    Silent = 1,

    /// <summary>Its rules or its data do not allow this job.</summary>
    Refused = 2,

    /// <summary>The local training diverged: weights or loss not finite.</summary>
    Diverged = 3,

    /// <summary>The model could not be had.</summary>
    ModelUnavailable = 4,

    /// <summary>What it sent was not what the protocol asks for.</summary>
    Malformed = 5,

    /// <summary>It holds more patients than the plan's weight cap.</summary>
    WeightAboveCap = 6,

    /// <summary>It left the secure session; the detail says with which code.</summary>
    Withdrew = 7,

    /// <summary>Its privacy policy or its ledger does not allow the job; the detail begins with the number of the
    /// reason.</summary>
    PrivacyRefused = 8,

    /// <summary>What it must remember of this round could not be written: nothing of the round may leave.</summary>
    StateNotKept = 9,
}
