using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Tests;

/// <summary>One hospital with plain sums, asked by a test instead of an aggregator.</summary>
public sealed class HospitalAgentTests : ActorTest
{
    // so that an update takes more than one piece
    private const int Features = 20_000;
    private static readonly JobPlan Plan = Plans.Small(features: Features);
    private static readonly HospitalSite[] Sites = Plans.Sites(hospitals: 3, features: Features);
    private static readonly GlobalModel Model = GlobalModel.Of([.. new double[Features + 1]]);
    private static readonly RoundProtocol.RoundOffered Offer = new(
        new RoundId(Plan.Name, 1, 1), Plan, PlanHash.Of(Plan), Model.Hash, [.. Sites.Select(site => site.Hospital)]);

    private readonly ModelCache _models = new();

    [Test]
    public void An_offer_is_answered_with_the_first_piece_and_credit_with_the_rest()
    {
        var agent = Start();
        agent.Tell(Offer, TestActor);
        var uploads =
            new UploadCollection(32, RoundCode.Of(Plan, round: 1, Sites.Length, Features + 1).Bytes, Offer.Cohort);

        var first = uploads.Accept(ExpectMsg<RoundProtocol.UpdateChunk>());
        Assert.That(first, Is.EqualTo(new UploadStep.Continues(RoundProtocol.ChunkBytes)));
        ExpectNoMsg(TimeSpan.FromMilliseconds(20));
        agent.Tell(new RoundProtocol.UploadRequested(Offer.Id, RoundProtocol.ChunkBytes, Credit: 10), TestActor);

        Assert.That(uploads.Accept(ExpectMsg<RoundProtocol.UpdateChunk>()), Is.InstanceOf<UploadStep.Completed>());
    }

    [Test]
    public void The_same_offer_by_a_restarted_hub_is_answered_with_the_same_bytes()
    {
        var agent = Start();
        agent.Tell(Offer, TestActor);
        var before = ExpectMsg<RoundProtocol.UpdateChunk>();
        var restarted = CreateTestProbe();

        agent.Tell(Offer, restarted);

        var again = restarted.ExpectMsg<RoundProtocol.UpdateChunk>();
        Assert.That(again.Bytes, Is.EqualTo(before.Bytes));
        Assert.That(again with { Bytes = before.Bytes }, Is.EqualTo(before));
    }

    [Test]
    public void A_request_for_another_round_is_not_answered()
    {
        var agent = Start();
        agent.Tell(Offer, TestActor);
        ExpectMsg<RoundProtocol.UpdateChunk>();

        agent.Tell(new RoundProtocol.UploadRequested(Offer.Id with { Round = 2 }, 0, Credit: 10), TestActor);

        ExpectNoMsg(TimeSpan.FromMilliseconds(20));
    }

    private IActorRef Start()
    {
        _models.Add(Model);
        return Sys.ActorOf(HospitalAgent.Props(Sites[0], _models));
    }
}
