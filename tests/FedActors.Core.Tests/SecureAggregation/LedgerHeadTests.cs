using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>Heads of privacy ledgers that go out with the keys of a round under noise: hub and peers hold hospitals to them.</summary>
public sealed class LedgerHeadTests
{
    private Consortium _consortium = null!;
    private Conversation _play = null!;

    [SetUp]
    public void SetUp()
    {
        _consortium = new Consortium(7);
        Begin(attempt: 1, _ => MaskingLedger.Empty);
    }

    [TearDown]
    public void TearDown()
    {
        _play.Dispose();
        _consortium.Dispose();
    }

    private HospitalId Restored => _consortium.Ids[2];

    [Test]
    public void Peers_remember_the_heads_they_masked_with_and_mask_nothing_with_an_older_one()
    {
        var journals = PlayOnce(head: 60);
        Begin(attempt: 2, journals);
        _play.View = id => ViewOf(id, id == Restored ? 12 : 61);

        _play.Run();

        Assert.That(_play.Hub.Aborted!.Code, Is.EqualTo(AbortCode.TooFew), "nobody but the one with the old ledger went on");
        Assert.That(_play.Refusals.Select(refused => refused.Hospital), Is.EquivalentTo(_consortium.Ids.Remove(Restored)));
        foreach (var (_, refusal) in _play.Refusals)
        {
            Assert.That(refusal.Why.Code, Is.EqualTo(AbortCode.LedgerBehind));
            Assert.That(refusal.Why.Culprits.Single(), Is.EqualTo(Restored));
            // The evidence: what the hospital itself signed, for the hub to hand back to it.
            Assert.That(refusal.Send!.Ledger!.Head.Sequence, Is.EqualTo(60));
            Assert.That(refusal.Send.Ledger.IsSignedBy(_consortium.Keys[Restored].Public));
        }
    }

    [Test]
    public void A_ledger_that_is_gone_is_noticed_as_one_that_is_old()
    {
        var journals = PlayOnce(head: 60);
        Begin(attempt: 2, journals);
        _play.View = id => id == Restored ? Consortium.View : ViewOf(id, 61);
        _play.Run();
        Assert.That(_play.Refusals.Select(refused => refused.Decision.Why.Code), Is.All.EqualTo(AbortCode.LedgerBehind));
        Assert.That(_play.Hub.Sum, Is.Null);
    }

    [Test]
    public void A_reconciled_ledger_whose_number_lies_past_the_witnessed_one_is_let_in_again()
    {
        var journals = PlayOnce(head: 60);
        Begin(attempt: 2, journals);
        _play.View = id => ViewOf(id, 61);
        _play.Run();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids));
    }

    [Test]
    public void A_hub_that_knows_a_newer_head_goes_on_without_the_hospital_and_names_it()
    {
        _play.Hub = AggregationSession.Resume(
            _play.Spec, _consortium.Roster, _consortium.CoordinatorKey, [], null, HeadOf(Restored, 60));
        _play.View = id => ViewOf(id, 12);
        _play.Run();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids.Remove(Restored)));
        Assert.That(_play.HubRefusals[0].Why.Code, Is.EqualTo(AbortCode.LedgerBehind));
        Assert.That(_play.HubRefusals[0].Why.Culprits.Single(), Is.EqualTo(Restored));
    }

    [Test]
    public void A_head_of_another_hospital_or_under_another_key_gets_no_one_in()
    {
        var forged = SignedLedgerHead.By(_consortium.CoordinatorKey, Restored, "ward", new LedgerHead(99, default, default));
        foreach (var head in new[] { forged, HeadOf(_consortium.Ids[0], 99) })
        {
            Begin(attempt: 1, _ => MaskingLedger.Empty);
            _play.View = id => id == Restored ? Consortium.View with { Ledger = head } : ViewOf(id, 5);
            _play.Run();
            Assert.That(_play.HubRefusals[0].Why.Code, Is.EqualTo(AbortCode.BadSignature));
            Assert.That(_play.Hub.Sum!.Survivors, Does.Not.Contain(Restored));
        }
    }

    [Test]
    public void A_hub_that_takes_a_head_out_or_puts_an_older_one_in_is_found_out_by_all()
    {
        foreach (var other in new[] { null, HeadOf(Restored, 3) })
        {
            Begin(attempt: 1, _ => MaskingLedger.Empty);
            _play.View = id => ViewOf(id, 5);
            _play.ToHospital = (_, message) => message is Roster1 roster
                ? _play.Coordinator(roster with
                {
                    Adverts = [.. roster.Adverts.Select(advert => advert.Hospital == Restored ? advert with { Ledger = other } : advert)],
                })
                : message;
            _play.Run();
            Assert.That(_play.Hub.Sum, Is.Null);
            Assert.That(_play.Refusals.Select(refused => refused.Decision.Why.Code), Is.All.EqualTo(AbortCode.BadSignature)
                .Or.EqualTo(AbortCode.OwnAdvertAltered));
        }
    }

    [Test]
    public void A_job_without_noise_asks_for_no_head()
    {
        var journals = PlayOnce(head: 60);
        Begin(attempt: 2, journals, NoiseSpec.None);
        _play.Run();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids));
    }

    // One round with the heads at this record; what each hospital's journal then says.
    private Func<HospitalId, MaskingLedger> PlayOnce(long head)
    {
        _play.View = id => ViewOf(id, head);
        _play.Run();
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(_consortium.Ids));
        var journal = _play.HospitalJournal.ToLookup(@event => @event switch
        {
            MaskingEvent.MaskedReady e => e.Message.Hospital,
            MaskingEvent.SurvivorSetSigned e => e.Message.Hospital,
            _ => ((MaskingEvent.SharesReleased)@event).Message.Hospital,
        });
        return id => journal[id].OfType<MaskingEvent.MaskedReady>().Aggregate(MaskingLedger.Empty, (ledger, @event) => ledger.Apply(@event));
    }

    private void Begin(int attempt, Func<HospitalId, MaskingLedger> ledgers, NoiseSpec? noise = null)
    {
        _play?.Dispose();
        _play = new Conversation(
            _consortium, _consortium.Spec(attempt: attempt) with { Noise = noise ?? new NoiseSpec(NoiseKind.Inside, 0, 0) }, ledgers);
    }

    private LocalView ViewOf(HospitalId hospital, long record) => Consortium.View with { Ledger = HeadOf(hospital, record) };

    private SignedLedgerHead HeadOf(HospitalId hospital, long record) => SignedLedgerHead.By(
        _consortium.Keys[hospital], hospital, "ward", new LedgerHead(record, Digest.Of(BitConverter.GetBytes(record)), default));
}
