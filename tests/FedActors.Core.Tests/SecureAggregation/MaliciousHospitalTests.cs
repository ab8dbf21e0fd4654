using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>
/// Hospitals that lie, and a wire that changes what it carries: the sum is right and names exactly whose it is, or
/// there is none and the refusal names the culprit.
/// </summary>
public class MaliciousHospitalTests
{
    private Consortium _consortium = null!;
    private Conversation _play = null!;

    [SetUp]
    public void SetUp() => Begin(7);                                            // q = t = 5, two dropouts

    [TearDown]
    public void TearDown()
    {
        _play.Dispose();
        _consortium.Dispose();
    }

    private ImmutableArray<HospitalId> Ids => _consortium.Ids;

    [Test]
    public void Case_12_a_key_that_is_no_point_is_refused_and_the_round_goes_on()
    {
        foreach (var bad in MaliciousCoordinatorTests.BadPoints())
        {
            Begin(7);
            _play.ToHub = message => message is Advertise advert && advert.Hospital == Ids[1]
                ? _play.As(advert with { MaskKey = bad }) : message;
            _play.Run();
            ExpectSumWithout(AbortCode.BadKey, Ids[1]);
        }
    }

    [Test]
    public void Case_11_a_copied_key_is_refused_and_the_round_goes_on()
    {
        _play.ToHub = message => message is Advertise advert && advert.Hospital == Ids[3]
            ? _play.As(advert with { MaskKey = _play.Transcript.OfType<Advertise>().First().MaskKey })
            : message;
        _play.Run();
        ExpectSumWithout(AbortCode.DuplicateKey, Ids[3]);
    }

    [TestCase("flipped")]
    [TestCase("swapped")]
    [TestCase("replayed")]
    public void Case_13_an_envelope_that_was_changed_does_not_open_and_the_sum_goes_on_without_its_reader(string how)
    {
        using var earlier = new Conversation(_consortium, _consortium.Spec(attempt: 9)).RunTo(AggregationPhase.Masking);
        var old = ((Inbox)earlier.Hub.MessagesFor(Ids[0])[0]).Envelopes;
        _play.ToHospital = (id, message) =>
        {
            if (id != Ids[0] || message is not Inbox inbox)
                return message;
            var envelopes = inbox.Envelopes;
            return _play.Coordinator(inbox with
            {
                Envelopes = how switch
                {
                    "flipped" => envelopes.SetItem(2, envelopes[2] with { Envelope = Flip(envelopes[2].Envelope, 40) }),
                    "swapped" => envelopes.SetItem(2, envelopes[2] with { Envelope = envelopes[3].Envelope }),
                    _ => envelopes.SetItem(2, old[2]),
                },
            });
        };
        _play.Run();

        var (reader, refusal) = _play.Refusals.Single();
        Assert.That(reader, Is.EqualTo(Ids[0]));
        Assert.That(refusal.Why.Code, Is.EqualTo(AbortCode.BadShare));
        Assert.That(refusal.Why.Culprits, Is.EqualTo(new[] { Ids[3] }),
            "the dealer of that envelope, or who carried it");
        Assert.That(refusal.Send!.Evidence, Is.Not.EqualTo(Digest.Of([])), "the hash of what was received");
        Assert.That(_play.Spools, Does.Not.ContainKey(Ids[0]), "nothing is masked");
        ExpectSum(Ids.RemoveAt(0));
        Assert.That(_play.Hub.Dropouts.Single(),
            Is.EqualTo(new Dropout(Ids[0], AggregationPhase.Masking, AbortCode.BadShare)));
    }

