using System.Security.Cryptography;
using FedActors.Actors.Configuration;
using FedActors.Actors.Provisioning;
using FedActors.Core;
using FedActors.Core.Identity;

namespace FedActors.Actors.Hosting;

/// <summary>Who a node is: its kit, and its private key, which signs messages and opens TLS.</summary>
public sealed class NodeIdentity : IDisposable
{
    private NodeIdentity(Kit kit, ECDsa tlsKey, SiteKey siteKey) => (Kit, TlsKey, SiteKey) = (kit, tlsKey, siteKey);

    public Kit Kit { get; }

    public ECDsa TlsKey { get; }

    public SiteKey SiteKey { get; }

    /// <exception cref="FaultException">The node would be another, or insecure.</exception>
    public static NodeIdentity Open(NodePlan plan, TimeProvider clock)
    {
        var kit = Kit.Open(plan.Kit);
        var key = PrivateFile.Read(plan.Key);
        var faults = kit.Faults(key, clock.GetUtcNow()).ToList();
        if (kit.IsHub != (plan.Role == NodeRole.Hub))
            faults.Add(
                new Fault(FaultNumber.KitOfAnotherSite, $"The kit is that of a {(kit.IsHub ? "hub" : "hospital")}.",
                    $"{plan.File}: node.role",
                "Set the role that the kit was made for, or name the right kit."));
        if (faults.Count > 0)
            throw new FaultException(faults);
        return new NodeIdentity(kit, key, SiteKey.Own(PrivateFile.Read(plan.Key)));
    }

    public void Dispose()
    {
        TlsKey.Dispose();
        SiteKey.Dispose();
    }
}
