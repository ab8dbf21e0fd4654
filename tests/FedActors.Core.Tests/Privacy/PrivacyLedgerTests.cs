using CsCheck;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using static FedActors.Core.Tests.Privacy.Ledgers;

namespace FedActors.Core.Tests.Privacy;

public sealed class PrivacyLedgerTests
{
    [Test]
    public void A_jobs_first_round_grants_the_whole_job_at_its_worst_case_and_charges_the_round()
    {
        var decision = New().Charge("stroke", 1);

        Assert.That(decision.Events().Select(@event => @event.GetType().Name),
            Is.EqualTo(new[] { "Granted", "Charged" }));
        Assert.That(decision.Next().Spent.Epsilon, Is.EqualTo(Terms.Cost.Epsilon));
        Assert.That(decision.Next().Grants.Single().Left, Is.EqualTo(2));
    }

    [Test]
    public void Later_rounds_and_repeated_attempts_draw_on_the_grant_and_spend_nothing_more()
    {
        var ledger = New().Charged("stroke", 1, 2);
        var again = ledger.Charge("stroke", 2, attempt: 2);

        Assert.That(again.Events().Single(), Is.EqualTo(new LedgerEvent.Charged(Now, 1, 2, 2)));
        Assert.That(again.Next().Spent, Is.EqualTo(ledger.Spent));
    }

    [Test]
    public void A_round_beyond_the_grant_is_refused()
    {
        var refusal = New().Charged("stroke", 1, 2, 3).Charge("stroke", 4).Refusal();
        Assert.That(refusal, Is.EqualTo(new PrivacyRefusal.GrantExhausted("stroke", 3)));
        Assert.That(refusal.Number.Code(), Is.EqualTo("FA-6021"));
    }

    [Test]
    public void A_run_that_starts_again_needs_a_grant_of_its_own_until_nothing_is_left()
    {
        var ledger = New().Charged("stroke", 1, 2).Charged("stroke", 1, 2);
        Assert.That(ledger.Spent.Epsilon, Is.EqualTo(2 * Terms.Cost.Epsilon).Within(1e-14));

        var refusal = (PrivacyRefusal.BudgetExhausted)ledger.Charge("stroke", 1).Refusal();
        Assert.That(refusal, Is.EqualTo(new PrivacyRefusal.BudgetExhausted("ward", ledger.Spent, Terms.Cost, Limit)));
    }

    [Test]
    public void The_same_round_under_another_job_is_charged_again() =>
        Assert.That(New().Charged("stroke", 1).Charge("stroke-2", 1).Events()[0], Is.InstanceOf<LedgerEvent.Granted>());

    [Test]
    public void A_single_round_that_is_run_again_and_again_exhausts_its_grant_and_then_the_budget()
    {
        var ledger = New().Charged("once", 1, 1, 1, 1, 1, 1);
        Assert.That(ledger.Grants.Count(), Is.EqualTo(2));
        Assert.That(ledger.Charge("once", 1).Refusal(), Is.InstanceOf<PrivacyRefusal.BudgetExhausted>());
    }

    [Test]
    public void Another_release_under_a_granted_plan_is_refused() =>
        Assert.That(
            New().Charged("stroke", 1)
            .Charge(Request("stroke", 2, 1, PrivacyTerms.Of(new DpEvent.SampledGaussian(0.1, 1, 5), 3, 1e-6)), Limit,
                Now).Refusal(),
            Is.EqualTo(new PrivacyRefusal.PlanChanged("stroke")));

    [Test]
    public void A_limit_that_was_lowered_holds_at_once_and_for_the_next_grant()
    {
        var ledger = New().Charged("stroke", 1);
        var lower = new PrivacyBudget(Terms.Cost.Epsilon / 2, 1e-5);
        Assert.That(ledger.Charge(Request("other", 1), lower, Now).Refusal(),
            Is.InstanceOf<PrivacyRefusal.BudgetExhausted>());
        Assert.That(ledger.Charge(Request("stroke", 2), lower, Now), Is.InstanceOf<LedgerDecision.Accepted>(),
            "what was granted is spent already");
    }

