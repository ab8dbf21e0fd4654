using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Tests;

/// <summary>Hospitals that share one memory: offers are the credit.</summary>
public sealed class PlainAggregatorTests : ActorTest
{
    private static readonly RoundId Id = new("small", 1, 1);
    private static readonly JobPlan Plan = Plans.Small();
    private static readonly int AtOnce = PlainAggregator.LeastAtOnce;
    private static readonly ImmutableArray<HospitalId> Cohort =
        [.. Enumerable.Range(0, AtOnce + 3).Select(h => new HospitalId($"h{h:000}"))];

    [Test]
    public void No_more_hospitals_train_at_once_than_the_memory_they_share_holds()
    {
        var aggregator = Begin(new Crowded(TestActor));

        var offered = Enumerable.Range(0, AtOnce).Select(_ => ExpectMsg<ToHospital>()).ToList();
        Assert.That(offered.Select(to => to.Hospital), Is.EqualTo(Cohort[..AtOnce]));
        ExpectNoMsg(TimeSpan.FromMilliseconds(50));
        foreach (var next in Cohort[AtOnce..])
        {
            Upload(aggregator, offered[0].Hospital);
            // Its place is another's, and its bytes may go.
            Assert.That(ExpectMsg<ToHospital>(), Has.Property("Hospital").EqualTo(next).And.Property("Message")
                .InstanceOf<RoundProtocol.RoundOffered>());
            Assert.That(ExpectMsg<ToHospital>(),
                Is.EqualTo(new ToHospital(offered[0].Hospital, new RoundProtocol.RoundClosed(Id, null))));
            offered.RemoveAt(0);
        }
    }

    [Test]
    public void A_place_is_free_again_when_its_hospital_is_given_up()
    {
        var aggregator = Begin(new Crowded(TestActor));
        for (var i = 0; i < AtOnce; i++)
            ExpectMsg<ToHospital>();

        aggregator.Tell(new SupervisionProtocol.GiveUp(Id, Cohort[1]));
        aggregator.Tell(new SupervisionProtocol.GiveUp(Id, Cohort[1]));

        Assert.That(ExpectMsg<ToHospital>().Hospital, Is.EqualTo(Cohort[AtOnce]));
        Assert.That(ExpectMsg<ToHospital>().Message, Is.InstanceOf<RoundProtocol.RoundClosed>());
        ExpectNoMsg(TimeSpan.FromMilliseconds(50));
    }

    [Test]
    public void Hospitals_with_memories_of_their_own_are_all_offered_the_round_at_once()
    {
        Begin(new Spread(TestActor));
        Assert.That(Cohort.Select(_ => ExpectMsg<ToHospital>().Hospital), Is.EqualTo(Cohort));
    }

    private IActorRef Begin(IHospitalDirectory hospitals)
    {
        var aggregator = Sys.ActorOf(PlainAggregator.Props(hospitals));
        var offer = new RoundProtocol.RoundOffered(Id, Plan, PlanHash.Of(Plan), Digest.Of("model"u8), Cohort);
        aggregator.Tell(new SupervisionProtocol.BeginCollecting(
            Id, RoundCode.Of(Plan, round: 1, Cohort.Length, 5), offer, ImmutableDictionary<HospitalId, int>.Empty));
        return aggregator;
    }

    private static void Upload(IActorRef aggregator, HospitalId hospital)
    {
        var code = RoundCode.Of(Plan, round: 1, Cohort.Length, 5);
        var update = new byte[code.Bytes];
        code.Encode(new double[code.Values], 10, 0, update);
        aggregator.Tell(new RoundProtocol.UpdateChunk(Id, hospital, 0, update.Length, Digest.Of(update), new(update)));
    }

    private sealed record ToHospital(HospitalId Hospital, IWireMessage Message);

    private sealed class Crowded(IActorRef probe) : IHospitalDirectory
    {
        public long UpdateMemoryBytes => 1;

        public bool TryTell(HospitalId hospital, IWireMessage message, IActorRef sender)
        {
            probe.Tell(new ToHospital(hospital, message));
            return true;
        }
    }

    private sealed class Spread(IActorRef probe) : IHospitalDirectory
    {
        public bool TryTell(HospitalId hospital, IWireMessage message, IActorRef sender)
        {
            probe.Tell(new ToHospital(hospital, message));
            return true;
        }
    }
}
