using System.Runtime.Versioning;
using FedActors.Actors.Provisioning;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>Hospitals go and come back while a job trains.</summary>
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

    // Plain sums: a secure one of three needs all three.
    [Test]
    public async Task A_hospital_that_slept_through_its_round_is_left_out_of_it_and_takes_part_in_the_next()
    {
        const int Rounds = 40;
        await using var federation = new ProcessFederation();
        federation.Write(
            $$"""
            training { rounds = {{Rounds}} }
            cohort { minimum = 2, attempts = 1000, deadline = 3s }
            secure-aggregation.enabled = off
            """, "patience = 5s, management.port = off", hospital: "secure-sums-only = off");
        foreach (var node in federation.Nodes)
            federation.Start(node);
        await federation.WhoSaysAsync("is committed with 3 hospitals", "hub");

        federation.Signal("berlin", "STOP");
        await federation.SaysNextAsync("is committed with 2 hospitals", "hub");
        // What it was asked then, and what it answers now, belongs to a round that is over.
        federation.Signal("berlin", "CONT");
        await federation.SaysNextAsync("is committed with 3 hospitals", "hub");
        // One that has lost all that it knew by heart.
        Assert.That(await federation.EndAsync("berlin", "KILL"), Is.EqualTo(ProcessFederation.Killed));
        await federation.SaysNextAsync("is committed with 2 hospitals", "hub");
        federation.Start("berlin");
        await federation.SaysNextAsync("is committed with 3 hospitals", "hub");

        await federation.WhoSaysAsync($"is done after {Rounds} rounds", "hub");
        Assert.That(federation.Count("round-committed/1"), Is.EqualTo(Rounds));
        Assert.That(federation.Account().Lost, Is.Empty);
    }
}
