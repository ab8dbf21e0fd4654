using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

/// <summary>Sets of hospitals as the protocol hashes them: sorted by id, none twice.</summary>
public static class HospitalSet
{
    /// <summary>Strictly ascending: sorted, and nobody twice.</summary>
    public static bool IsSorted(ImmutableArray<HospitalId> hospitals)
    {
        for (var i = 1; i < hospitals.Length; i++)
            if (hospitals[i - 1] >= hospitals[i])
                return false;
        return true;
    }

    /// <summary>Whether a sorted set holds <paramref name="hospital"/>.</summary>
    public static bool Holds(ImmutableArray<HospitalId> sorted, HospitalId hospital) => sorted.BinarySearch(hospital) >= 0;

    /// <summary>Whether every one of <paramref name="part"/> is in the sorted set <paramref name="whole"/>.</summary>
    public static bool IsSubset(ImmutableArray<HospitalId> part, ImmutableArray<HospitalId> whole) =>
        part.All(hospital => Holds(whole, hospital));

    /// <summary>Hash of the keys fixed for a session: the members and what each advertised.</summary>
    public static Digest KeysHash(Digest session, ImmutableArray<Protocol.SecureAggregationProtocol.Advertise> u1)
    {
        using var writer = new CanonicalWriter("FA/U1/v1");
        writer.Digest(session).UInt32(u1.Length);
        foreach (var advert in u1)
            writer.Hospital(advert.Hospital).Digest(advert.Statement());
        return writer.Hash();
    }

    /// <summary>Hash of those who shared their secrets.</summary>
    public static Digest SharersHash(Digest session, ImmutableArray<HospitalId> u2) => Hash("FA/U2/v1", session, u2);

    /// <summary>Hash of the survivors, whose updates are summed.</summary>
    public static Digest SurvivorsHash(Digest session, ImmutableArray<HospitalId> u3) => Hash("FA/U3/v1", session, u3);

    private static Digest Hash(string label, Digest session, ImmutableArray<HospitalId> hospitals)
    {
        using var writer = new CanonicalWriter(label);
        return writer.Digest(session).Hospitals(hospitals).Hash();
    }
}