    [Test]
    public void Case_13_envelopes_of_a_wrong_size_or_for_the_wrong_holders_are_refused()
    {
        foreach (var change in new Func<ImmutableArray<SealedShares>, ImmutableArray<SealedShares>>[]
        {
            all => all.SetItem(0, all[0] with { Envelope = new ByteString(all[0].Envelope.Span[..91]) }),
            all => all.RemoveAt(0), all => all.Add(all[0]), all => [.. all.Reverse()], all => all.SetItem(0, all[1]),
                _ => [],
        })
        {
            Begin(7);
            _play.ToHub = message => message is Shares shares && shares.Hospital == Ids[1]
                ? _play.As(shares with { Envelopes = change(shares.Envelopes) })
                : message;
            _play.Run();
            ExpectSumWithout(AbortCode.Malformed, Ids[1]);
        }
    }

    [TestCase(1, true)]
    [TestCase(2, true)]
    [TestCase(3, false)]
    public void Case_14_a_dealer_whose_shares_do_not_fit_together(int wrong, bool corrected)
    {
        // The dealer is honest but for the shares it seals for `wrong` holders: they are random, in valid envelopes.
        // Seven shares of threshold five: one is corrected by decoding, two by leaving out, three are too many.
        ReplaceShares(Ids[6], Ids[..wrong]);
        _play.Run();
        if (corrected)
        {
            ExpectSum(Ids);
            Assert.That(_play.Hub.Suspects, Is.EquivalentTo(Ids[..wrong]));
            return;
        }
        Assert.That(_play.Hub.Sum, Is.Null);
        Assert.That(_play.Hub.Aborted!.Code, Is.EqualTo(AbortCode.ShareUnrecoverable));
        Assert.That(_play.Hub.Aborted.Culprits, Is.EqualTo(new[] { Ids[6] }), "the dealer is named");
    }

    [Test]
    public void Case_14_a_dealer_with_more_disagreeing_holders_than_may_be_corrupt_is_convicted()
    {
        // n = 10, n_c = 1 by policy: t = 6, radius 2. Two holders disagree with one dealer: more than one may be
        // corrupt.
        Begin(10, corrupt: 1);
        ReplaceShares(Ids[9], Ids[..2]);
        while (_play.Hub.Phase < AggregationPhase.Unmasking)
            _play.Step();
        _play.Exchange();
        _play.EndPhase();
        ExpectSum(Ids);
        Assert.That(_play.Hub.Suspects, Does.Contain(Ids[9]));
    }

    [TestCase(1, true)]
    [TestCase(2, true)]
    [TestCase(3, false)]
    public void Case_15_holders_that_release_wrong_shares(int wrong, bool corrected)
    {
        _play.ToHub = message => message is UnmaskResponse response && Ids[..wrong].Contains(response.Hospital)
            ? _play.As(response with
            {
                Shares = [.. response.Shares.Select(
                share => share with { Share = Flip(share.Share, 3) })]
            })
            : message;
        _play.Run();
        if (corrected)
        {
            ExpectSum(Ids);
            Assert.That(_play.Hub.Suspects, Is.EqualTo(Ids[..wrong]), "named, though they did no harm");
            return;
        }
        Assert.That(_play.Hub.Sum, Is.Null);
        Assert.That(_play.Hub.Aborted!.Code, Is.EqualTo(AbortCode.ShareUnrecoverable));
    }

    [Test]
    public void Case_15_one_wrong_share_among_just_enough_waits_for_another_answer()
    {
        _play.ToHub = message => message is UnmaskResponse response && response.Hospital == Ids[0]
            ? _play.As(response with
            {
                Shares = [.. response.Shares.Select(
                share => share with { Share = Flip(share.Share, 3) })]
            })
            : message;
        _play.RunTo(AggregationPhase.Unmasking);
        _play.Exchange((id, _) => id >= Ids[5]);
        Assert.That(_play.Hub.IsReady, Is.True, "five of seven");
        Assert.That(_play.Hub.Advance(), Is.InstanceOf<SessionDecision.Rejected>().With.Property("Ends").False);
        Assert.That(_play.Hub.IsReady, Is.False);
        foreach (var message in _play.Hub.MessagesFor(Ids[5]))
            _play.Deliver(Ids[5], message);
        Assert.That(_play.Hub.IsReady, Is.True);
        _play.EndPhase();
        ExpectSum(Ids);
        Assert.That(_play.Hub.Suspects, Is.EqualTo(new[] { Ids[0] }));
    }

