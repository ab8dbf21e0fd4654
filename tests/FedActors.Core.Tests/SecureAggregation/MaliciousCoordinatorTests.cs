using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>
/// A coordinator that signs what it likes. The numbers are those of the adversarial cases in the protocol's design:
/// each ends in its named refusal, never in shares, a signature or a vector that it should not have.
/// </summary>
[Category("MaliciousCoordinator")]
public class MaliciousCoordinatorTests
{
    private Consortium _consortium = null!;
    private Conversation _play = null!;

    [SetUp]
    public void SetUp()
    {
        _consortium = new Consortium(5);                                        // q = t = 4, one dropout
        _play = new Conversation(_consortium);
    }

    [TearDown]
    public void TearDown()
    {
        _play.Dispose();
        _consortium.Dispose();
    }

    private ImmutableArray<HospitalId> Ids => _consortium.Ids;

    [Test]
    public void Case_1_a_second_survivor_set_is_not_signed_and_nothing_is_released_any_more()
    {
        _play.RunTo(AggregationPhase.Unmasking);
        Expect(Ids[0], SurvivorSet(Ids[..4]), AbortCode.Equivocation, ends: true);
        Expect(Ids[0], _play.Hub.MessagesFor(Ids[0])[0], AbortCode.WrongPhase);
    }

    [Test]
    public void Case_1_after_the_release_only_the_stored_answer_is_repeated()
    {
        _play.RunTo(AggregationPhase.Unmasking);
        var request = _play.Hub.MessagesFor(Ids[0])[0];
        var first = Accept(Ids[0], request);
        Assert.That(first.Journal, Has.Length.EqualTo(1));

        var again = Accept(Ids[0], request);
        Assert.That(again.Journal, Is.Empty);
        Assert.That(again.Send[0], Is.SameAs(first.Send[0]), "byte for byte");

        var other = HospitalSet.SurvivorsHash(_play.Hub.Session, Ids[..4]);
        Expect(Ids[0], _play.Coordinator(((UnmaskRequest)request) with { SurvivorsHash = other }),
            AbortCode.Equivocation, ends: true);
    }

    [Test]
    public void Case_2_two_survivor_sets_shown_to_two_halves_never_get_a_quorum()
    {
        _play.RunTo(AggregationPhase.Agreeing);
        var (a, b) = (Ids.RemoveAt(4), Ids.RemoveAt(0));
        var signatures = new Dictionary<HospitalId, Consistency>();
        foreach (var id in Ids)
            signatures[id] = (Consistency)Accept(id, SurvivorSet(id <= Ids[2] ? a : b)).Send[0];

        foreach (var (id, set) in new[] { (Ids[0], a), (Ids[4], b) })
        {
            var request = new UnmaskRequest(_play.Hub.Session, signatures[id].SurvivorsHash,
                [.. signatures.OrderBy(pair => pair.Key)
                    .Select(pair => new SurvivorSignature(pair.Key, pair.Value.Signature))]);
            Expect(id, _play.Coordinator(request), AbortCode.NotEnoughSignatures);
            Assert.That(set, Has.Length.EqualTo(4));
        }
    }

    [Test]
    public void Case_3_a_survivor_named_twice() =>
        ExpectSurvivors([Ids[0], Ids[0], Ids[1], Ids[2], Ids[3]], AbortCode.ViewMismatch);

    [Test]
    public void Case_3_survivors_out_of_order() =>
        ExpectSurvivors([Ids[1], Ids[0], Ids[2], Ids[3]], AbortCode.ViewMismatch);

    [Test]
    public void Case_4_a_survivor_who_did_not_share()
    {
        _play.RunTo(AggregationPhase.Agreeing, (id, phase) => id == Ids[4] && phase == AggregationPhase.Sharing);
        Assert.That(_play.Hub.Members, Is.EqualTo(Ids[..4]));
        Expect(Ids[0], SurvivorSet(Ids), AbortCode.ViewMismatch, ends: true);
    }

