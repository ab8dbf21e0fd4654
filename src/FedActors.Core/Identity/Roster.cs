using System.Collections.Immutable;

namespace FedActors.Core.Identity;

/// <summary>
/// Who belongs to a federation: the trust anchor. The coordinator's key and one key per hospital; every signature of the
/// protocol is verified against it, and a hospital takes part only where the hub names the same roster.
/// </summary>
public sealed class Roster
{
    private readonly ImmutableSortedDictionary<HospitalId, SitePublicKey> _keys;

    /// <exception cref="ArgumentException">Two parties share a key, or there is no hospital: one key is one vote.</exception>
    public Roster(SitePublicKey coordinator, IEnumerable<KeyValuePair<HospitalId, SitePublicKey>> hospitals)
    {
        Coordinator = coordinator;
        _keys = ImmutableSortedDictionary.CreateRange(hospitals);
        if (_keys.IsEmpty)
            throw new ArgumentException("A roster names at least one hospital.", nameof(hospitals));
        if (_keys.Values.Append(coordinator).GroupBy(key => key).FirstOrDefault(same => same.Count() > 1) is { } shared)
            throw new ArgumentException(
                $"{shared.Key} appears {shared.Count()} times: every party has a key of its own.", nameof(hospitals));
        Hospitals = [.. _keys.Keys];
        Hash = HashOf();
    }

    public SitePublicKey Coordinator { get; }

    /// <summary>Sorted by id.</summary>
    public ImmutableArray<HospitalId> Hospitals { get; }

    /// <summary>Same parties, same keys: same hash.</summary>
    public Digest Hash { get; }

    public bool Contains(HospitalId hospital) => _keys.ContainsKey(hospital);

    /// <summary>The hospital's key, or null where the roster does not name it.</summary>
    public SitePublicKey? KeyOf(HospitalId hospital) => _keys.GetValueOrDefault(hospital);

    private Digest HashOf()
    {
        using var writer = new CanonicalWriter("FA/roster/v1");
        writer.Bytes(Coordinator.Point.Span).UInt32(_keys.Count);
        foreach (var (hospital, key) in _keys)
            writer.Hospital(hospital).Bytes(key.Point.Span);
        return writer.Hash();
    }
}
