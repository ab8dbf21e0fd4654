using System.Collections.Immutable;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.SecureAggregation;

namespace FedActors.Simulation;

/// <summary>
/// Keys for a hub and its hospitals, drawn for one process and gone with it. A run that goes on after a restart has
/// another roster: what was under way under the old keys is tried again, as the next attempt.
/// </summary>
public sealed class ThrowawayConsortium
{
    private readonly ImmutableDictionary<HospitalId, SiteKey> _keys;
    private readonly PeerKeyCache _peers = new();

    private ThrowawayConsortium(ImmutableDictionary<HospitalId, SiteKey> keys, HubIdentity hub) =>
        (_keys, Hub) = (keys, hub);

    public HubIdentity Hub { get; }

    public static ThrowawayConsortium Of(ImmutableArray<HospitalId> hospitals)
    {
        var keys =
            hospitals.ToImmutableDictionary(hospital => hospital, _ => SiteKey.Create(SecureRandomSource.Instance));
        var hub = SiteKey.Create(SecureRandomSource.Instance);
        var roster = new Roster(hub.Public, keys.Select(pair => KeyValuePair.Create(pair.Key, pair.Value.Public)));
        return new ThrowawayConsortium(keys, new HubIdentity(hub, roster));
    }

    public SiteSecurity SecurityOf(HospitalId hospital, ISpool spool) => new(
        _keys[hospital], Hub.Roster, new MaskingPolicy(ReleaseAgainUnderNoise: true), SecureRandomSource.Instance,
        spool, RequiresSecureSums: true, _peers);
}
