using FedActors.Actors.Hosting;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Actors.Tests.Wire;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ModelShelfTests
{
    private static readonly HospitalId Berlin = new("berlin"), Paris = new("paris");
    private static readonly GlobalModel[] Models = [.. Enumerable.Range(1, 3).Select(i => GlobalModel.Of([i]))];

    private readonly ModelShelf _shelf = new();
    private readonly ModelCache _cache = new();

    [Test]
    public void A_hospital_may_have_the_last_two_models_it_was_offered_and_no_other()
    {
        _shelf.Open(_cache);
        foreach (var model in Models)
        {
            _cache.Add(model);
            Assert.That(Has(Berlin, model), Is.False, "before it is offered");
            _shelf.Offer(Berlin, model.Hash);
            _shelf.Offer(Berlin, model.Hash);
            Assert.That(Has(Berlin, model), Is.True);
        }

        Assert.That(Models.Select(model => Has(Berlin, model)), Is.EqualTo((bool[])[false, true, true]));
        Assert.That(Models.Select(model => Has(Paris, model)), Is.All.False);
    }

    [Test]
    public void A_node_that_does_not_lead_hands_out_nothing()
    {
        _cache.Add(Models[0]);
        _shelf.Offer(Berlin, Models[0].Hash);
        Assert.That(Has(Berlin, Models[0]), Is.False);
        _shelf.Open(_cache);
        Assert.That(Has(Berlin, Models[0]), Is.True);

        _shelf.Close();

        Assert.That(Has(Berlin, Models[0]), Is.False);
    }

    private bool Has(HospitalId hospital, GlobalModel model) => _shelf.TryGet(hospital, model.Hash, out _);
}
