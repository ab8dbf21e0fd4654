using Akka.Actor;

namespace FedActors.Actors.Hosting;

/// <summary>
/// Exists on one node of a hub at a time, as the cluster decides, and gives that node the lead; asked to go, it waits
/// until the node has let go of it. Parent: the singleton's manager. Children: none.
/// </summary>
public sealed class HubTurn : ReceiveActor
{
    private readonly IActorRef _leader;

    /// <param name="leader">This node's <see cref="HubLeader"/>.</param>
    public HubTurn(IActorRef leader)
    {
        _leader = leader;
        Receive<HubLeader.Resign>(leader.Tell);
        Receive<HubLeader.Resigned>(_ => Context.Stop(Self));
    }

    public static Props Props(IActorRef leader) => Akka.Actor.Props.Create<HubTurn>(leader);

    protected override void PreStart() => _leader.Tell(HubLeader.Lead.Instance);
}
