namespace FedActors.Core.Privacy;

/// <summary>
/// Why a hospital does not take part, for reasons of privacy. Made of public figures only (the plan, the policy, the
/// ledger's sums): a refusal that depended on a patient would tell of that patient.
/// </summary>
public abstract record PrivacyRefusal(FaultNumber Number, string What, string Fix)
{
    /// <summary>The same for an operator.</summary>
    /// <param name="where">Ledger, policy key or round.</param>
    public Fault ToFault(string where) => new(Number, What, where, Fix);

    /// <summary>Number and sentence: what a round's record says.</summary>
    public sealed override string ToString() => $"{Number.Code()}: {What}";

    /// <summary>The number that a refusal's text begins with; null where it is no such text.</summary>
    public static FaultNumber? NumberIn(string text) =>
        text.Length > 7 && text.StartsWith("FA-", StringComparison.Ordinal) && int.TryParse(text.AsSpan(3, 4), out var number)
            && Enum.IsDefined((FaultNumber)number) ? (FaultNumber)number : null;

    /// <summary>The job's grant would pass what the patients of the scope may ever lose.</summary>
    public sealed record BudgetExhausted(string Scope, PrivacyBudget Spent, PrivacyBudget Requested, PrivacyBudget Limit) : PrivacyRefusal(
        FaultNumber.BudgetExhausted, $"The patients of '{Scope}' have no budget left for this job: {Spent} is spent, {Requested} is asked for, {Limit} is the limit.",
        "Ask for a job with a smaller epsilon. Only the hospital's data officer can raise the limit, in the policy file.");

    /// <summary>The job has made every release that was granted to it.</summary>
    public sealed record GrantExhausted(string Job, long Releases) : PrivacyRefusal(
        FaultNumber.GrantExhausted, $"All {Releases} releases granted to '{Job}' are used.",
        "Raise job.privacy.spare, so that more attempts may fail: the noise grows a little.");

    /// <summary>The plan is not the one that was granted under this name and hash.</summary>
    public sealed record PlanChanged(string Job) : PrivacyRefusal(
        FaultNumber.PlanChanged, $"'{Job}' asks for another release than the one granted under its plan.", "Submit the changed job again: it is granted anew.");

    /// <summary>The ledger cannot be written: what is not charged is not released.</summary>
    public sealed record LedgerUnavailable(string Reason) : PrivacyRefusal(
        FaultNumber.LedgerUnavailable, $"The ledger cannot be written: {Reason}", "See that its disk is there and has room, then start the hospital again.");

    /// <summary>Another process writes the ledger.</summary>
    public sealed record LedgerLocked() : PrivacyRefusal(
        FaultNumber.LedgerLocked, "Another process holds the ledger.", "Stop the other hospital process: a patient population has one ledger and one writer.");

    /// <summary>The file does not hold what was once written.</summary>
    public sealed record LedgerDamaged(long Sequence, string Reason) : PrivacyRefusal(
        FaultNumber.LedgerDamaged, $"The ledger is damaged at record {Sequence}: {Reason}", "Find out why; then run 'fedactors privacy reconcile', which charges what may be missing.");

    /// <summary>Someone holds a signed head of this ledger that its records do not lead to.</summary>
    /// <param name="Own">Null where none is shown.</param>
    public sealed record LedgerRollback(LedgerHead? Own, LedgerHead Witnessed) : PrivacyRefusal(
        FaultNumber.LedgerRollback, (Own is { } own ? $"The ledger stands at record {own.Sequence}" : "No ledger is shown")
            + $", a witness holds its head at record {Witnessed.Sequence}: it was restored or replaced.",
        "Find out why; then run 'fedactors privacy reconcile', which charges the difference.");

    /// <summary>There is no ledger where the policy says it is.</summary>
    public sealed record LedgerMissing() : PrivacyRefusal(
        FaultNumber.LedgerMissing, "There is no ledger.", "A new patient population gets one by 'fedactors privacy create'; a lost one is restored and reconciled.");

    /// <summary>The file belongs to other patients.</summary>
    public sealed record LedgerOfAnotherScope(string Asked, string Found) : PrivacyRefusal(
        FaultNumber.LedgerOfAnotherScope, $"This is the ledger of '{Found}', not of '{Asked}'.", "Give each patient population its own file, and name it in the policy.");

    /// <summary>A rule of the hospital's policy does not hold.</summary>
    /// <param name="Rule">The policy's key.</param>
    /// <param name="Asked">By the job.</param>
    /// <param name="Allowed">By the policy.</param>
    public sealed record AgainstPolicy(FaultNumber Page, string Rule, string Asked, string Allowed) : PrivacyRefusal(
        Page, $"The policy's {Rule} asks for {Allowed}; the job has {Asked}.", "Change the job, or ask the hospital's data officer: the policy is theirs.");

    /// <summary>The job counts other rows as one patient than the hospital's data do.</summary>
    /// <param name="Asked">The job's patient-id.</param>
    /// <param name="Own">The column by which the hospital reads its data; null where each row is a patient.</param>
    public sealed record UnitMismatch(string Asked, string? Own) : PrivacyRefusal(
        FaultNumber.UnitMismatch,
        $"The job takes rows with one '{Asked}' for one patient; here "
            + (Own is null ? "each row is a patient." : $"rows with one '{Own}' are."),
        "Let the hospital's data name that column as patient, or leave job.privacy.patient-id out.");

    /// <summary>The job asks for privacy, and this hospital has no policy or ledger to hold it to.</summary>
    public sealed record PolicyMissing() : PrivacyRefusal(
        FaultNumber.PolicyMissing, "The job needs a privacy policy and a ledger, and this hospital has none.", "Give the hospital a policy file.");
}
