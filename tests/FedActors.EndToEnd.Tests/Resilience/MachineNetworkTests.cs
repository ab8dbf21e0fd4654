using System.Runtime.Versioning;
using FedActors.Actors.Tests.TestKit;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>A hub of three machines, of which one loses its network: to the others, and to the hospitals.</summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
[Explicit("It makes network namespaces, which takes root, and minutes.")]
public sealed class MachineNetworkTests
{
    [TestCase(true)]
    [TestCase(false)]
    public async Task A_machine_whose_network_is_lost_puts_itself_out_and_the_model_is_the_same(bool isLeader)
    {
        const int Rounds = 60;
        using var server = Postgres.Start();
        using var network = new MachineNetwork(3);
        await using var federation = new ProcessFederation(server, hubNodes: 3, network);
        federation.Write(
            $$"""
            training { rounds = {{Rounds}} }
            cohort { minimum = 3, attempts = 1000, deadline = 20s }
            secure-aggregation { phase-deadline = 5s }
            """, "patience = 10s, management.port = off");
        await federation.StartAllAsync();
        var leader = await federation.WhoSaysAsync("Round 3 is committed", federation.Hubs);
        var lost = isLeader ? leader : federation.Hubs.First(hub => hub != leader);
        var others = federation.Hubs.Where(hub => hub != lost).ToArray();

        network.Unplug(Array.IndexOf(federation.Hubs, lost));
        Assert.That(await federation.EndAsync(lost), Is.EqualTo(1), "who was put out ends, to be started again");
        network.Plug(Array.IndexOf(federation.Hubs, lost));
        federation.Start(lost);

        await federation.WhoSaysAsync(
            $"is done after {Rounds} rounds: its model is {await federation.SimulateAsync()}", others);
        await federation.WhoSaysAsync(ProcessFederation.IsUp, lost);
        Assert.That(federation.Account().Lost, Is.Empty);
        Assert.That(federation.Count("round-committed/1"), Is.EqualTo(Rounds));
        Assert.That(server.Scalar("hub", "SELECT epoch FROM leader"), Is.EqualTo(isLeader ? 2L : 1L));
    }
}
