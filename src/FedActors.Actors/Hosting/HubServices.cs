using Akka.Actor;
using FedActors.Core.Identity;

namespace FedActors.Actors.Hosting;

/// <summary>What the hub's actors share.</summary>
/// <param name="Hospitals">Reaches hospitals by id.</param>
/// <param name="Blobs">Keeps models and running sums.</param>
/// <param name="Models">The newest models of this process.</param>
/// <param name="Clock">The time that goes into events.</param>
/// <param name="Evaluator">Judges models on held-out patients, or nobody.</param>
/// <param name="Identity">The hub's signing key and the roster; null where no secure sum is asked for.</param>
public sealed record HubServices(
    IHospitalDirectory Hospitals, IActorRef Blobs, ModelCache Models, TimeProvider Clock, IActorRef Evaluator,
    HubIdentity? Identity)
{
    /// <summary>Plugin id of the journal that the hub's actors write to; empty for the configured one.</summary>
    public string Journal { get; init; } = "";

    /// <summary>The node that opens secure sums for this one, at this moment; null where this one does it.</summary>
    public Func<RemoteNode?> Aggregator { get; init; } = () => null;
}

/// <summary>Another node of the hub.</summary>
/// <param name="Host">Who takes work in there.</param>
/// <param name="IsThere">Whether the cluster still reaches it. Any thread.</param>
public sealed record RemoteNode(IActorRef Host, Func<bool> IsThere);

/// <summary>Who the hub is, and whom it trusts.</summary>
public sealed record HubIdentity(SiteKey Key, Roster Roster);
