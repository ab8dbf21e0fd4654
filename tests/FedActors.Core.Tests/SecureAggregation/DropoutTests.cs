using System.Collections.Immutable;
using CsCheck;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>Hospitals that fall silent: up to n - q of them cost nothing but their own update, one more costs the sum.</summary>
public class DropoutTests
{
    private static readonly AggregationPhase[] Phases =
        [AggregationPhase.Advertising, AggregationPhase.Sharing, AggregationPhase.Masking, AggregationPhase.Agreeing, AggregationPhase.Unmasking];

    [Test]
    public void Case_22_and_26_silence_from_each_phase_on(
        [Values(3, 4, 5, 7, 10)] int n, [ValueSource(nameof(Phases))] AggregationPhase phase, [Values("one", "n-q", "n-q+1")] string how)
    {
        using var consortium = new Consortium(n);
        using var play = new Conversation(consortium);
        var tolerated = play.Spec.Thresholds.ToleratedDropouts;
        var count = how switch { "one" => 1, "n-q" => tolerated, _ => tolerated + 1 };
        var silent = consortium.Ids[(n - count)..];
        play.Run((id, now) => now >= phase && silent.Contains(id));

        if (count > tolerated)
        {
            Assert.That(play.Hub.Sum, Is.Null);
            Assert.That(play.Hub.Aborted!.Code, Is.EqualTo(AbortCode.TooFew));
            Assert.That(play.Hub.Aborted.Culprits, Is.EqualTo(silent), "the missing are named");
            return;
        }
        // Whoever fell silent after its vector was in is in the sum; before, it is named as a dropout.
        var survivors = phase > AggregationPhase.Masking ? consortium.Ids : consortium.Ids[..(n - count)];
        Assert.That(play.Hub.Sum!.Survivors, Is.EqualTo(survivors));
        Assert.That(play.Hub.Sum.Residues.ToArray(), Is.EqualTo(play.Oracle(survivors)));
        Assert.That(play.Hub.Dropouts, Is.EqualTo(phase > AggregationPhase.Masking
            ? []
            : silent.Select(id => new Dropout(id, phase, AbortCode.DeadlinePassed))));
    }

    [Test]
    public void Silence_in_several_phases_adds_up()
    {
        using var consortium = new Consortium(10);                              // q = 7
        using var play = new Conversation(consortium);
        var ids = consortium.Ids;
        play.Run((id, phase) => id == ids[0] || id == ids[1] && phase >= AggregationPhase.Sharing
            || id == ids[2] && phase >= AggregationPhase.Masking);
        Assert.That(play.Hub.Sum!.Survivors, Is.EqualTo(ids[3..]));
        Assert.That(play.Hub.Sum.Residues.ToArray(), Is.EqualTo(play.Oracle(ids[3..])));
        Assert.That(play.Hub.Dropouts.Select(dropout => (dropout.Hospital, dropout.Phase)), Is.EqualTo(new[]
        {
            (ids[0], AggregationPhase.Advertising), (ids[1], AggregationPhase.Sharing), (ids[2], AggregationPhase.Masking),
        }));
    }

    [TestCase(0, true)]
    [TestCase(1, false)]
    public void Case_23_down_to_a_threshold_of_answers_and_one_below(int below, bool opens)
    {
        using var consortium = new Consortium(10);                              // t = 7
        using var play = new Conversation(consortium);
        var answering = play.Spec.Thresholds.Quorum - below;
        play.Run((id, phase) => phase == AggregationPhase.Unmasking && consortium.Ids.IndexOf(id) >= answering);
        if (opens)
            Assert.That(play.Hub.Sum!.Residues.ToArray(), Is.EqualTo(play.Oracle(consortium.Ids)));
        else
        {
            Assert.That(play.Hub.Sum, Is.Null);
            Assert.That(play.Hub.Aborted!.Code, Is.EqualTo(AbortCode.TooFew));
            Assert.That(play.Hub.Aborted.Culprits, Is.EqualTo(consortium.Ids[answering..]));
        }
    }

