using System.Runtime.Versioning;
using FedActors.Actors.Provisioning;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>Hospitals go, come back, and come back with other certificates, while a job trains.</summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
[Category("Slow")]
public sealed class SiteChangeTests
{
    [Test]
    public async Task A_job_goes_on_through_rotated_certificates_with_the_same_key_and_with_a_new_one()
    {
        const int Rounds = 30;
        await using var federation = new ProcessFederation();
        var office = federation.Office;
        federation.Write(
            $"training {{ rounds = {Rounds} }}\ncohort {{ minimum = 3, attempts = 1000, deadline = 20s }}",
            "management.port = off");
        foreach (var node in federation.Nodes)
            federation.Start(node);
        await federation.WhoSaysAsync("Round 3 is committed", "hub");

        // The same key: nobody else need know before they start anew.
        office.Federation.Sign(office.PathOf("berlin", "berlin.csr"), isRotation: true, TimeSpan.FromDays(30));
        office.Federation.Package("berlin", office.KitOf("berlin"));
        Assert.That(await federation.EndAsync("berlin", "TERM"), Is.Zero);
        federation.Start("berlin");
        await federation.WhoSaysAsync("berlin is attached", "berlin");
        await federation.SaysNextAsync("is committed", "hub");

        // A new key: a new list of members, which all have to have before the next round.
        File.Move(office.KeyOf("madrid"), office.KeyOf("madrid") + ".old");
        office.Federation.Sign(
            FederationOffice.Request(office.PathOf("madrid"), "madrid"), isRotation: true, TimeSpan.FromDays(30));
        foreach (var node in federation.Nodes)
            office.Federation.Package(node, office.KitOf(node));
        foreach (var node in federation.Nodes)
        {
            Assert.That(await federation.EndAsync(node, "TERM"), Is.Zero);
            federation.Start(node);
        }

        await federation.WhoSaysAsync(
            $"is done after {Rounds} rounds: its model is {await federation.SimulateAsync()}", "hub");
        Assert.That(federation.Count("round-committed/1"), Is.EqualTo(Rounds));
        Assert.That(federation.Account().Lost, Is.Empty);
    }

    [Test]
    public async Task A_hospital_that_comes_back_after_its_round_joins_the_next()
    {
        await using var federation = new ProcessFederation();
        federation.Write(
            "training { rounds = 10000 }\ncohort { minimum = 2, attempts = 1000, deadline = 5s }",
            "management.port = off, patience = 5s");
        foreach (var node in federation.Nodes)
            federation.Start(node);
        await federation.WhoSaysAsync("is committed with 3 hospitals", "hub");

        await federation.EndAsync("paris", "KILL");
        await federation.SaysNextAsync("is committed with 2 hospitals", "hub");
        var isBack = federation.SaysNextAsync("is committed with 3 hospitals", "hub");
        federation.Start("paris");
        await isBack;

        // Of the rounds that were opened after it was attached, all but the first begin with it.
        var said = federation.HeardOf("hub").Split('\n');
        var attached = Array.FindLastIndex(said, line => line.Contains("paris is attached", StringComparison.Ordinal));
        var without = said.Skip(attached).Count(line => line.Contains("with 2 hospitals", StringComparison.Ordinal));
        Assert.That(without, Is.LessThanOrEqualTo(1), "the round that was open");
        Assert.That(federation.Account().Lost, Is.Empty);
    }
}
