using FedActors.Core.Protocol;

namespace FedActors.Core.Rounds;

/// <summary>What phases and drops mean, in words for whoever is on call.</summary>
public static class RoundWords
{
    /// <summary>What goes on in a phase, to stand behind "the round is".</summary>
    public static string Of(RoundPhase phase) => phase switch
    {
        RoundPhase.NotOpened => "not open yet",
        RoundPhase.Training => "training at the hospitals",
        RoundPhase.AdvertiseKeys => "gathering signed keys",
        RoundPhase.ShareKeys => "gathering sealed shares of keys",
        RoundPhase.MaskedInput => "gathering masked updates",
        RoundPhase.Consistency => "having the survivors sign whose updates are summed",
        RoundPhase.Unmask => "gathering the shares that open the sum",
        RoundPhase.Commit => "making the next model durable",
        RoundPhase.Closed => "closed",
        RoundPhase.Aborted => "over without a sum",
        _ => throw new ArgumentOutOfRangeException(nameof(phase), phase, "No such phase."),
    };

    /// <summary>What happened to a hospital that is out, and what to do about it.</summary>
    public static (string What, string Fix) Of(DropReason reason) => reason switch
    {
        DropReason.Silent => ("It did not answer in time.",
            "See 'hospitals list': if it is away, look at its process and its line; if it is attached, its "
                + "training takes "
            + "longer than job.cohort.deadline."),
        DropReason.Refused => ("Its own rules or its data do not go with this job.",
            "Ask its data officer; the hospital's log names the rule."),
        DropReason.Diverged => ("Its training diverged: weights or loss were not finite.",
            "Lower job.training.learning-rate, or have it look at the scaling of its features."),
        DropReason.ModelUnavailable => ("It could not get the round's model.",
            "Look at its line and at the free space in its data folder; the next round asks it again."),
        DropReason.Malformed => ("What it sent is not what the protocol asks for.",
            "See that it runs the hub's version; the same again from that version is a fault to be reported."),
        DropReason.WeightAboveCap => ("It holds more patients than the plan lets one hospital bring.",
            "Raise job.secure-aggregation.weight-cap and submit the job under another name."),
        DropReason.Withdrew => ("It left the secure sum; the detail begins with the code.",
            "Look the code up in docs/errors.md. After a restart of the hospital this is as it should be: "
                + "the next round "
            + "asks it again."),
        DropReason.PrivacyRefused => ("Its privacy policy or its ledger does not allow the job.",
            "Its data officer decides; 'fedactors policy test' and 'privacy status --ledger' at the hospital say why."),
        DropReason.StateNotKept => ("It could not write what it must remember, so nothing left it.",
            "Look at the free space and the rights of its data folder."),
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "No such reason."),
    };
}
