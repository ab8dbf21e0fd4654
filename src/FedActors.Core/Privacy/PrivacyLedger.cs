//  Privacy ledger
//      What a hospital's patients have lost to all jobs together: grants, charges, and who changed what. Append-only,
//      each record chained to the one before by SHA-256.
//  Rules:    a job's whole plan is granted at its worst case before its first release, and counts from then on; a round
//            is
//            charged before its noise is drawn; nothing is given back but a grant that was never charged; no message
//            raises
//            a limit. A head that leads elsewhere stops everything until an operator reconciles.
//  Source:   filters: PrivacyFilter.md. Why grants count whole: a job that stops early is post-processing of the whole
//            one.
//  Size:     one entry a grant; records themselves are not kept in memory.

using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Privacy;

/// <summary>What one job was given.</summary>
/// <param name="Sequence">Of its <see cref="LedgerEvent.Granted"/>.</param>
/// <param name="Charged">Releases charged so far.</param>
/// <param name="Round">Charged last; 0 before the first.</param>
/// <param name="Attempt">Charged last; 0 before the first.</param>
public sealed record LedgerGrant(
    long Sequence, DateTimeOffset At, string Job, Digest PlanHash, PrivacyTerms Terms, long Charged, int Round,
    int Attempt, bool IsClosed)
{
    /// <summary>Releases that may still be charged.</summary>
    public long Left => IsClosed ? 0 : Terms.Releases - Charged;

    /// <summary>Whether it counts against the limit: all do but one that was closed before its first charge.</summary>
    public bool Counts => Charged > 0 || !IsClosed;
}

/// <summary>One release a hospital wants to make.</summary>
/// <param name="Terms">Of the whole job; the same for each of its rounds.</param>
public sealed record ChargeRequest(string Job, Digest PlanHash, int Round, int Attempt, PrivacyTerms Terms);

/// <summary>A ledger's answer: records that must be durable before anything follows from them, or a refusal that
/// changed nothing.</summary>
public abstract record LedgerDecision
{
    private LedgerDecision() { }

    /// <param name="Records">To append, in this order, in one write; none where nothing is to be done.</param>
    /// <param name="Next">The ledger once they are durable.</param>
    public sealed record Accepted(ImmutableArray<LedgerRecord> Records, PrivacyLedger Next) : LedgerDecision;

    /// <param name="Reason">Typed, with the figures it rests on.</param>
    public sealed record Refused(PrivacyRefusal Reason) : LedgerDecision;
}

/// <summary>The ledger of one patient population. Immutable; equal records give equal ledgers. See
/// PrivacyLedger.md.</summary>
public sealed class PrivacyLedger
{
    private readonly ImmutableDictionary<long, LedgerGrant> _grants;
    private readonly ImmutableDictionary<(string Job, Digest Plan), long> _newest;
    private readonly ImmutableList<PrivacyBudget> _reconciled;
    private readonly IPrivacyFilter _spent;

    private PrivacyLedger(
        string scope, CompositionRule rule, PrivacyBudget limit, LedgerHead head,
        ImmutableDictionary<long, LedgerGrant> grants,
        ImmutableDictionary<(string, Digest), long> newest, ImmutableList<PrivacyBudget> reconciled,
        IPrivacyFilter spent,
        LedgerHead? contradiction, long reconciledAt)
    {
        (Scope, Rule, Limit, Head, _grants, _newest) = (scope, rule, limit, head, grants, newest);
        (_reconciled, _spent, Contradiction, ReconciledAt) = (reconciled, spent, contradiction, reconciledAt);
    }

    /// <summary>The patients it is about.</summary>
    public string Scope { get; }

    /// <summary>How jobs add up.</summary>
    public CompositionRule Rule { get; }

    /// <summary>What the policy allowed when the last grant was made: for the record. What holds is what the policy
    /// says now.</summary>
    public PrivacyBudget Limit { get; }

    /// <summary>Its last record.</summary>
    public LedgerHead Head { get; }

    /// <summary>What all grants and reconciliations may have revealed together.</summary>
    public PrivacyBudget Spent => Head.Spent;

    /// <summary>The witnessed head that these records do not lead to, until an operator reconciles; else
    /// null.</summary>
    public LedgerHead? Contradiction { get; }

    /// <summary>Number of the last reconciliation; heads before it are accounted for. -1 where there was
    /// none.</summary>
    public long ReconciledAt { get; }

    /// <summary>Oldest first.</summary>
    public IEnumerable<LedgerGrant> Grants => _grants.Values.OrderBy(grant => grant.Sequence);

    /// <summary>Losses that operators added, oldest first.</summary>
    public IReadOnlyList<PrivacyBudget> Reconciliations => _reconciled;

