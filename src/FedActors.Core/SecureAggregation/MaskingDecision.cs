using System.Collections.Immutable;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

/// <summary>What a hospital does about a message of the coordinator.</summary>
public abstract record MaskingDecision
{
    /// <summary>Agreed.</summary>
    /// <param name="Journal">To be durable before anything is sent: nothing where a stored answer is repeated.</param>
    /// <param name="Send">To the coordinator, in this order.</param>
    public sealed record Accepted(ImmutableArray<MaskingEvent> Journal, ImmutableArray<FromHospital> Send)
        : MaskingDecision;

    /// <summary>
    /// Refused; nothing of this session changed but, where <paramref name="Ends"/>, that it is over for this hospital.
    /// </summary>
    /// <param name="Why">Code, culprit and sentence.</param>
    /// <param name="Ends">The session's secrets are wiped and it will answer nothing new.</param>
    /// <param name="Send">Tells the coordinator; null for what anybody could have sent.</param>
    public sealed record Rejected(Refusal Why, bool Ends, Withdrawal? Send) : MaskingDecision;
}

/// <summary>What a hospital knows by itself about the round it is invited to.</summary>
/// <param name="Model">SHA-256 of the model bytes it received.</param>
/// <param name="Task">Hash of the plan it approved.</param>
/// <param name="PreviousSum">Hash of the sum from which it recomputed this model; null where it saw none (first round,
/// or away).</param>
/// <param name="Ledger">Where its privacy ledger stands, for the others to witness; null in a job without noise.</param>
public sealed record LocalView(
    Identity.Digest Model, Identity.Digest Task, Identity.Digest? PreviousSum, Privacy.SignedLedgerHead? Ledger = null);

/// <summary>Where a hospital's side of a session stands.</summary>
public enum MaskingPhase
{
    /// <summary>No session yet.</summary>
    Idle = 0,

    /// <summary>Keys are out.</summary>
    Advertised = 1,

    /// <summary>Shares are out.</summary>
    Shared = 2,

    /// <summary>The update is masked.</summary>
    Masked = 3,

    /// <summary>A survivor set is signed.</summary>
    Signed = 4,

    /// <summary>Shares are released.</summary>
    Released = 5,

    /// <summary>Over: by a result, an abort or a refusal.</summary>
    Ended = 6,
}