    [Test]
    public void Case_34_a_deadline_that_passes_early_or_twice_only_leaves_out_those_that_did_not_answer()
    {
        using var consortium = new Consortium(5);
        using var play = new Conversation(consortium);
        play.Exchange((id, _) => id == consortium.Ids[4]);
        play.Hub.DeadlinePassed();
        Assert.That(play.Hub.Phase, Is.EqualTo(AggregationPhase.Sharing));
        var late = play.Hospitals[consortium.Ids[4]].Receive(new RoundOpen(play.Spec).SignedBy(consortium.CoordinatorKey), Consortium.View);
        var advert = (Advertise)((MaskingDecision.Accepted)late).Send[0];
        Assert.That(play.Hub.Receive(advert), Is.InstanceOf<SessionDecision.Rejected>().With.Property("Ends").False);

        play.Hub.DeadlinePassed();
        Assert.That(play.Hub.Aborted!.Code, Is.EqualTo(AbortCode.TooFew), "nobody had time to share");
        play.Hub.DeadlinePassed();
        Assert.That(play.Hub.Phase, Is.EqualTo(AggregationPhase.Aborted));
    }

    [Test]
    public void An_abort_reaches_the_hospitals_and_wipes_their_session()
    {
        using var consortium = new Consortium(3);
        using var play = new Conversation(consortium);
        play.Run((id, phase) => id == consortium.Ids[2] && phase == AggregationPhase.Masking);
        foreach (var id in consortium.Ids)
            foreach (var message in play.Hub.MessagesFor(id))
                play.Deliver(id, message);
        Assert.That(play.Hospitals.Values.Select(hospital => hospital.Phase), Is.All.EqualTo(MaskingPhase.Ended));
        Assert.That(play.Transcript.OfType<Abort>().First().Culprits, Is.EqualTo(new[] { consortium.Ids[2] }));
    }

    [Test]
    public void The_session_does_not_advance_before_it_is_ready()
    {
        using var consortium = new Consortium(3);
        using var play = new Conversation(consortium);
        Assert.That(() => play.Hub.Advance(), Throws.InvalidOperationException);
    }

    [Test]
    public void The_sum_does_not_depend_on_the_order_of_messages_or_on_who_answers_last() =>
        Gen.Select(Gen.Int[3, 8], Gen.Long, Gen.Bool).Sample((n, seed, wide) =>
        {
            var random = new TestRandom(seed);
            using var consortium = new Consortium(n);
            using var play = new Conversation(consortium, consortium.Spec(coordinates: 3 + random.Below(20), wordBits: wide ? 64 : 32));
            foreach (var update in play.Updates)
                Scramble(update.Value, play.Spec, random);
            var lost = Shuffled(consortium.Ids, random)[..random.Below(play.Spec.Thresholds.ToleratedDropouts + 1)];
            var lostAt = lost.ToDictionary(id => id, _ => Phases[random.Below(Phases.Length)]);
            while (play.Hub.Phase < AggregationPhase.Opened)
            {
                foreach (var id in Shuffled(consortium.Ids, random))
                    if (!lostAt.TryGetValue(id, out var from) || play.Hub.Phase < from)
                        foreach (var message in play.Hub.MessagesFor(id))
                        {
                            play.Deliver(id, message);
                            if (random.Below(4) == 0)
                                play.Deliver(id, message);                      // duplicates change nothing
                        }
                play.EndPhase();
            }
            var survivors = consortium.Ids.RemoveAll(id => lostAt.TryGetValue(id, out var from) && from <= AggregationPhase.Masking);
            return play.Hub.Sum!.Survivors.SequenceEqual(survivors)
                && play.Hub.Sum.Residues.Span.SequenceEqual(play.Oracle(survivors));
        }, iter: 40);

    private static void Scramble(byte[] update, RoundSpec spec, TestRandom random)
    {
        random.Fill(update);
        Conversation.Put(update, spec.Ring.ConstantOne, spec.Ring.WordBits, 1);
    }

    private static ImmutableArray<HospitalId> Shuffled(ImmutableArray<HospitalId> ids, TestRandom random) =>
        [.. ids.OrderBy(_ => random.Below(int.MaxValue))];
}