    /// <summary>The first record of a new ledger.</summary>
    /// <param name="scope">Names the patients, at most 200 characters.</param>
    /// <exception cref="ArgumentException">No such name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rule's order is below 2 or above 4096.</exception>
    public static LedgerRecord Open(string scope, CompositionRule rule, PrivacyBudget limit, DateTimeOffset now)
    {
        if (string.IsNullOrWhiteSpace(scope) || scope.Length > 200)
            throw new ArgumentException("A scope has 1 to 200 characters.", nameof(scope));
        rule.Start();
        return LedgerCodec.Seal(0, default, new LedgerEvent.Opened(now, scope, rule, limit));
    }

    /// <summary>The ledger that begins with this record.</summary>
    /// <exception cref="InvalidOperationException">It is not a first record.</exception>
    public static PrivacyLedger From(LedgerRecord first) =>
        first is { Sequence: 0, Event: LedgerEvent.Opened opened } && first.Previous == default
            ? new PrivacyLedger(
                opened.Scope, opened.Rule, opened.Limit, new LedgerHead(0, first.Hash, default),
                ImmutableDictionary<long, LedgerGrant>.Empty,
                ImmutableDictionary<(string, Digest), long>.Empty, [], opened.Rule.Start(), null, -1)
            : throw new InvalidOperationException("A ledger begins with its opening.");

    /// <summary>
    /// Asks to release one round's noisy sum. A round that follows the last one charged, or repeats it, draws on the
    /// job's grant; one that goes back is a new run of the job and needs a grant of its own, as the first one does.
    /// </summary>
    /// <param name="limit">What the scope may spend in all: the policy's, never the job's.</param>
    public LedgerDecision Charge(ChargeRequest request, PrivacyBudget limit, DateTimeOffset now)
    {
        if (Contradiction is { } witnessed)
            return new LedgerDecision.Refused(new PrivacyRefusal.LedgerRollback(Head, witnessed));
        var grant = _newest.TryGetValue((request.Job, request.PlanHash), out var newest) ? _grants[newest] : null;
        if (grant is not null && grant.Terms != request.Terms)
            return new LedgerDecision.Refused(new PrivacyRefusal.PlanChanged(request.Job));
        var isAhead = grant is not null && (request.Round, request.Attempt).CompareTo((grant.Round, grant.Attempt)) > 0;
        if (grant is { IsClosed: false } && (grant.Left > 0 ? request.Round >= grant.Round : isAhead))
            return grant.Left > 0
                ? Accept(new LedgerEvent.Charged(now, grant.Sequence, request.Round, request.Attempt))
                : new LedgerDecision.Refused(new PrivacyRefusal.GrantExhausted(request.Job, grant.Terms.Releases));
        if (_spent.Admit(request.Terms, limit) is null)
            return new LedgerDecision.Refused(
                new PrivacyRefusal.BudgetExhausted(Scope, Spent, request.Terms.Cost, limit));
        return Accept(
            new LedgerEvent.Granted(now, request.Job, request.PlanHash, request.Terms, limit),
            new LedgerEvent.Charged(now, Head.Sequence + 1, request.Round, request.Attempt));
    }

    /// <summary>The job is over: nothing more is charged under its newest grant. Repeated, or for no grant: nothing to
    /// do.</summary>
    public LedgerDecision Close(string job, Digest planHash, DateTimeOffset now) =>
        _newest.TryGetValue((job, planHash), out var newest) && !_grants[newest].IsClosed
            ? Accept(new LedgerEvent.Closed(now, newest))
            : Accept();

    /// <summary>Compares with a head that a witness holds and this hospital once signed.</summary>
    /// <param name="own">Hash of this ledger's own record of that number; null where there is none.</param>
    public LedgerDecision Witness(LedgerHead witnessed, Digest? own, DateTimeOffset now) =>
        Contradiction is not null || witnessed.Sequence <= ReconciledAt || own == witnessed.Hash
            ? Accept()
            : Accept(new LedgerEvent.Contradicted(now, witnessed));

    /// <summary>
    /// An operator accounts for what is missing. Charges what the witnessed head spent beyond the records that both
    /// share, and
    /// <paramref name="charge"/> besides.
    /// </summary>
    /// <param name="known">The newest head anybody holds; where it is not given, the contradiction's.</param>
    /// <param name="shared">What was spent when this ledger and the missing one parted: 0 where nobody knows.</param>
    /// <exception cref="ArgumentException">Nobody answers for it, or a negative or infinite charge.</exception>
    public LedgerDecision Reconcile(
        string @operator, string reason, LedgerHead? known, PrivacyBudget shared, PrivacyBudget charge,
        DateTimeOffset now)
    {
        if (string.IsNullOrWhiteSpace(@operator) || string.IsNullOrWhiteSpace(reason))
            throw new ArgumentException("An operator and a reason are needed.");
        if (!(charge.Epsilon >= 0 && charge.Delta is >= 0 and < 1) || double.IsInfinity(charge.Epsilon))
            throw new ArgumentException("A charge is at least 0, and delta below 1.", nameof(charge));
        LedgerHead? other = known is { } told && told.Sequence >= (Contradiction?.Sequence ?? -1)
            ? told
            : Contradiction;
        var missing = other is { } head && head.Sequence > ReconciledAt
            ? new PrivacyBudget(Beyond(head.Spent.Epsilon, shared.Epsilon), Beyond(head.Spent.Delta, shared.Delta))
            : default;
        return AcceptAt(
            Math.Max(Head.Sequence, other?.Sequence ?? 0) + 1,
            new LedgerEvent.Reconciled(
                now, @operator, reason,
                new PrivacyBudget(missing.Epsilon + charge.Epsilon, missing.Delta + charge.Delta)));
    }

