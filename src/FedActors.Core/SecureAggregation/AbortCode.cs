using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

/// <summary>
/// Why a message was refused or a session ended. Numbers are frozen; <c>FA-50nn</c> of <see cref="FaultNumber"/> is the
/// page of code nn.
/// </summary>
public enum AbortCode
{
    /// <summary>Fewer hospitals than the quorum or the minimum: no sum.</summary>
    TooFew = 1,

    /// <summary>A party's certificate does not hold.</summary>
    BadCertificate = 2,

    /// <summary>A signature does not verify under the roster's key.</summary>
    BadSignature = 3,

    /// <summary>One key, or one commitment, under two names.</summary>
    DuplicateKey = 4,

    /// <summary>The hub shows a hospital's own keys other than it sent them.</summary>
    OwnAdvertAltered = 5,

    /// <summary>A set of hospitals is not what this party knows it to be.</summary>
    ViewMismatch = 6,

    /// <summary>Thresholds, graph or ring weaker than this hospital's policy asks.</summary>
    WeakParameters = 7,

    /// <summary>The round is about another model than this hospital holds.</summary>
    ModelMismatch = 8,

    /// <summary>The model does not follow from the one before and the published sum.</summary>
    ModelChainBroken = 9,

    /// <summary>A round or attempt that lies behind this hospital.</summary>
    StaleRound = 10,

    /// <summary>Shares were released for this model and another set of hospitals.</summary>
    LedgerConflict = 11,

    /// <summary>An envelope does not open.</summary>
    BadShare = 12,

    /// <summary>Fewer than a quorum signed the same survivors.</summary>
    NotEnoughSignatures = 13,

    /// <summary>Two different statements where one is allowed.</summary>
    Equivocation = 14,

    /// <summary>A secret cannot be put together from the shares at hand.</summary>
    ShareUnrecoverable = 15,

    /// <summary>The unmasked sum fails its own check and is not published.</summary>
    BadSum = 16,

    /// <summary>The sum could leave the ring.</summary>
    Overflow = 17,

    /// <summary>An update holds NaN or infinity.</summary>
    NotFinite = 18,

    /// <summary>The hospital's privacy budget does not allow it.</summary>
    BudgetExhausted = 19,

    /// <summary>Too late.</summary>
    DeadlinePassed = 20,

    /// <summary>Wrong lengths, wrong order, a name twice.</summary>
    Malformed = 21,

    /// <summary>A hospital the roster or the cohort does not name.</summary>
    NotInvited = 22,

    /// <summary>A public key that is no point of the curve.</summary>
    BadKey = 23,

    /// <summary>A message that this phase does not know.</summary>
    WrongPhase = 24,

    /// <summary>The hospital restarted and its secrets are gone: it may only repeat what it stored.</summary>
    SecretsLost = 25,

    /// <summary>An upload's bytes are not those its hospital signed, or do not come in order.</summary>
    BadUpload = 26,

    /// <summary>An approved plan is not this plan.</summary>
    PlanMismatch = 27,

    /// <summary>A hospital shows an older head of its privacy ledger than it showed before, or none any more.</summary>
    LedgerBehind = 28,
}

/// <summary>A refusal a peer provoked: never an exception.</summary>
/// <param name="Code">Which page to read.</param>
/// <param name="Culprits">Hospitals that are to blame or missing; empty where it is the coordinator or nobody.</param>
/// <param name="Sentence">For a person: what happened. Names hospitals and numbers, never a key, a share or an
/// update.</param>
public sealed record Refusal(AbortCode Code, ImmutableArray<HospitalId> Culprits, string Sentence)
{
    internal static Refusal By(AbortCode code, string sentence) => new(code, [], sentence);

    internal static Refusal By(AbortCode code, HospitalId culprit, string sentence) => new(code, [culprit], sentence);

    /// <summary>The same for an operator, with its number.</summary>
    /// <param name="where">Round and attempt.</param>
    public Fault ToFault(string where) => new(
        (FaultNumber)(5000 + (int)Code), Sentence,
        Culprits.IsEmpty ? where : $"{where}, {string.Join(", ", Culprits)}",
        $"See {((FaultNumber)(5000 + (int)Code)).Code()} in docs/errors.md.");

    /// <summary>Code and sentence.</summary>
    public override string ToString() => $"{Code}: {Sentence}";
}