    [Test]
    public void Case_4_a_survivor_out_of_nowhere() =>
        ExpectSurvivors([Ids[0], Ids[1], Ids[2], Ids[3], new HospitalId("nobody")], AbortCode.ViewMismatch);

    [Test]
    public void Case_5_survivors_without_the_recipient() => ExpectSurvivors(Ids.RemoveAt(0), AbortCode.ViewMismatch);

    [Test]
    public void Case_6_one_survivor_too_few() => ExpectSurvivors(Ids[..3], AbortCode.TooFew);

    [Test]
    public void Case_7_a_quorum_less_one_and_one_signature_twice()
    {
        var request = Request(out var signatures);
        ExpectSignatures(request, signatures[..3].Add(signatures[0]));
        ExpectSignatures(request, signatures[..3]);
        ExpectSignatures(request, signatures[..3].Add(signatures[0] with { Hospital = signatures[3].Hospital }));
        ExpectSignatures(request, []);
        Accept(Ids[0], _play.Coordinator(request with { Signatures = signatures[..4] }));
    }

    [Test]
    public void Case_8_a_signature_from_outside_the_survivors_does_not_count()
    {
        // Hospital 5 is of the roster, but not among the survivors; "nobody" is neither.
        _play.RunTo(AggregationPhase.Agreeing, (id, phase) => id == Ids[4] && phase == AggregationPhase.Masking);
        _play.Exchange((id, _) => id == Ids[4]);
        _play.EndPhase();
        var request = (UnmaskRequest)_play.Hub.MessagesFor(Ids[0])[0];
        var statement = new Consistency(_play.Hub.Session, Ids[4], U1, U2, request.SurvivorsHash, _play.Spec.Model);
        var outsider = new SurvivorSignature(Ids[4], _play.As(statement).Signature);
        var stranger = new SurvivorSignature(new HospitalId("nobody"), outsider.Signature);
        ExpectSignatures(request, request.Signatures[..3].Add(outsider));
        ExpectSignatures(request, request.Signatures[..3].Add(stranger));
    }

    [Test]
    public void Case_9_signatures_of_an_earlier_attempt_do_not_count()
    {
        var earlier = Request(out var old);
        using var second = new Conversation(_consortium, _consortium.Spec(attempt: 2));
        second.RunTo(AggregationPhase.Unmasking);
        var request = (UnmaskRequest)second.Hub.MessagesFor(Ids[0])[0];
        Expect(second, Ids[0], second.Coordinator(request with { Signatures = old }), AbortCode.NotEnoughSignatures);
        Expect(second, Ids[0], earlier, AbortCode.StaleRound);
    }

    [Test]
    public void Case_10_a_key_that_the_coordinator_substituted()
    {
        using var mine = EphemeralKey.Draw(new TestRandom(9));
        ExpectRoster(adverts => adverts.SetItem(1, adverts[1] with { MaskKey = new ByteString(mine.Public.Span) }),
            AbortCode.BadSignature, Ids[1]);
        ExpectRoster(adverts => adverts.SetItem(1, adverts[1] with { EnvelopeKey = new ByteString(mine.Public.Span) }),
            AbortCode.BadSignature, Ids[1]);
        ExpectRoster(adverts => adverts.SetItem(1, adverts[1] with { SeedCommitment = Digest.Of([]) }),
            AbortCode.BadSignature, Ids[1]);
        ExpectRoster(adverts => adverts.SetItem(1, adverts[1] with { Beacon = Digest.Of([]) }), AbortCode.BadSignature,
            Ids[1]);
    }

    [Test]
    public void Case_10_the_recipients_own_key_replaced_by_another_it_signed()
    {
        using var mine = EphemeralKey.Draw(new TestRandom(9));
        ExpectRoster(adverts => adverts.SetItem(
            0, _play.As(adverts[0] with { MaskKey = new ByteString(mine.Public.Span) })), AbortCode.OwnAdvertAltered);
        ExpectRoster(adverts => adverts.RemoveAt(0), AbortCode.OwnAdvertAltered);
    }