    [Test]
    public void Case_15_released_shares_of_wrong_owners_or_sizes_are_refused()
    {
        foreach (var change in new Func<ImmutableArray<ReleasedShare>, ImmutableArray<ReleasedShare>>[]
        {
            all => all.RemoveAt(0), all => all.Add(all[0]), all => [.. all.Reverse()],
            all => all.SetItem(0, all[0] with { Share = new ByteString(all[0].Share.Span[..31]) }),
            all => all.SetItem(0, all[0] with { Owner = new HospitalId("nobody") }),
        })
        {
            Begin(7);
            _play.ToHub = message => message is UnmaskResponse response && response.Hospital == Ids[1]
                ? _play.As(response with { Shares = change(response.Shares) })
                : message;
            _play.Run();
            ExpectSum(Ids);
            Assert.That(_play.HubRefusals.Single().Why.Code, Is.EqualTo(AbortCode.Malformed));
        }
    }

    [Test]
    public void Case_18_another_vector_for_one_session_is_refused_the_same_is_agreed_to()
    {
        _play.RunTo(AggregationPhase.Masking);
        _play.Exchange((id, _) => id == Ids[6]);
        var masked = _play.Transcript.OfType<Masked>().First();
        Assert.That(_play.Upload(masked, _play.Spools[masked.Hospital]), Is.InstanceOf<SessionDecision.Accepted>());
        var other = _play.As(masked with { Vector = Digest.Of("other"u8) });
        Assert.That(Code(_play.Upload(other, _play.Spools[masked.Hospital])), Is.EqualTo(AbortCode.Equivocation));
        _play.Exchange();
        _play.Run();
        ExpectSum(Ids);
    }

    [Test]
    public void Case_21_a_late_vector_is_not_stored_anywhere()
    {
        Masked? late = null;
        _play.ToHub = message => message is Masked masked && masked.Hospital == Ids[6] && (late = masked) is not null
            ? null : message;
        _play.RunTo(AggregationPhase.Agreeing);
        using var spool = new MemoryStream();
        Assert.That(Code(_play.Hub.Begin(late!, spool, out var upload)), Is.EqualTo(AbortCode.DeadlinePassed));
        Assert.That(upload, Is.Null);
        Assert.That(spool.Length, Is.Zero);
        _play.Run();
        ExpectSum(Ids[..6]);
    }

    [Test]
    public void Case_21_a_vector_that_became_whole_too_late_is_not_added()
    {
        _play.RunTo(AggregationPhase.Masking);
        _play.ToHub = message => message is Masked masked && masked.Hospital == Ids[6] ? null : message;
        Masked late = null!;
        foreach (var message in _play.Hub.MessagesFor(Ids[6]))
            late = (Masked)((MaskingDecision.Accepted)_play.Ask(Ids[6], message)).Send[0];
        using var spool = new MemoryStream();
        _play.Hub.Begin(late, spool, out var upload);
        _play.Exchange((id, _) => id == Ids[6]);
        _play.EndPhase();
        foreach (var chunk in Conversation.Chunks(late, _play.Spools[Ids[6]]))
            upload!.Append(chunk);
        Assert.That(Code(_play.Hub.Add(upload!)), Is.EqualTo(AbortCode.DeadlinePassed));
        _play.Run();
        ExpectSum(Ids[..6]);
    }

    [Test]
    public void Case_27_residues_that_do_not_fit_are_a_callers_mistake_and_stay_unmasked()
    {
        _play.RunTo(AggregationPhase.Masking);
        var inbox = (Inbox)_play.Hub.MessagesFor(Ids[0])[0];
        var hospital = _play.Hospitals[Ids[0]];
        Assert.That(() => hospital.Receive(inbox, new byte[4]), Throws.ArgumentException);
        Assert.That(() => hospital.Receive(inbox, new byte[_play.Spec.Ring.Bytes]), Throws.ArgumentException,
            "the constant is 0");
        Assert.That(hospital.Phase, Is.EqualTo(MaskingPhase.Shared));
        _play.Run();
        ExpectSum(Ids);
    }

