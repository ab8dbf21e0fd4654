using FedActors.Core.Identity;

namespace FedActors.Core.Privacy;

/// <summary>What a ledger holds. Past tense, with its own time; only ever added to, and never taken back.</summary>
public abstract record LedgerEvent(DateTimeOffset At)
{
    /// <summary>Record 0. One ledger for one patient population, whatever files, jobs and installations come and
    /// go.</summary>
    /// <param name="Limit">The policy's at that time: for the record, since each grant is held to the policy of its own
    /// time.</param>
    public sealed record Opened(DateTimeOffset At, string Scope, CompositionRule Rule, PrivacyBudget Limit)
        : LedgerEvent(At);

    /// <summary>A job was given all it may release, at its worst case.</summary>
    /// <param name="Limit">The policy's, which all grants together kept.</param>
    public sealed record Granted(
        DateTimeOffset At, string Job, Digest PlanHash, PrivacyTerms Terms, PrivacyBudget Limit) : LedgerEvent(At);

    /// <summary>One round's noise may be drawn, once.</summary>
    /// <param name="Grant">Sequence number of the <see cref="Granted"/> this is part of.</param>
    public sealed record Charged(DateTimeOffset At, long Grant, int Round, int Attempt) : LedgerEvent(At);

    /// <summary>Nothing more is released under a grant. One that was never charged counts no longer; any other counts
    /// in full.</summary>
    public sealed record Closed(DateTimeOffset At, long Grant) : LedgerEvent(At);

    /// <summary>A witness holds a head that these records do not lead to: nothing is granted or charged until an
    /// operator reconciles.</summary>
    public sealed record Contradicted(DateTimeOffset At, LedgerHead Witnessed) : LedgerEvent(At);

    /// <summary>An operator accounted for records that are missing. Its sequence number lies past them.</summary>
    /// <param name="Operator">Who answers for it.</param>
    /// <param name="Charge">What the missing records may have spent.</param>
    public sealed record Reconciled(DateTimeOffset At, string Operator, string Reason, PrivacyBudget Charge)
        : LedgerEvent(At);
}

/// <summary>An event in its place in the chain.</summary>
public sealed record LedgerRecord
{
    internal LedgerRecord(long sequence, Digest previous, LedgerEvent @event, Digest hash) =>
        (Sequence, Previous, Event, Hash) = (sequence, previous, @event, hash);

    /// <summary>One more than that of the record before; a reconciliation may leave a gap.</summary>
    public long Sequence { get; }

    /// <summary>SHA-256 of the record before; zeros in record 0.</summary>
    public Digest Previous { get; }

    /// <summary>What happened.</summary>
    public LedgerEvent Event { get; }

    /// <summary>SHA-256 of this record's bytes, <see cref="Previous"/> among them.</summary>
    public Digest Hash { get; }
}