    [Test]
    public void Case_11_one_key_under_two_names()
    {
        ExpectRoster(adverts => adverts.SetItem(2, _play.As(adverts[2] with { MaskKey = adverts[1].MaskKey })),
            AbortCode.DuplicateKey, Ids[2]);
        ExpectRoster(adverts => adverts.SetItem(2, _play.As(adverts[2] with { MaskKey = adverts[0].MaskKey })),
            AbortCode.DuplicateKey, Ids[2]);
        ExpectRoster(adverts => adverts.SetItem(2, _play.As(adverts[2] with { EnvelopeKey = adverts[2].MaskKey })),
            AbortCode.DuplicateKey, Ids[2]);
        ExpectRoster(adverts => adverts.SetItem(
            2, _play.As(adverts[2] with { SeedCommitment = adverts[1].SeedCommitment })), AbortCode.DuplicateKey,
            Ids[2]);
    }

    [Test]
    public void Case_11_a_hospital_the_coordinator_invented()
    {
        using var key = SiteKey.Create(new TestRandom(9));
        ExpectRoster(adverts => adverts.Add(
            (adverts[1] with { Hospital = new HospitalId("invented") }).SignedBy(key)), AbortCode.NotInvited,
                new HospitalId("invented"));
    }

    [Test]
    public void Case_12_a_key_that_is_no_point()
    {
        foreach (var bad in BadPoints())
        {
            ExpectRoster(adverts => adverts.SetItem(1, _play.As(adverts[1] with { MaskKey = bad })), AbortCode.BadKey,
                Ids[1]);
            ExpectRoster(adverts => adverts.SetItem(1, _play.As(adverts[1] with { EnvelopeKey = bad })),
                AbortCode.BadKey, Ids[1]);
        }
    }

    [Test]
    public void Case_16_a_round_about_another_model_or_plan_than_the_hospital_has()
    {
        Expect(Ids[0], Opening(_play.Spec with { Model = Digest.Of([]) }), AbortCode.ModelMismatch);
        Expect(Ids[0], Opening(_play.Spec with { Task = Digest.Of([]) }), AbortCode.PlanMismatch);
        var chained = _play.Hospitals[Ids[0]].Receive(
            Opening(_play.Spec), Consortium.View with { PreviousSum = Digest.Of("another"u8) });
        Assert.That(Code(chained), Is.EqualTo(AbortCode.ModelChainBroken));
    }

