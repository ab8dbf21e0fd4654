using Akka.Cluster;
using FedActors.Actors.Hosting;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>A node among those of a hub.</summary>
internal static class ClusterMember
{
    /// <summary>Ends when the node is up. One that has only joined counts for no majority, and is shown as such.</summary>
    public static Task IsUp(Node node)
    {
        var up = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Cluster.Get(node.Systems[0]).RegisterOnMemberUp(() => up.TrySetResult());
        return up.Task.WaitAsync(TimeSpan.FromSeconds(120));
    }
}