    [Test]
    public void Case_28_a_constant_that_does_not_add_up_gives_no_sum()
    {
        _play.RunTo(AggregationPhase.Masking);
        _play.ToHub = message =>
        {
            if (message is not Masked masked || masked.Hospital != Ids[2])
                return message;
            var vector = _play.Spools[Ids[2]];
            vector[4 * _play.Spec.Ring.ConstantOne]++;
            return _play.As(masked with { Vector = Digest.Of(vector) });
        };
        _play.Run();
        Assert.That(_play.Hub.Sum, Is.Null);
        Assert.That(_play.Hub.Aborted!.Code, Is.EqualTo(AbortCode.BadSum));
    }

    [Test]
    public void Case_35_chunks_in_disorder_twice_lost_oversize_or_changed()
    {
        // 160,000 bytes: chunks of 64,000, 64,000 and 32,000
        Begin(3, coordinates: 40_000);
        _play.ToHub = message => message is Masked ? null : message;
        _play.RunTo(AggregationPhase.Masking);
        _play.Exchange();
        var masked = _play.Hospitals[Ids[0]].Receive(_play.Coordinator(new MaskedWanted(_play.Hub.Session)));
        var announced = (Masked)((MaskingDecision.Accepted)masked).Send[0];
        var chunks = Conversation.Chunks(announced, _play.Spools[Ids[0]]).ToArray();
        Assert.That(chunks, Has.Length.EqualTo(3));

        using var spool = new MemoryStream();
        _play.Hub.Begin(announced, spool, out var upload);
        Assert.That(Code(upload!.Append(chunks[1])), Is.EqualTo(AbortCode.BadUpload), "the second before the first");
        Assert.That(Code(upload.Append(chunks[0] with { Index = -1 })), Is.EqualTo(AbortCode.BadUpload));
        Assert.That(Code(upload.Append(chunks[0] with { Hospital = Ids[1] })), Is.EqualTo(AbortCode.BadUpload));
        Assert.That(Code(upload.Append(chunks[0] with { Bytes = new ByteString(new byte[ChunkSize + 1]) })),
            Is.EqualTo(AbortCode.BadUpload));
        Assert.That(Code(upload.Append(chunks[0] with { Bytes = new ByteString(chunks[0].Bytes.Span[..100]) })),
            Is.EqualTo(AbortCode.BadUpload));
        Assert.That(Code(upload.Append(chunks[0])), Is.Null);
        Assert.That(Code(upload.Append(chunks[0])), Is.Null, "twice is agreed to");
        Assert.That(upload.NextChunk, Is.EqualTo(1));
        Assert.That(Code(upload.Append(chunks[2])), Is.EqualTo(AbortCode.BadUpload), "the second is lost");
        Assert.That(Code(_play.Hub.Add(upload)), Is.EqualTo(AbortCode.BadUpload), "not whole");
        Assert.That(Code(upload.Append(chunks[1])), Is.Null);
        Assert.That(Code(upload.Append(chunks[2] with { Bytes = Flip(chunks[2].Bytes, 7) })),
            Is.EqualTo(AbortCode.BadUpload), "a changed byte");
        Assert.That(upload.IsWhole, Is.False);
        Assert.That(Code(_play.Hub.Add(upload)), Is.EqualTo(AbortCode.BadUpload));

        _play.Hub.Begin(announced, spool: null, out upload);
        foreach (var chunk in chunks)
            Assert.That(Code(upload!.Append(chunk)), Is.Null);
        Assert.That(upload!.IsWhole, Is.True);
        Assert.That(Code(_play.Hub.Add(upload)), Is.Null);
        Assert.That(Code(_play.Hub.Add(upload)), Is.Null, "added once, however often it is handed in");
        _play.ToHub = message => message;
        _play.Exchange();
        _play.Run();
        ExpectSum(Ids);
    }