    [Test]
    public void Case_16_a_model_shown_to_one_hospital_only_is_another_session_for_all()
    {
        var other = _play.Spec with { Model = Digest.Of("crafted"u8) };
        using var victim = _play.Hospitals[Ids[0]];
        var lured = (MaskingDecision.Accepted)victim.Receive(
            Opening(other), Consortium.View with { Model = other.Model });
        _play.Exchange((id, _) => id == Ids[0]);
        var adverts = _play.Transcript.OfType<Advertise>().ToImmutableArray().Insert(0, (Advertise)lured.Send[0]);
        Expect(Ids[1], RosterOf(adverts), AbortCode.StaleRound, ends: true, Ids[0]);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Case_16_a_view_that_differs_leaves_masks_that_do_not_cancel(bool differs)
    {
        // The coordinator tells hospital 1 that hospital 5 did not share, the others that it did; it ignores the hash
        // that gives this away, sums all five vectors and takes off every own mask. What is left is noise; with one
        // view for all it is the sum.
        _play.RunTo(AggregationPhase.Masking);
        if (differs)
            _play.ToHospital = (id, message) => id == Ids[0] && message is Inbox inbox
                ? _play.Coordinator(inbox with { Sharers = Ids[..4], Envelopes = inbox.Envelopes[..3] })
                : message;
        _play.Exchange();
        Assert.That(_play.Hub.Awaited, Is.EqualTo(differs ? Ids[..1] : []), "an honest hub refuses the upload");

        var sum = new byte[_play.Spec.Ring.Bytes];
        foreach (var masked in _play.Transcript.OfType<Masked>())
        {
            var key = new byte[32];
            var context = new MaskContext(
                32, _play.Spec.Ring.Coordinates, masked.KeysHash, masked.SharersHash, _play.Spec.Model);
            KeySchedule.Self(_play.Hub.Session, _play.Randoms[masked.Hospital].Drawn[2], masked.Hospital, context, key);
            MaskStream.Add(sum, _play.Spools[masked.Hospital], 32);
            MaskStream.Apply(sum, 32, key, [true]);
        }
        var oracle = _play.Oracle(Ids);
        var right = Enumerable.Range(0, sum.Length / 4)
            .Count(i => sum.AsSpan(4 * i, 4).SequenceEqual(oracle.AsSpan(4 * i, 4)));
        Assert.That(right, Is.EqualTo(differs ? 0 : sum.Length / 4), "coordinates that come out");
    }

    [Test]
    public void Case_17_weak_parameters()
    {
        var spec = _play.Spec;
        Expect(Ids[0], Opening(spec with { Thresholds = spec.Thresholds with { Quorum = 1 } }),
            AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Thresholds = spec.Thresholds with { Quorum = 3 } }),
            AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Thresholds = spec.Thresholds with { MinSurvivors = 1 } }),
            AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Thresholds = spec.Thresholds with { Corrupt = 0 } }),
            AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Thresholds = spec.Thresholds with { Hospitals = 3 } }),
            AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Graph = spec.Graph with { Threshold = 1 } }), AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Graph = new GraphSpec(2, 2, 10) }), AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Ring = spec.Ring with { WordBits = 16 } }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Ring = spec.Ring with { FractionBits = 20 } }), AbortCode.Overflow);
        Expect(Ids[0], Opening(spec with { Ring = spec.Ring with { Range = double.PositiveInfinity } }),
            AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Ring = spec.Ring with { ConstantOne = 8 } }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Cohort = [Ids[1], Ids[0], Ids[2], Ids[3], Ids[4]] }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Round = 0 }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Deadlines = spec.Deadlines with { Keys = TimeSpan.Zero } }),
            AbortCode.Malformed, "case 34");
        Expect(Ids[0], Opening(spec with { Roster = Digest.Of([]) }), AbortCode.ViewMismatch);
        Expect(Ids[0], Opening(_consortium.Spec(cohort: 3) with { Cohort = [.. Ids[2..]] }), AbortCode.NotInvited);
    }

    [Test]
    public void Case_17_numbers_below_zero_are_refused_like_any_other_nonsense()
    {
        var spec = _play.Spec;
        Expect(Ids[0], Opening(spec with { Attempt = -1 }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Ring = spec.Ring with { FractionBits = -1 } }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Ring = spec.Ring with { Coordinates = -1 } }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Thresholds = spec.Thresholds with { Quorum = -1 } }),
            AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Graph = new GraphSpec(-2, -2, -2) }), AbortCode.WeakParameters);
        Expect(Ids[0], Opening(spec with { Noise = new NoiseSpec((NoiseKind)(-1), 0, -1) }), AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Deadlines = spec.Deadlines with { Unmask = TimeSpan.MinValue } }),
            AbortCode.Malformed);
        Expect(Ids[0], Opening(spec with { Cohort = Ids[..2] }), AbortCode.WeakParameters);
    }

    [Test]
    public void Case_17_parameters_below_the_hospitals_own_policy()
    {
        Assert.That(Refused(new MaskingPolicy(MinSurvivors: 5)), Is.EqualTo(AbortCode.WeakParameters));
        Assert.That(Refused(new MaskingPolicy(MinSurvivors: 6)), Is.EqualTo(AbortCode.WeakParameters),
            "more than are invited");
        Assert.That(Refused(new MaskingPolicy(Corrupt: 2)), Is.EqualTo(AbortCode.WeakParameters));
        Assert.That(Refused(new MaskingPolicy(MinSurvivors: 4)), Is.Null);

        AbortCode? Refused(MaskingPolicy policy)
        {
            using var hospital = new HospitalMasking(
                Ids[0], _consortium.Keys[Ids[0]], _consortium.Roster, policy, new TestRandom(1), MaskingLedger.Empty);
            return hospital.Receive(Opening(_play.Spec), Consortium.View) is MaskingDecision.Rejected rejected
                ? rejected.Why.Code : null;
        }
    }

    [Test]
    public void Case_20_and_31_a_model_that_was_opened_is_opened_again_for_the_same_set_only()
    {
        _play.Run();
        using var retry = new Conversation(_consortium, _consortium.Spec(attempt: 2), id => _play.Hospitals[id].Ledger);
        retry.Run((id, phase) => id == Ids[4] && phase >= AggregationPhase.Masking);

        Assert.That(retry.Hub.Phase, Is.EqualTo(AggregationPhase.Aborted));
        Assert.That(retry.Hub.Sum, Is.Null);
        Assert.That(retry.Refusals.Select(refusal => refusal.Decision.Why.Code),
            Is.All.EqualTo(AbortCode.LedgerConflict));
        Assert.That(retry.Refusals[0].Decision.Why.Culprits, Is.EqualTo(new[] { Ids[4] }),
            "names the one that is gone");

        using var whole = new Conversation(_consortium, _consortium.Spec(attempt: 3), id => retry.Hospitals[id].Ledger)
            .Run();
        Assert.That(whole.Hub.Sum!.Residues.ToArray(), Is.EqualTo(_play.Hub.Sum!.Residues.ToArray()));
    }

    [Test]
    public void Case_20_another_training_does_not_make_it_another_model()
    {
        _play.Run();
        var spec = _consortium.Spec() with { Training = Consortium.Name("another training") };
        using var retry = new Conversation(_consortium, spec, id => _play.Hospitals[id].Ledger);
        retry.Run((id, phase) => id == Ids[4] && phase >= AggregationPhase.Masking);
        Assert.That(retry.Hub.Sum, Is.Null);
        Assert.That(retry.Refusals.Select(refusal => refusal.Decision.Why.Code),
            Is.All.EqualTo(AbortCode.LedgerConflict));
    }

    [Test]
    public void Case_31_with_fresh_noise_a_policy_may_allow_another_set()
    {
        _play.Run();
        foreach (var (noise, allowed, expected) in new[]
        {
            (NoiseKind.None, true, AggregationPhase.Aborted), (NoiseKind.Skellam, false, AggregationPhase.Aborted),
            (NoiseKind.Skellam, true, AggregationPhase.Opened),
        })
        {
            using var retry = new Conversation(
                _consortium, _consortium.Spec(attempt: 2) with { Noise = new NoiseSpec(noise, 1, 4) }, id =>
                    _play.Hospitals[id].Ledger);
            foreach (var id in Ids)
                retry.Hospitals[id] = new HospitalMasking(id, _consortium.Keys[id], _consortium.Roster,
                    new MaskingPolicy(ReleaseAgainUnderNoise: allowed), retry.Randoms[id], _play.Hospitals[id].Ledger);
            retry.Run((id, phase) => id == Ids[4] && phase >= AggregationPhase.Masking);
            Assert.That(retry.Hub.Phase, Is.EqualTo(expected), $"{noise}, policy {allowed}");
        }
    }

    [Test]
    public void Case_29_a_hospital_struck_off_the_roster_is_a_stranger()
    {
        var struck = Ids[4];
        var roster = new Roster(_consortium.CoordinatorKey.Public,
            Ids[..4].Select(id => KeyValuePair.Create(id, _consortium.Keys[id].Public)));
        using var hospital = new HospitalMasking(
            Ids[0], _consortium.Keys[Ids[0]], roster, new MaskingPolicy(), new TestRandom(1), MaskingLedger.Empty);
        Assert.That(Code(hospital.Receive(Opening(_play.Spec), Consortium.View)), Is.EqualTo(AbortCode.ViewMismatch),
            "the old roster");
        Assert.That(Code(hospital.Receive(Opening(_play.Spec with { Roster = roster.Hash }), Consortium.View)),
            Is.EqualTo(AbortCode.ViewMismatch), "the new roster, the old cohort");
        Assert.That(() => new AggregationSession(
            _play.Spec with { Roster = roster.Hash }, roster, _consortium.CoordinatorKey),
            Throws.ArgumentException, $"{struck} cannot be invited");
    }

    [Test]
    public void Case_30_no_message_can_name_a_hospital_both_alive_and_gone() =>
        Assert.That(typeof(UnmaskRequest).GetProperties().Where(property => property.CanWrite)
            .Select(property => property.Name), Is.EquivalentTo(
            new[] { "Session", "SurvivorsHash", "Signatures", "Signature" }), "a hash of one set, and who signed it");

    [Test]
    public void Messages_that_the_coordinator_did_not_sign_change_nothing()
    {
        using var stranger = SiteKey.Create(new TestRandom(9));
        while (_play.Hub.Phase < AggregationPhase.Opened)
        {
            var message = _play.Hub.MessagesFor(Ids[0])[0];
            var phase = _play.Hospitals[Ids[0]].Phase;
            Expect(Ids[0], message.SignedBy(stranger), AbortCode.BadSignature);
            Expect(Ids[0], message with { Signature = default }, AbortCode.BadSignature);
            Assert.That(_play.Hospitals[Ids[0]].Phase, Is.EqualTo(phase));
            _play.Step();
        }
        Expect(Ids[0], _play.Hub.MessagesFor(Ids[0])[0].SignedBy(stranger), AbortCode.BadSignature);
        Expect(Ids[0], new Abort(_play.Hub.Session, AbortCode.TooFew, []).SignedBy(stranger), AbortCode.BadSignature);
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(Ids));
    }

    [Test]
    public void Two_sets_of_keys_or_two_inboxes_end_the_session()
    {
        _play.RunTo(AggregationPhase.Masking);
        var adverts = _play.Transcript.OfType<Roster1>().First().Adverts;
        Expect(Ids[0], RosterOf(adverts[..4]), AbortCode.Equivocation, ends: true);
        var inbox = (Inbox)_play.Hub.MessagesFor(Ids[1])[0];
        Accept(Ids[1], inbox);
        Expect(Ids[1], _play.Coordinator(inbox with { Sharers = Ids[..4], Envelopes = inbox.Envelopes[..3] }),
            AbortCode.Equivocation, ends: true);
    }

    [Test]
    public void An_inbox_for_too_few_or_without_the_recipient_or_for_somebody_else_masks_nothing()
    {
        _play.RunTo(AggregationPhase.Masking);
        var inbox = (Inbox)_play.Hub.MessagesFor(Ids[0])[0];
        Expect(Ids[1], inbox, AbortCode.ViewMismatch);
        Expect(Ids[0], _play.Coordinator(inbox with { Sharers = Ids[..3], Envelopes = inbox.Envelopes[..2] }),
            AbortCode.TooFew, ends: true);
        inbox = (Inbox)_play.Hub.MessagesFor(Ids[1])[0];
        Expect(Ids[1], _play.Coordinator(inbox with { Sharers = Ids.RemoveAt(1) }), AbortCode.ViewMismatch, ends: true);
        inbox = (Inbox)_play.Hub.MessagesFor(Ids[2])[0];
        Expect(Ids[2], _play.Coordinator(inbox with { Envelopes = inbox.Envelopes[..3] }), AbortCode.ViewMismatch,
            ends: true);
        Assert.That(_play.Spools, Is.Empty);
    }

    internal static IEnumerable<ByteString> BadPoints()
    {
        using var key = EphemeralKey.Draw(new TestRandom(8));
        var off = key.Public.Span.ToArray();
        off[63] ^= 1;
        yield return new ByteString(off);
        yield return new ByteString(new byte[64]);
        yield return new ByteString([2, .. key.Public.Span[..32]]);
        yield return new ByteString([4, .. key.Public.Span]);
        yield return default;
    }

    private Digest U1 => HospitalSet.KeysHash(_play.Hub.Session, _play.Transcript.OfType<Roster1>().First().Adverts);

    private Digest U2 => HospitalSet.SharersHash(_play.Hub.Session, Ids);

    private RoundOpen Opening(RoundSpec spec) => _play.Coordinator(new RoundOpen(spec));

    private Roster1 RosterOf(ImmutableArray<Advertise> adverts) =>
        _play.Coordinator(new Roster1(_play.Hub.Session, adverts));

    private Survivors SurvivorSet(ImmutableArray<HospitalId> set) =>
        _play.Coordinator(new Survivors(_play.Hub.Session, set));

    private void ExpectSurvivors(ImmutableArray<HospitalId> set, AbortCode code)
    {
        _play.RunTo(AggregationPhase.Agreeing);
        Expect(Ids[0], SurvivorSet(set), code, ends: true);
    }

    private void ExpectRoster(Func<ImmutableArray<Advertise>, ImmutableArray<Advertise>> change, AbortCode code,
        params HospitalId[] culprits)
    {
        TearDown();
        SetUp();
        _play.Exchange();
        var adverts = _play.Transcript.OfType<Advertise>().ToImmutableArray();
        Expect(Ids[0], RosterOf(change(adverts)), code, ends: true, culprits);
        Assert.That(_play.Hospitals[Ids[0]].Phase, Is.EqualTo(MaskingPhase.Ended));
    }

    private UnmaskRequest Request(out ImmutableArray<SurvivorSignature> signatures)
    {
        _play.RunTo(AggregationPhase.Agreeing);
        _play.Exchange();
        _play.EndPhase();
        var request = (UnmaskRequest)_play.Hub.MessagesFor(Ids[0])[0];
        signatures = request.Signatures;
        return request;
    }

    private void ExpectSignatures(UnmaskRequest request, ImmutableArray<SurvivorSignature> signatures) =>
        Expect(Ids[0], _play.Coordinator(request with { Signatures = signatures }), AbortCode.NotEnoughSignatures);

    private MaskingDecision.Accepted Accept(HospitalId id, FromCoordinator message)
    {
        var decision = _play.Ask(id, message);
        Assert.That(decision, Is.InstanceOf<MaskingDecision.Accepted>(),
            (decision as MaskingDecision.Rejected)?.Why.ToString());
        return (MaskingDecision.Accepted)decision;
    }

    private void Expect(HospitalId id, FromCoordinator message, AbortCode code, string because) =>
        Expect(_play, id, message, code, false, because);

    private void Expect(HospitalId id, FromCoordinator message, AbortCode code, bool ends = false,
        params HospitalId[] culprits)
    {
        var rejected = Expect(_play, id, message, code, ends);
        if (culprits.Length > 0)
            Assert.That(rejected.Why.Culprits, Is.EqualTo(culprits));
    }

    private static MaskingDecision.Rejected Expect(
        Conversation play, HospitalId id, FromCoordinator message, AbortCode code, bool ends = false,
            string? because = null)
    {
        var decision = play.Ask(id, message);
        Assert.That(Code(decision), Is.EqualTo(code), because);
        var rejected = (MaskingDecision.Rejected)decision;
        Assert.That(rejected.Ends, Is.EqualTo(ends), $"{code} ends");
        Assert.That(rejected.Why.Sentence, Is.Not.Empty);
        return rejected;
    }

    private static AbortCode? Code(MaskingDecision decision) => (decision as MaskingDecision.Rejected)?.Why.Code;
}
