using System.Diagnostics;
using System.Runtime.Versioning;
using FedActors.Actors.Tests.TestKit;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>
/// A hub of three processes on one database loses the one that leads, in each way in which that happens.
/// </summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
[Category("Slow")]
public sealed class FailoverTests
{
    private const int Rounds = 40;

    private static readonly string Job = $$"""
        training { rounds = {{Rounds}} }
        cohort { minimum = 3, attempts = 1000, deadline = 20s }
        secure-aggregation { phase-deadline = 5s }
        """;

    [Test]
    public async Task A_leader_that_is_killed_is_replaced_and_the_model_is_the_same()
    {
        using var server = Postgres.Start();
        await using var federation = new ProcessFederation(server);
        // Default settings: this is what an operator waits for.
        var (leader, others) = await Begin(federation, "");

        federation.Signal(leader, "KILL");
        var lost = Stopwatch.StartNew();
        await federation.WhoSaysAsync("is committed", others);
        TestContext.Progress.WriteLine(
            $"A killed leader was replaced: the next round was committed after {lost.Elapsed.TotalSeconds:F1} s.");

        await EndsAsUndisturbed(federation, others);
    }

    // Until a round is committed.
    private static async Task<(string Leader, string[] Others)> Begin(ProcessFederation federation, string cluster)
    {
        federation.Start(Job, cluster);
        var leader = await federation.WhoSaysAsync("Round 3 is committed", ProcessFederation.Hubs);
        return (leader, [.. ProcessFederation.Hubs.Where(hub => hub != leader)]);
    }

    private static async Task EndsAsUndisturbed(ProcessFederation federation, string[] nodes)
    {
        await federation.WhoSaysAsync(
            $"is done after {Rounds} rounds: its model is {await federation.SimulateAsync()}", nodes);
        Assert.That(federation.Lost(), Is.Empty);
        Assert.That(federation.Count("round-committed/1"), Is.EqualTo(Rounds));
    }
}
