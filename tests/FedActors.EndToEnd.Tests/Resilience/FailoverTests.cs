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
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FailoverTests : IAsyncDisposable
{
    private readonly Postgres _server = Postgres.Start();
    private readonly ProcessFederation _federation;
    private int _rounds;

    public FailoverTests() => _federation = new ProcessFederation(_server, hubNodes: 3);

    public async ValueTask DisposeAsync()
    {
        await _federation.DisposeAsync();
        _server.Dispose();
    }

    // Default settings: this is what an operator waits for.
    [Test]
    public async Task A_leader_that_is_killed_is_replaced_and_the_model_is_the_same()
    {
        var (leader, others) = await BeginAsync(40);

        _federation.Signal(leader, "KILL");
        var lost = Stopwatch.StartNew();
        await _federation.WhoSaysAsync("is committed", others);
        TestContext.Progress.WriteLine(
            $"A killed leader was replaced: the next round was committed after {lost.Elapsed.TotalSeconds:F1} s.");

        await EndsAsUndisturbedAsync(others);
    }

    // Within a write, as late as can be: what it was about to commit, another has committed meanwhile.
    [TestCase(0, "stable-after = 2s")]
    [TestCase(60, "", Explicit = true)]
    public async Task A_leader_that_slept_through_its_replacement_writes_nothing_more(int seconds, string cluster)
    {
        Write(6, cluster);
        // The first of the nodes begins the cluster, and leads it.
        await _federation.StartAllAsync("before:RoundCommitted=stop");
        await _federation.IsStoppedAsync("hub1");
        var stopped = Stopwatch.StartNew();

        await _federation.WhoSaysAsync("Round 1 is committed", "hub2", "hub3");
        TestContext.Progress.WriteLine(
            $"A stopped leader was replaced: the next round was committed after {stopped.Elapsed.TotalSeconds:F1} s.");
        await _federation.SignalAsync("hub1", "CONT", TimeSpan.FromSeconds(seconds) - stopped.Elapsed);

        await _federation.WhoSaysAsync("Another node leads this hub", "hub1");
        Assert.That(await _federation.EndAsync("hub1"), Is.EqualTo(1), "who was put out ends, to be started again");
        await EndsAsUndisturbedAsync("hub2", "hub3");
    }

    [Test]
    public async Task Nodes_that_are_told_to_stop_one_after_another_hand_over_and_end_well()
    {
        var (leader, others) = await BeginAsync(200);

        foreach (var node in others.Append(leader))
        {
            var watch = Stopwatch.StartNew();
            _federation.Signal(node, "TERM");
            if (node == leader)
            {
                var next = await _federation.WhoSaysAsync("This node leads the hub", others);
                var leads = watch.Elapsed;
                await _federation.WhoSaysAsync("begins with", next);
                var hears = watch.Elapsed;
                await _federation.WhoSaysAsync("is open for", next);
                TestContext.Progress.WriteLine(
                    $"A leader that was told to stop handed over: {next} led after {leads.TotalSeconds:F1} s, spoke "
                        + $"with all hospitals after {hears.TotalSeconds:F1} s, and opened a round after "
                        + $"{watch.Elapsed.TotalSeconds:F1} s.");
            }
            Assert.That(await _federation.EndAsync(node), Is.Zero, $"{node} did not end well.\n{_federation.Heard}");
            _federation.Start(node);
            await _federation.WhoSaysAsync(ProcessFederation.IsUp, node);
        }

        await EndsAsUndisturbedAsync(_federation.Hubs);
    }

    // Until a round is committed.
    private async Task<(string Leader, string[] Others)> BeginAsync(int rounds, string cluster = "")
    {
        Write(rounds, cluster);
        await _federation.StartAllAsync();
        var leader = await _federation.WhoSaysAsync("Round 3 is committed", _federation.Hubs);
        return (leader, [.. _federation.Hubs.Where(hub => hub != leader)]);
    }

    private void Write(int rounds, string cluster)
    {
        _rounds = rounds;
        _federation.Write(
            $$"""
            training { rounds = {{rounds}} }
            cohort { minimum = 3, attempts = 1000, deadline = 20s }
            secure-aggregation { phase-deadline = 5s }
            """, "patience = 10s, management.port = off", cluster,
            // The default, which these tests measure.
            hospital: "rhythm = 2s");
    }

    private async Task EndsAsUndisturbedAsync(params string[] nodes)
    {
        await _federation.WhoSaysAsync(
            $"is done after {_rounds} rounds: its model is {await _federation.SimulateAsync()}", nodes);
        Assert.That(_federation.Account().Lost, Is.Empty);
        Assert.That(_federation.Count("round-committed/1"), Is.EqualTo(_rounds));
    }
}
