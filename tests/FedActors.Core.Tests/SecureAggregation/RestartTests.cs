using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>What a crash of the hub or of a hospital leaves, at every point where something was or was not yet written.</summary>
public class RestartTests
{
    private Consortium _consortium = null!;
    private Conversation _play = null!;

    [SetUp]
    public void SetUp()
    {
        _consortium = new Consortium(5);
        _play = new Conversation(_consortium);
    }

    [TearDown]
    public void TearDown()
    {
        _play.Dispose();
        _consortium.Dispose();
    }

    private HospitalId First => _consortium.Ids[0];

    [Test]
    public void Case_24_a_hub_that_crashes_in_any_phase_ends_with_the_same_bytes(
        [Values(AggregationPhase.Sharing, AggregationPhase.Masking, AggregationPhase.Agreeing, AggregationPhase.Unmasking)] AggregationPhase phase,
        [Values] bool midway)
    {
        _play.RunTo(phase);
        if (midway)
            _play.Exchange((id, _) => id >= _consortium.Ids[2]);                // two answers came in and are lost
        CrashHub();
        Assert.That(_play.Hub.Phase, Is.EqualTo(phase == AggregationPhase.Unmasking ? AggregationPhase.Agreeing : phase));
        RunAfterCrash();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids));
        Assert.That(_play.Hub.Sum.Residues.ToArray(), Is.EqualTo(_play.Oracle(_consortium.Ids)));
    }

    [Test]
    public void Case_24_a_hub_resumed_after_U3_announces_the_same_U3()
    {
        _play.RunTo(AggregationPhase.Agreeing, (id, phase) => id == _consortium.Ids[4] && phase == AggregationPhase.Masking);
        var before = _play.Hub.MessagesFor(First)[0].Statement();
        CrashHub();
        Assert.That(_play.Hub.MessagesFor(First)[0].Statement(), Is.EqualTo(before));
        Assert.That(_play.Hub.Accumulator.ToArray(), Is.EqualTo(_play.Blob));
        _play.Run();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids[..4]));
        Assert.That(_play.Hub.Sum.Residues.ToArray(), Is.EqualTo(_play.Oracle(_consortium.Ids[..4])));
    }

    [Test]
    public void Case_24_a_hub_that_lost_the_vectors_gets_them_again_even_from_a_restarted_hospital()
    {
        _play.RunTo(AggregationPhase.Masking);
        _play.Exchange();
        CrashHub();
        Recover(First);
        RunAfterCrash();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids), "its stored bytes are in the sum");
        Assert.That(_play.Hub.Sum.Residues.ToArray(), Is.EqualTo(_play.Oracle(_consortium.Ids)));
    }

    [Test]
    public void Case_25_a_hub_whose_journal_was_rolled_back_gets_no_second_survivor_set()
    {
        _play.RunTo(AggregationPhase.Agreeing);
        _play.Exchange();
        _play.HubJournal.RemoveAll(@event => @event is AggregationEvent.SurvivorSetFixed);
        CrashHub();
        while (_play.Hub.Phase < AggregationPhase.Opened)
        {
            for (var i = 0; i < 3; i++)
                _play.Exchange((id, phase) => phase == AggregationPhase.Masking && id == _consortium.Ids[4]);
            _play.EndPhase();
        }
        Assert.That(_play.Hub.Sum, Is.Null);
        Assert.That(_play.Refusals.Select(refusal => refusal.Decision.Why.Code).Where(code => code != AbortCode.WrongPhase),
            Is.Not.Empty.And.All.EqualTo(AbortCode.Equivocation));
    }

    [Test]
    public void A_blob_that_is_not_the_journaled_one_stops_the_hub()
    {
        _play.RunTo(AggregationPhase.Agreeing);
        foreach (var blob in new byte[]?[] { null, [], _play.Blob![..^1], [.. _play.Blob!, 0], [(byte)(_play.Blob![0] ^ 1), .. _play.Blob[1..]] })
        {
            using var stream = blob is null ? null : new MemoryStream(blob);
            Assert.That(() => AggregationSession.Resume(
                _play.Spec, _consortium.Roster, _consortium.CoordinatorKey, _play.HubJournal, stream),
                Throws.TypeOf<FaultException>().With.Message.Contains("FA-3005"));
        }
    }

    [Test]
    public void Events_that_do_not_follow_one_another_stop_the_hub()
    {
        _play.RunTo(AggregationPhase.Agreeing);
        foreach (var journal in new[] { _play.HubJournal[1..], [.. _play.HubJournal[..1], .. _play.HubJournal[..1]] })
            Assert.That(() => AggregationSession.Resume(_play.Spec, _consortium.Roster, _consortium.CoordinatorKey, journal, null),
                Throws.InvalidOperationException);
    }

    [Test]
    public void Case_19_a_hospital_that_restarts_before_it_masked_never_masks_for_that_session()
    {
        foreach (var phase in new[] { AggregationPhase.Sharing, AggregationPhase.Masking })
        {
            SetUp();
            _play.RunTo(phase);
            Assert.That(HospitalMasking.Recover(
                First, _consortium.Keys[First], _consortium.Roster, new MaskingPolicy(), MaskingLedger.Empty, _play.Hub.Session), Is.Null);
            using var reborn = Reborn(MaskingLedger.Empty);
            _play.Hospitals[First] = reborn;
            foreach (var message in _play.Hub.MessagesFor(First))
                Assert.That(_play.Ask(First, message), Is.InstanceOf<MaskingDecision.Rejected>());

            // Even if the hub invites it to the same session again, its new keys are not those of U1.
            Assert.That(_play.Ask(First, _play.Coordinator(new RoundOpen(_play.Spec))), Is.InstanceOf<MaskingDecision.Accepted>());
            var roster = _play.Coordinator(new Roster1(_play.Hub.Session, _play.Hub.Phase == AggregationPhase.Sharing
                ? ((Roster1)_play.Hub.MessagesFor(First)[0]).Adverts
                : _play.Transcript.OfType<Roster1>().First().Adverts));
            Assert.That(((MaskingDecision.Rejected)_play.Ask(First, roster)).Why.Code, Is.EqualTo(AbortCode.OwnAdvertAltered));
            Assert.That(_play.Spools, Does.Not.ContainKey(First));
            _play.Run((id, _) => id == First);
            Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids[1..]), "it is a dropout");
        }
    }

    [Test]
    public void Case_19_a_hospital_that_restarts_after_it_masked_repeats_its_bytes_and_never_masks_again()
    {
        _play.RunTo(AggregationPhase.Masking);
        var inbox = (Inbox)_play.Hub.MessagesFor(First)[0];
        var masked = ((MaskingDecision.Accepted)_play.Deliver(First, inbox)).Send[0];
        Recover(First);

        var residues = (byte[])_play.Updates[First].Clone();
        var decision = (MaskingDecision.Accepted)_play.Hospitals[First].Receive(inbox, residues);
        Assert.That(decision.Journal, Is.Empty);
        Assert.That(decision.Send, Is.EqualTo(new[] { masked }));
        Assert.That(residues, Is.EqualTo(_play.Updates[First]), "nothing is masked twice");
        Assert.That(Code(_play.Coordinator(new RoundOpen(_play.Spec))), Is.EqualTo(AbortCode.SecretsLost));

        using var reborn = Reborn(_play.Hospitals[First].Ledger);
        Assert.That(((MaskingDecision.Rejected)reborn.Receive(_play.Coordinator(new RoundOpen(_play.Spec)), Consortium.View)).Why.Code,
            Is.EqualTo(AbortCode.StaleRound), "the ledger knows that this session was masked for");
    }

    [Test]
    public void Case_19_a_hospital_that_restarts_after_it_masked_signs_once_and_releases_nothing()
    {
        _play.RunTo(AggregationPhase.Agreeing);
        Recover(First);
        _play.Exchange();
        Assert.That(_play.HospitalJournal.OfType<MaskingEvent.SurvivorSetSigned>().Count(e => e.Message.Hospital == First), Is.EqualTo(1));
        _play.EndPhase();
        _play.Exchange();
        Assert.That(_play.Refusals.Single().Decision.Why.Code, Is.EqualTo(AbortCode.SecretsLost));
        _play.EndPhase();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids), "its update is in: the four others open the sum");
    }

    [Test]
    public void Case_19_a_hospital_that_restarts_after_it_signed_signs_no_other_set()
    {
        _play.RunTo(AggregationPhase.Agreeing);
        var survivors = _play.Hub.MessagesFor(First)[0];
        var signed = ((MaskingDecision.Accepted)_play.Deliver(First, survivors)).Send[0];
        Recover(First);
        Assert.That(((MaskingDecision.Accepted)_play.Ask(First, survivors)).Send, Is.EqualTo(new[] { signed }));
        Assert.That(Code(_play.Coordinator(new Survivors(_play.Hub.Session, _consortium.Ids[..4]))), Is.EqualTo(AbortCode.Equivocation));
    }

    [Test]
    public void Case_19_a_hospital_that_restarts_after_it_released_repeats_the_very_answer()
    {
        _play.RunTo(AggregationPhase.Unmasking);
        var request = _play.Hub.MessagesFor(First)[0];
        var released = ((MaskingDecision.Accepted)_play.Deliver(First, request)).Send[0];
        Recover(First);
        var again = (MaskingDecision.Accepted)_play.Ask(First, request);
        Assert.That(again.Journal, Is.Empty);
        Assert.That(again.Send, Is.EqualTo(new[] { released }));
        Assert.That(_play.Hospitals[First].Ledger.ReleasedSets(_play.Spec.Model), Has.Length.EqualTo(1));
    }

    [Test]
    public void Case_32_without_its_ledger_a_hospital_signs_nothing()
    {
        _play.RunTo(AggregationPhase.Agreeing);
        Assert.That(HospitalMasking.Recover(First, _consortium.Keys[First], _consortium.Roster, new MaskingPolicy(),
            MaskingLedger.Empty, _play.Hub.Session), Is.Null);
        using var reborn = Reborn(MaskingLedger.Empty);
        Assert.That(reborn.Receive((Survivors)_play.Hub.MessagesFor(First)[0]), Is.InstanceOf<MaskingDecision.Rejected>());
    }

    [Test]
    public void Case_32_a_journal_that_contradicts_itself_stops_the_hospital()
    {
        _play.Run();
        var journal = _play.HospitalJournal.Where(e => e is not MaskingEvent.MaskedReady m || m.Message.Hospital == First).ToArray();
        var masked = journal.OfType<MaskingEvent.MaskedReady>().Single();
        var signed = journal.OfType<MaskingEvent.SurvivorSetSigned>().First();
        var released = journal.OfType<MaskingEvent.SharesReleased>().First();
        Assert.That(() => Replay(masked, signed, released), Throws.Nothing);
        Assert.That(() => Replay(signed), Throws.InvalidOperationException);
        Assert.That(() => Replay(masked, masked), Throws.InvalidOperationException);
        Assert.That(() => Replay(masked, released), Throws.InvalidOperationException);
        Assert.That(() => Replay(masked, signed, signed), Throws.InvalidOperationException);
        Assert.That(() => Replay(masked, signed, released with { Hospitals = _consortium.Ids[..4] }), Throws.InvalidOperationException);
        Assert.That(() => Replay(masked, signed, released, released), Throws.InvalidOperationException);
    }

    [Test]
    public void An_older_round_or_attempt_is_stale_and_a_newer_one_is_not()
    {
        _play.Run();
        var ledger = _play.Hospitals[First].Ledger;
        foreach (var (round, attempt, ahead) in new[] { (1, 1, false), (1, 2, true), (2, 1, true) })
            Assert.That(ledger.IsAhead(_consortium.Spec(attempt: attempt, round: round)), Is.EqualTo(ahead));
        using var reborn = Reborn(ledger);
        Assert.That(((MaskingDecision.Rejected)reborn.Receive(_play.Coordinator(new RoundOpen(_play.Spec)), Consortium.View)).Why.Code,
            Is.EqualTo(AbortCode.StaleRound));
    }

    [Test]
    public void A_closed_session_is_forgotten_but_what_was_released_is_not()
    {
        _play.Run();
        var ledger = _play.Hospitals[First].Ledger.Close(_play.Hub.Session);
        Assert.That(ledger.Sessions, Is.Empty);
        Assert.That(ledger.ReleasedSets(_play.Spec.Model).Single(), Is.EqualTo(_consortium.Ids));
        Assert.That(ledger.IsAhead(_play.Spec), Is.False);
    }

    private void CrashHub()
    {
        using var blob = _play.Blob is null ? null : new MemoryStream(_play.Blob);
        _play.Hub = AggregationSession.Resume(_play.Spec, _consortium.Roster, _consortium.CoordinatorKey, _play.HubJournal, blob);
    }

    /// <summary>After a crash a phase may need two exchanges: shares again first, then the inboxes made of them.</summary>
    private void RunAfterCrash()
    {
        while (_play.Hub.Phase < AggregationPhase.Opened)
        {
            for (var i = 0; i < 2; i++)
                _play.Exchange();
            _play.EndPhase();
        }
    }

    private void Recover(HospitalId id)
    {
        var ledger = _play.Hospitals[id].Ledger;
        _play.Hospitals[id].Dispose();
        _play.Hospitals[id] = HospitalMasking.Recover(
            id, _consortium.Keys[id], _consortium.Roster, new MaskingPolicy(), ledger, _play.Hub.Session)!;
    }

    private HospitalMasking Reborn(MaskingLedger ledger) => new(
        First, _consortium.Keys[First], _consortium.Roster, new MaskingPolicy(), new TestRandom(99), ledger);

    private AbortCode? Code(FromCoordinator message) => (_play.Ask(First, message) as MaskingDecision.Rejected)?.Why.Code;

    private static MaskingLedger Replay(params MaskingEvent[] events) =>
        events.Aggregate(MaskingLedger.Empty, (ledger, @event) => ledger.Apply(@event));
}
