using Akka.Actor;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>
/// Brings what hospitals among the hub's nodes say to the node's <see cref="Door"/>, which is at the edge for all the
/// others. Parent: the hub's system. Children: none.
/// </summary>
public sealed class Porch : ReceiveActor
{
    public Porch(IActorRef door)
    {
        Receive<LineProtocol.Hello>(door.Forward);
        Receive<LineProtocol.Envelope>(door.Forward);
    }

    public static Props Props(IActorRef door) => Akka.Actor.Props.Create<Porch>(door);
}