    [Test]
    public void A_vector_may_come_from_a_file_as_well_as_from_memory()
    {
        Begin(3, coordinates: 40_000);
        _play.RunTo(AggregationPhase.Masking);
        _play.ToHub = message =>
        {
            if (message is not Masked masked)
                return message;
            using var file = new FileStream(
                Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, 4096,
                FileOptions.DeleteOnClose);
            _play.Hub.Begin(masked, file, out var upload);
            foreach (var chunk in Conversation.Chunks(masked, _play.Spools[masked.Hospital]))
                upload!.Append(chunk);
            Assert.That(_play.Hub.Add(upload!), Is.InstanceOf<SessionDecision.Accepted>());
            return null;
        };
        _play.Run();
        ExpectSum(Ids);
    }

    [Test]
    public void Answers_signed_by_another_hospital_are_refused()
    {
        _play.ToHub = message => message.Hospital == Ids[1] && message is not Withdrawal
            ? message.SignedBy(_consortium.Keys[Ids[2]]) : message;
        _play.Run();
        ExpectSumWithout(AbortCode.BadSignature, Ids[1]);
    }

    [TestCase(typeof(Shares))]
    [TestCase(typeof(Masked))]
    [TestCase(typeof(Consistency))]
    [TestCase(typeof(UnmaskResponse))]
    public void Each_answer_is_checked_for_its_signature(Type type)
    {
        _play.ToHub = message => message.Hospital == Ids[1] && message.GetType() == type
            ? message with { Signature = default } : message;
        _play.Run();
        Assert.That(_play.HubRefusals.Select(refusal => refusal.Why.Code),
            Is.Not.Empty.And.All.EqualTo(AbortCode.BadSignature));
        ExpectSum(type == typeof(Shares) || type == typeof(Masked) ? Ids.RemoveAt(1) : Ids);
    }

    [Test]
    public void Two_different_answers_of_one_hospital_are_refused_the_first_counts()
    {
        _play.ToHub = message => message;
        _play.Exchange();
        var first = _play.Transcript.OfType<Advertise>().First();
        Assert.That(Code(_play.Hub.Receive(first)), Is.Null, "the same again");
        Assert.That(Code(_play.Hub.Receive(_play.As(first with { Beacon = Digest.Of("x"u8) }))),
            Is.EqualTo(AbortCode.Equivocation));
        _play.EndPhase();
        _play.Run();
        ExpectSum(Ids);
    }

    [Test]
    public void A_hospital_that_withdrew_is_out_and_is_not_waited_for()
    {
        _play.RunTo(AggregationPhase.Sharing);
        _play.Answer(_play.Hospitals[Ids[2]].Withdraw(AbortCode.BudgetExhausted));
        Assert.That(_play.Hub.Awaited, Does.Not.Contain(Ids[2]));
        _play.Run();
        ExpectSum(Ids.RemoveAt(2));
        Assert.That(_play.Hub.Dropouts.Single(),
            Is.EqualTo(new Dropout(Ids[2], AggregationPhase.Sharing, AbortCode.BudgetExhausted)));
    }

    [Test]
    public void A_withdrawal_for_no_known_reason_is_taken_for_one()
    {
        _play.RunTo(AggregationPhase.Sharing);
        _play.Answer(_play.As(new Withdrawal(_play.Hub.Session, Ids[2], (AbortCode)(-7), Ids[2], default)));
        _play.Run();
        ExpectSum(Ids.RemoveAt(2));
    }

