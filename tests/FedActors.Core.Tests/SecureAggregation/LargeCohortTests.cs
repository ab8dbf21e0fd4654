using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>Above 256 hospitals each shares masks and secrets with some neighbours only.</summary>
[Category("Slow")]
public class LargeCohortTests
{
    [Test]
    public void Case_36_a_large_cohort_sums_over_a_graph_that_every_hospital_draws_for_itself()
    {
        using var consortium = new Consortium(260);
        using var play = new Conversation(consortium);
        Assert.That(play.Spec.Graph.IsComplete, Is.False);
        play.RunTo(AggregationPhase.Masking);
        var degree = play.Spec.Graph.Degree;
        Assert.That(play.Transcript.OfType<Shares>().Select(shares => shares.Envelopes.Length), Is.All.EqualTo(degree));

        // The hub has no message in which it could name neighbours; an inbox of others than the hospital's own is
        // refused.
        var victim = consortium.Ids[0];
        var inbox = (Inbox)play.Hub.MessagesFor(victim)[0];
        var stranger = consortium.Ids.First(id => id != victim && inbox.Envelopes.All(envelope => envelope.Peer != id));
        var forged = inbox.Envelopes.SetItem(0, inbox.Envelopes[0] with { Peer = stranger })
            .Sort((a, b) => a.Peer.CompareTo(b.Peer));
        Assert.That(((MaskingDecision.Rejected)play.Deliver(
            victim, play.Coordinator(inbox with { Envelopes = forged }))).Why.Code,
            Is.EqualTo(AbortCode.ViewMismatch));

        // Together with the victim, twelve fall silent after they shared: the others take their masks off the sum.
        var silent = consortium.Ids.Where((_, i) => i % 21 == 5).ToHashSet();
        play.Run((id, phase) => phase >= AggregationPhase.Masking && silent.Contains(id));
        var survivors = consortium.Ids.RemoveAll(id => id == victim || silent.Contains(id));
        Assert.That(play.Hub.Aborted, Is.Null);
        Assert.That(play.Hub.Sum!.Survivors, Is.EqualTo(survivors));
        Assert.That(play.Hub.Sum.Residues.ToArray(), Is.EqualTo(play.Oracle(survivors)));
    }

    [Test]
    public void Another_degree_than_the_one_this_cohort_needs_is_refused()
    {
        using var consortium = new Consortium(260);
        var spec = consortium.Spec();
        foreach (var graph in new[]
        {
            spec.Graph with { Degree = spec.Graph.Degree - 2 },
                spec.Graph with { Threshold = spec.Graph.Threshold - 1 },
            spec.Graph with { DropoutPercent = 5 }, spec.Graph with { DropoutPercent = 99 },
                new GraphSpec(0, spec.Thresholds.Quorum, 0),
        })
        {
            Assert.That(new MaskingPolicy().Refuses(spec with { Graph = graph })?.Code,
                Is.EqualTo(AbortCode.WeakParameters), graph.ToString());
        }
        Assert.That(new MaskingPolicy().Refuses(spec), Is.Null);
        Assert.That(new MaskingPolicy(DropoutPercent: 20).Refuses(spec)?.Code, Is.EqualTo(AbortCode.WeakParameters));
        Assert.That(new MaskingPolicy()
            .Refuses(spec with { Thresholds = spec.Thresholds with { Corrupt = 250 } })?.Code,
            Is.EqualTo(AbortCode.WeakParameters), "no graph withstands that");
    }
}