    [Test]
    public void Nothing_is_given_back_once_a_round_was_charged()
    {
        var ledger = New().Charged("stroke", 1);
        var closed = ledger.Close("stroke", Request("stroke", 1).PlanHash, Now).Next();

        Assert.That(closed.Spent, Is.EqualTo(ledger.Spent));
        Assert.That(closed.Grants.Single().Left, Is.Zero);
        Assert.That(closed.Close("stroke", Request("stroke", 1).PlanHash, Now).Events(), Is.Empty);
        Assert.That(closed.Charge("stroke", 2).Events()[0], Is.InstanceOf<LedgerEvent.Granted>(),
            "a closed job needs a new grant");
    }

    [Test]
    public void A_grant_that_was_never_charged_is_given_back_when_it_closes()
    {
        var first = ((LedgerDecision.Accepted)New().Charge("stroke", 1)).Records[0];
        // the process ended before the charge was written
        var granted = New().Apply(first);
        Assert.That(granted.Spent.Epsilon, Is.EqualTo(Terms.Cost.Epsilon));
        Assert.That(granted.Close("stroke", Request("stroke", 1).PlanHash, Now).Next().Spent.Epsilon, Is.Zero);
    }

    [TestCase(null)]
    [TestCase(12)]
    public void A_head_that_the_records_do_not_lead_to_stops_everything_until_an_operator_charges_the_difference(
        int? order)
    {
        var backup = New(order).Charged("a", 1);
        var lost = backup.Charged("b", 1, 2, 3);
        var stopped = backup.Witness(lost.Head, null, Now).Next();

        Assert.That(stopped.Charge("a", 2).Refusal(),
            Is.EqualTo(new PrivacyRefusal.LedgerRollback(stopped.Head, lost.Head)));
        Assert.That(stopped.Witness(lost.Head, null, Now).Events(), Is.Empty, "it is said once");

        var reconciled = stopped.Reconcile("Dr. Ode", "restored after a fire", null, backup.Spent, default, Now).Next();
        Assert.That(reconciled.Spent.Epsilon,
            Is.EqualTo(lost.Spent.Epsilon).Within(1e-12).And.GreaterThanOrEqualTo(lost.Spent.Epsilon));
        Assert.That(reconciled.Head.Sequence, Is.EqualTo(lost.Head.Sequence + 1));
        Assert.That(reconciled.Witness(lost.Head, null, Now).Events(), Is.Empty, "the old head is accounted for");
        Assert.That(reconciled.Charge("a", 2), Is.InstanceOf<LedgerDecision.Accepted>());
    }

    [Test]
    public void Two_ledgers_that_went_on_from_one_backup_are_both_charged_where_nobody_knows_where_they_parted()
    {
        var common = New().Charged("a", 1);
        var (mine, other) = (common.Charged("b", 1), common.Charged("c", 1));
        var stopped = mine.Witness(other.Head, own: mine.Head.Hash, Now).Next();
        var spent = stopped.Reconcile("Dr. Ode", "two agents ran", null, default, default, Now).Next().Spent;
        Assert.That(spent.Epsilon, Is.EqualTo(mine.Spent.Epsilon + other.Spent.Epsilon).Within(1e-12));
    }

    [Test]
    public void Its_own_earlier_head_is_no_contradiction()
    {
        var ledger = New().Charged("a", 1);
        Assert.That(ledger.Witness(ledger.Head, ledger.Head.Hash, Now).Events(), Is.Empty);
    }

    [Test]
    public void An_operator_answers_with_name_and_reason_for_a_charge_that_is_none_below_zero()
    {
        Assert.Throws<ArgumentException>(() => New().Reconcile("", "x", null, default, default, Now));
        Assert.Throws<ArgumentException>(() => New().Reconcile("x", " ", null, default, default, Now));
        Assert.Throws<ArgumentException>(() => New().Reconcile("x", "y", null, default, new PrivacyBudget(-1, 0), Now));
        Assert.Throws<ArgumentException>(() =>
            New().Reconcile("x", "y", null, default, new PrivacyBudget(double.NaN, 0), Now));
    }

    [Test]
    public void Records_follow_only_in_their_order()
    {
        var records = ((LedgerDecision.Accepted)New().Charge("a", 1)).Records;
        Assert.Throws<InvalidOperationException>(() => New().Apply(records[1]), "one is missing");
        Assert.Throws<InvalidOperationException>(() => New().Apply(records[0]).Apply(records[0]), "one stands twice");
        Assert.Throws<InvalidOperationException>(() => PrivacyLedger.From(records[0]), "the opening is missing");
    }

