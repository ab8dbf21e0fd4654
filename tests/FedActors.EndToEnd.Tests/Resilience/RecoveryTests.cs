using System.Diagnostics;
using System.Runtime.Versioning;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>How long a hub takes to know what it knew.</summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
[Explicit("It measures, for minutes, and wants a quiet machine.")]
public sealed class RecoveryTests
{
    [Test]
    public async Task What_a_hub_with_1000_committed_rounds_takes_to_go_on()
    {
        const int Rounds = 1000;
        await using var federation = new ProcessFederation();
        federation.Write(
            $"training {{ rounds = {Rounds + 20} }}\ncohort {{ minimum = 3 }}\nsecure-aggregation.enabled = off",
            "management.port = off", hospital: "secure-sums-only = off");
        foreach (var node in federation.Nodes)
            federation.Start(node);
        await federation.WhoSaysAsync($"Round {Rounds} is committed", "hub");
        await federation.EndAsync("hub", "KILL");

        var watch = Stopwatch.StartNew();
        federation.Start("hub");
        await federation.WhoSaysAsync("hospitals attached", "hub");
        var attached = watch.Elapsed;
        await federation.WhoSaysAsync("is open for", "hub");
        TestContext.Progress.WriteLine(
            $"After {federation.Count("round-committed/1")} rounds: {watch.Elapsed.TotalSeconds:F2} s "
                + "from the start of "
                + $"the process to the next round, of which {(watch.Elapsed - attached).TotalSeconds:F2} s after the "
                + "hospitals were there again.");
    }
}