    /// <exception cref="InvalidOperationException">The record cannot follow: the chain is broken, or no ledger would
    /// have written it.</exception>
    public PrivacyLedger Apply(LedgerRecord record)
    {
        if (record.Previous != Head.Hash)
            throw new InvalidOperationException($"Record {record.Sequence} does not follow record {Head.Sequence}.");
        if (record.Event is LedgerEvent.Reconciled
            ? record.Sequence <= Head.Sequence
            : record.Sequence != Head.Sequence + 1)
            throw new InvalidOperationException($"Record {record.Sequence} stands where {Head.Sequence + 1} belongs.");
        return record.Event switch
        {
            LedgerEvent.Granted e => With(record,
                grants: _grants.Add(record.Sequence,
                    new LedgerGrant(record.Sequence, e.At, e.Job, e.PlanHash, e.Terms, 0, 0, 0, false)),
                newest: _newest.SetItem((e.Job, e.PlanHash), record.Sequence),
                spent: _spent.Add(e.Terms),
                limit: e.Limit),
            LedgerEvent.Charged e when _grants.TryGetValue(e.Grant, out var grant) && grant.Left > 0 => With(record,
                grants: _grants.SetItem(e.Grant,
                    grant with { Charged = grant.Charged + 1, Round = e.Round, Attempt = e.Attempt })),
            LedgerEvent.Closed e when _grants.TryGetValue(e.Grant, out var grant) && !grant.IsClosed =>
                Closing(record, _grants.SetItem(e.Grant, grant with { IsClosed = true })),
            LedgerEvent.Contradicted e => With(record, contradiction: e.Witnessed),
            LedgerEvent.Reconciled e => With(record,
                reconciled: _reconciled.Add(e.Charge), spent: _spent.Add(e.Charge), reconciledAt: record.Sequence),
            _ =>
                throw new InvalidOperationException(
                    $"Record {record.Sequence}: no {record.Event.GetType().Name} can follow here."),
        };
    }

    // What is missing may be too small to tell from rounding: a little more is charged rather than a little less.
    private static double Beyond(double other, double own) => other <= own ? 0 : Math.BitIncrement(other - own);

    private PrivacyLedger Closing(LedgerRecord record, ImmutableDictionary<long, LedgerGrant> grants) => With(
        record, grants: grants,
        spent: _reconciled.Aggregate(
            grants.Values.OrderBy(grant => grant.Sequence).Where(grant => grant.Counts)
                .Aggregate(Rule.Start(), (filter, grant) => filter.Add(grant.Terms)),
            (filter, loss) => filter.Add(loss)));

    private PrivacyLedger With(
        LedgerRecord record, ImmutableDictionary<long, LedgerGrant>? grants = null,
        ImmutableDictionary<(string, Digest), long>? newest = null,
        ImmutableList<PrivacyBudget>? reconciled = null, IPrivacyFilter? spent = null, LedgerHead? contradiction = null,
        long? reconciledAt = null,
        PrivacyBudget? limit = null) => new(
        Scope, Rule, limit ?? Limit, new LedgerHead(record.Sequence, record.Hash, spent?.Spent ?? Head.Spent),
        grants ?? _grants, newest ?? _newest,
        reconciled ?? _reconciled, spent ?? _spent, reconciledAt is null ? contradiction ?? Contradiction : null,
        reconciledAt ?? ReconciledAt);

    private LedgerDecision.Accepted Accept(params ReadOnlySpan<LedgerEvent> events) =>
        AcceptAt(Head.Sequence + 1, events);

    private LedgerDecision.Accepted AcceptAt(long sequence, params ReadOnlySpan<LedgerEvent> events)
    {
        var (records, next) = (ImmutableArray.CreateBuilder<LedgerRecord>(events.Length), this);
        foreach (var @event in events)
        {
            var record = LedgerCodec.Seal(sequence++, next.Head.Hash, @event);
            records.Add(record);
            next = next.Apply(record);
        }
        return new LedgerDecision.Accepted(records.ToImmutable(), next);
    }
}
