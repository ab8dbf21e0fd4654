using Akka.Actor;
using FedActors.Actors.Operations;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Federation;

namespace FedActors.Actors.Tests.Hosting;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FederationTests : IAsyncDisposable
{
    private readonly SmallFederation _federation = new();

    public ValueTask DisposeAsync() => _federation.DisposeAsync();

    [Test]
    public async Task Nodes_train_the_model_of_the_simulation()
    {
        var job = _federation.WriteJob();
        var hub = await _federation.StartHub("job = small.conf");
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), TimeSpan.FromSeconds(60));

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        Assert.That(_federation.ResultOf("small"), Is.EqualTo(await SmallFederation.Simulated(job)));
    }
}
