using Akka.Actor;
using Akka.Event;

namespace FedActors.Actors.Storage;

/// <summary>
/// What a node whose lead is over writes is refused for good, whatever its cluster tells it. As long as it went on it
/// would keep hospitals from the node that leads.
/// </summary>
internal static class FormerLeader
{
    /// <summary>Ends the node where that is why a write was refused; whoever runs it starts it again.</summary>
    public static void EndsAt(Exception refusal, ActorSystem system)
    {
        if (!PostgresDatabase.IsOfFormerLeader(refusal))
            return;
        system.Log.Error("Another node leads this hub: this one ends, to be started again");
        // Without a farewell: it would wait for a cluster that it is no part of.
        ((ExtendedActorSystem)system).Abort();
    }
}
