using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Participation;

/// <summary>Where a hospital stands in its current round.</summary>
public enum ParticipationPhase
{
    Idle = 0,
    Training = 1,

    /// <summary>Its encoded update is ready to be sent, and is sent again as often as it is asked for.</summary>
    Ready = 2,

    /// <summary>It told the hub that no update will come.</summary>
    Declined = 3,
}

/// <summary>What the hospital knows of itself when an offer comes.</summary>
/// <param name="Patients">Rows it trains on: its weight in a mean.</param>
/// <param name="HasModel">The model's bytes are at hand.</param>
/// <param name="CanMask">It has a key and a roster.</param>
/// <param name="RequiresSecureSums">Its own rule: no plain update leaves this hospital.</param>
/// <param name="Policy">Its data officer's rules; null where it has none, and then it takes part in no job with
/// noise.</param>
/// <param name="Terms">What the offered plan costs its patients; null for a plan without noise.</param>
/// <param name="CanKeep">It has a place for a state of its own.</param>
/// <param name="Misfit">Why its patients are not what the model learns from; null where they are.</param>
/// <param name="PatientId">The column by which its rows are joined to patients; null where each row is one.</param>
public readonly record struct HospitalFacts(
    long Patients, bool HasModel, bool CanMask, bool RequiresSecureSums, HospitalPolicy? Policy = null,
    PrivacyTerms? Terms = null,
    bool CanKeep = true, string? Misfit = null, string? PatientId = null);

/// <summary>One hospital's part in a job: decides whether and how it answers an offer. Whatever the hub asks, this
/// decides. A value, since a thousand simulated hospitals change theirs three times a round.</summary>
public readonly record struct ParticipationState
{
    private ParticipationState(HospitalId hospital) => Hospital = hospital;

    public static ParticipationState Of(HospitalId hospital) => new(hospital);

    public HospitalId Hospital { get; }

    public ParticipationPhase Phase { get; private init; } = ParticipationPhase.Idle;

    /// <summary>The round it takes part in, or took part in last.</summary>
    public RoundId? Round { get; private init; }

    /// <summary>What to do about an offer.</summary>
    public OfferAnswer Answer(RoundProtocol.RoundOffered offer, HospitalFacts facts)
    {
        if (Round is not null && Round.Job == offer.Id.Job)
        {
            var order = (offer.Id.Round, offer.Id.Attempt).CompareTo((Round.Round, Round.Attempt));
            if (order < 0)
                return new OfferAnswer.Stale($"{offer.Id} is behind {Round}.");
            if (order == 0 && Phase != ParticipationPhase.Idle)
                return new OfferAnswer.Known(Phase);
        }
        if (!HospitalSet.Holds(offer.Cohort, Hospital))
            return new OfferAnswer.Stale($"{offer.Id} does not invite {Hospital}.");
        if (offer.PlanHash != PlanHash.Of(offer.Plan))
            return new OfferAnswer.Decline(DropReason.Refused, "The plan is not the one its hash names.");
        if (PrivacyRefusalOf(offer, facts) is { } refusal)
            return new OfferAnswer.Decline(DropReason.PrivacyRefused, refusal.ToString());
        if (facts.RequiresSecureSums && !offer.Plan.SecureAggregation.Enabled)
            return new OfferAnswer.Decline(DropReason.Refused,
                "The job asks for plain sums, and this hospital sends none.");
        if (offer.Plan.SecureAggregation.Enabled && !facts.CanMask)
            return new OfferAnswer.Decline(DropReason.Refused,
                "The job asks for secure sums, and this hospital has no key for them.");
        if (facts.Misfit is not null)
            return new OfferAnswer.Decline(DropReason.Refused, facts.Misfit);
        if (offer.Plan.Training.KeepsOwnState && !facts.CanKeep)
            return new OfferAnswer.Decline(DropReason.Refused,
                "The job asks this hospital to keep a state, and it has no place for one.");
        if (facts.Patients > offer.Plan.SecureAggregation.WeightCap)
            return new OfferAnswer.Decline(DropReason.WeightAboveCap,
                "It trains on more patients than job.secure-aggregation.weight-cap = "
                    + $"{offer.Plan.SecureAggregation.WeightCap} allows.");
        return facts.HasModel
            ? OfferAnswer.Train.Instance
            : new OfferAnswer.Decline(DropReason.ModelUnavailable, $"The model {offer.Model} could not be had.");
    }

    // The first rule that does not hold; without a policy there is no noise whose price anybody agreed to.
    private static PrivacyRefusal? PrivacyRefusalOf(RoundProtocol.RoundOffered offer, HospitalFacts facts)
    {
        if (facts.Policy is not { } policy)
            return offer.Plan.Privacy.Mode == PrivacyMode.Off ? null : new PrivacyRefusal.PolicyMissing();
        if (offer.Plan.Privacy is { Mode: not PrivacyMode.Off, PatientId: { } asked } && asked != facts.PatientId)
            return new PrivacyRefusal.UnitMismatch(asked, facts.PatientId);
        return PolicyRules.Judge(policy, offer.Plan, offer.PlanHash, facts.Terms, offer.Cohort.Length)
            .Select(verdict => verdict.Refusal).FirstOrDefault(refusal => refusal is not null);
    }

    /// <summary>Training for the round has begun.</summary>
    public ParticipationState Begin(RoundId round) => this with { Round = round, Phase = ParticipationPhase.Training };

    /// <summary>The update is encoded.</summary>
    public ParticipationState Ready() => this with { Phase = ParticipationPhase.Ready };

    /// <summary>No update will come in this attempt.</summary>
    public ParticipationState Decline(RoundId round) =>
        this with { Round = round, Phase = ParticipationPhase.Declined };

    /// <summary>The hub's receipt: the attempt is over.</summary>
    public ParticipationState Close(RoundId round) =>
        round == Round ? this with { Phase = ParticipationPhase.Idle } : this;
}

/// <summary>What a hospital does about an offer.</summary>
public abstract record OfferAnswer
{
    private OfferAnswer() { }

    public sealed record Train : OfferAnswer
    {
        public static Train Instance { get; } = new();
    }

    public sealed record Decline(DropReason Reason, string Detail) : OfferAnswer;

    /// <summary>The same offer again: go on, or send again what was said.</summary>
    public sealed record Known(ParticipationPhase Phase) : OfferAnswer;

    /// <summary>Behind its time, or not meant for this hospital: no answer.</summary>
    public sealed record Stale(string Reason) : OfferAnswer;
}