    [Test]
    public void An_answer_for_another_session_or_of_a_stranger_is_refused()
    {
        using var key = SiteKey.Create(new TestRandom(4));
        _play.Exchange();
        var advert = _play.Transcript.OfType<Advertise>().First();
        Assert.That(Code(_play.Hub.Receive(advert with { Session = Digest.Of([]) })), Is.EqualTo(AbortCode.StaleRound));
        Assert.That(Code(_play.Hub.Receive((advert with { Hospital = new HospitalId("nobody") }).SignedBy(key))),
            Is.EqualTo(AbortCode.NotInvited));
        Assert.That(Code(_play.Hub.Receive(new Withdrawal(
            _play.Hub.Session, new HospitalId("nobody"), AbortCode.TooFew, new HospitalId("nobody"), default)
                .SignedBy(key))), Is.EqualTo(AbortCode.NotInvited));
    }

    private void Begin(int hospitals, int coordinates = 8, int? corrupt = null)
    {
        _play?.Dispose();
        _consortium?.Dispose();
        _consortium = new Consortium(hospitals);
        _play = new Conversation(_consortium, _consortium.Spec(coordinates, corrupt: corrupt));
        if (corrupt is { } c)
            foreach (var id in Ids)
                _play.Hospitals[id] = new HospitalMasking(id, _consortium.Keys[id], _consortium.Roster,
                    new MaskingPolicy(Corrupt: c), _play.Randoms[id], MaskingLedger.Empty);
    }

    /// <summary>A dealer seals random shares for these holders, in envelopes that open.</summary>
    private void ReplaceShares(HospitalId dealer, ImmutableArray<HospitalId> holders) => _play.ToHub = message =>
    {
        if (message is not Shares shares || shares.Hospital != dealer)
            return message;
        var adverts = _play.Transcript.OfType<Roster1>().First().Adverts;
        using var key = EphemeralKey.FromScalar(_play.Randoms[dealer].Drawn[0])!;
        var envelopes = shares.Envelopes.Select(envelope =>
        {
            if (!holders.Contains(envelope.Peer))
                return envelope;
            Assert.That(P256Point.TryParse(
                adverts.First(advert => advert.Hospital == envelope.Peer).EnvelopeKey.Span, out var point), Is.True);
            using var peer = PeerKey.Import(point)!;
            var (raw, extracted, envelopeKey) = (new byte[32], new byte[32], new byte[32]);
            key.Agree(peer, raw);
            KeySchedule.Extract(_play.Hub.Session, raw, extracted);
            KeySchedule.Envelope(extracted, dealer, envelope.Peer, shares.KeysHash, envelopeKey);
            var random = new TestRandom(77);
            var context = new EnvelopeContext(_play.Hub.Session, shares.KeysHash, dealer, envelope.Peer,
                Ids.IndexOf(envelope.Peer) + 1, _play.Spec.Graph.Threshold, Ids.Length);
            return envelope with { Envelope = ShareEnvelope.Seal(envelopeKey, context, random.Next(64), random) };
        });
        return _play.As(shares with { Envelopes = [.. envelopes] });
    };

    private void ExpectSum(ImmutableArray<HospitalId> survivors)
    {
        Assert.That(_play.Hub.Aborted, Is.Null);
        Assert.That(_play.Hub.Sum!.Survivors, Is.EqualTo(survivors));
        Assert.That(_play.Hub.Sum.Residues.ToArray(), Is.EqualTo(_play.Oracle(survivors)));
    }

    private void ExpectSumWithout(AbortCode code, HospitalId culprit)
    {
        ExpectSum(Ids.Remove(culprit));
        Assert.That(_play.HubRefusals[0].Why.Code, Is.EqualTo(code));
        Assert.That(_play.HubRefusals[0].Why.Culprits, Is.EqualTo(new[] { culprit }));
        Assert.That(_play.Hub.Dropouts.Select(dropout => dropout.Hospital), Is.EqualTo(new[] { culprit }));
    }

    private static ByteString Flip(ByteString bytes, int index)
    {
        var changed = bytes.Span.ToArray();
        changed[index] ^= 1;
        return new ByteString(changed);
    }

    private static AbortCode? Code(SessionDecision decision) => (decision as SessionDecision.Rejected)?.Why.Code;
}