    [Test]
    public void A_record_that_was_changed_in_any_bit_is_not_read_as_whole()
    {
        var frame = LedgerCodec.Frame(((LedgerDecision.Accepted)New().Charge("a", 1)).Records[0]);
        for (var bit = 0; bit < 8 * frame.Length; bit++)
        {
            frame[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.That(LedgerCodec.Read(frame, out _, out _), Is.Not.EqualTo(LedgerCodec.Reading.Whole), $"bit {bit}");
            frame[bit / 8] ^= (byte)(1 << bit % 8);
        }
        for (var length = 0; length < frame.Length; length++)
            Assert.That(LedgerCodec.Read(frame.AsSpan(0, length), out _, out _), Is.EqualTo(LedgerCodec.Reading.CutOff),
                $"length {length}");
    }

    [Test]
    public void Every_event_is_read_as_it_was_written()
    {
        LedgerEvent[] events =
        [
            new LedgerEvent.Opened(Now, "ward", new CompositionRule(12, 1e-6), Limit),
            new LedgerEvent.Opened(Now, "ward", new CompositionRule(null, 0), Limit),
            new LedgerEvent.Granted(Now, "übung", Digest.Of([1]), Terms, Limit),
            new LedgerEvent.Granted(Now, "b", Digest.Of([2]),
                PrivacyTerms.Of(new DpEvent.DistributedDiscreteGaussian(0.5, 10, 20, 300, 4, 31, 1), 7, 1e-6), Limit),
            new LedgerEvent.Granted(Now, "c", Digest.Of([3]),
                PrivacyTerms.Of(new DpEvent.Skellam(1, 10, 20, 90000, 2), 7, 1e-6), Limit),
            new LedgerEvent.Charged(Now, 1, 2, 3),
            new LedgerEvent.Closed(Now, 1),
            new LedgerEvent.Contradicted(Now, new LedgerHead(9, Digest.Of([4]), new PrivacyBudget(1.5, 1e-6))),
            new LedgerEvent.Reconciled(Now, "Dr. Ode", "fire", new PrivacyBudget(0.25, 1e-7)),
        ];
        foreach (var @event in events)
        {
            var record = LedgerCodec.Seal(5, Digest.Of([9]), @event);
            Assert.That(LedgerCodec.Read(LedgerCodec.Frame(record), out var read, out _),
                Is.EqualTo(LedgerCodec.Reading.Whole));
            Assert.That(read, Is.EqualTo(record));
        }
    }

    [Test]
    public void However_two_jobs_interleave_restart_and_close_the_limit_is_never_passed_and_no_release_is_uncharged() =>
        Gen.Select(Gen.Int[0, 1], Gen.Int[0, 9], Gen.Int[1, 4]).Array[1, 12].Sample(
            steps =>
            {
                var (ledger, released) = (New(), new Dictionary<string, long>());
                foreach (var (job, what, round) in steps)
                {
                    var name = job == 0 ? "a" : "b";
                    if (what == 0)
                        ledger = ledger.Close(name, Request(name, 1).PlanHash, Now).Next();
                    else if (ledger.Charge(name, round, attempt: what) is LedgerDecision.Accepted accepted)
                    {
                        // A process may end after any record: what is durable by then is a prefix.
                        ledger = what == 9 ? ledger.Apply(accepted.Records[0]) : accepted.Next;
                        released[name] = released.GetValueOrDefault(name) + (ledger.Head == accepted.Next.Head ? 1 : 0);
                    }
                }
                // What was released is covered by grants that count, and those by the limit.
                var counted = ledger.Grants.Where(grant => grant.Counts).ToArray();
                return ledger.Spent.Epsilon <= Limit.Epsilon
                    && counted.Sum(grant => grant.Terms.Cost.Epsilon) <= Limit.Epsilon + 1e-12
                    && released.All(pair => counted.Where(grant => grant.Job == pair.Key)
                        .Sum(grant => grant.Charged) >= pair.Value)
                    && counted.All(grant => grant.Charged <= grant.Terms.Releases);
            },
            iter: 100_000);
}
