using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class MaskGraphTests
{
    // Degrees and thresholds of the published finder (Bell et al.'s reference, malicious rule), 2^-80 and 2^-40.
    [TestCase(1000, 50, 50, 80, 66, 49)]
    [TestCase(1000, 100, 100, 80, 120, 87)]
    [TestCase(1000, 200, 100, 80, 178, 136)]
    [TestCase(1000, 330, 100, 80, 272, 218)]
    [TestCase(128, 6, 6, 40, 20, 14)]
    [TestCase(256, 25, 25, 40, 62, 43)]
    [TestCase(512, 102, 51, 40, 116, 86)]
    [TestCase(1000, 330, 100, 40, 218, 171)]
    public void The_degree_is_the_published_one(int n, int corrupt, int dropouts, double bits, int degree, int threshold) =>
        Assert.That(GraphSpec.Find(n, corrupt, dropouts, bits), Is.EqualTo((degree, threshold)));

    [Test]
    public void Up_to_256_everyone_is_everyones_neighbour()
    {
        Assert.That(GraphSpec.For(Thresholds.For(256)).IsComplete, Is.True);
        Assert.That(GraphSpec.For(Thresholds.For(257)).IsComplete, Is.False);
        var graph = Graph(5, new GraphSpec(0, 4, 0));
        var members = Members(5);
        Assert.That(graph.Neighbours(members[2]), Is.EqualTo(members.RemoveAt(2)));
        Assert.That(graph.Holders(members[2]), Is.EqualTo(members), "itself among them");
        Assert.That(graph.Position(members[0], members[4]), Is.EqualTo(5));
    }

    [Test]
    public void The_ring_graph_is_regular_and_symmetric_and_gives_each_holder_its_own_position()
    {
        var members = Members(40);
        var graph = Graph(40, new GraphSpec(8, 6, 10));
        foreach (var one in members)
        {
            var neighbours = graph.Neighbours(one);
            Assert.That(neighbours, Has.Length.EqualTo(8).And.Unique.And.Ordered.And.No.Member(one));
            Assert.That(neighbours.Select(other => graph.Position(one, other)), Is.EqualTo(Enumerable.Range(1, 8)));
            foreach (var other in members)
            {
                Assert.That(graph.AreNeighbours(one, other), Is.EqualTo(neighbours.Contains(other)));
                Assert.That(graph.AreNeighbours(other, one), Is.EqualTo(graph.AreNeighbours(one, other)));
            }
        }
    }

    [Test]
    public void Another_beacon_or_session_draws_another_ring()
    {
        var spec = new GraphSpec(8, 6, 10);
        var members = Members(40);
        var beacons = members.Select((_, i) => Digest.Of([(byte)i])).ToImmutableArray();
        var graph = new MaskGraph(spec, Digest.Of("sid"u8), members, beacons);
        var sameAgain = new MaskGraph(spec, Digest.Of("sid"u8), members, beacons);
        var otherBeacon = new MaskGraph(spec, Digest.Of("sid"u8), members, beacons.SetItem(39, Digest.Of("x"u8)));
        var otherSession = new MaskGraph(spec, Digest.Of("x"u8), members, beacons);
        Assert.That(members.All(m => graph.Neighbours(m).SequenceEqual(sameAgain.Neighbours(m))), Is.True);
        Assert.That(members.All(m => graph.Neighbours(m).SequenceEqual(otherBeacon.Neighbours(m))), Is.False);
        Assert.That(members.All(m => graph.Neighbours(m).SequenceEqual(otherSession.Neighbours(m))), Is.False);
    }

    [Test]
    public void The_ring_is_drawn_uniformly()
    {
        // Of nine places, two are next to the first member: over 9,000 draws the second stands there 2,000 times.
        var members = Members(10);
        var next = 0;
        for (var i = 0; i < 9000; i++)
        {
            var beacons = members.Select(_ => Digest.Of(BitConverter.GetBytes(i))).ToImmutableArray();
            var graph = new MaskGraph(new GraphSpec(2, 2, 10), Digest.Of("sid"u8), members, beacons);
            next += graph.AreNeighbours(members[0], members[1]) ? 1 : 0;
        }
        Assert.That(next, Is.EqualTo(2000).Within(240), "six standard deviations are 237");
    }

    private static ImmutableArray<HospitalId> Members(int n) => [.. Enumerable.Range(1, n).Select(i => new HospitalId($"h{i:000}"))];

    private static MaskGraph Graph(int n, GraphSpec spec) =>
        new(spec, Digest.Of("sid"u8), Members(n), [.. Enumerable.Range(0, n).Select(i => Digest.Of([(byte)i]))]);
}
