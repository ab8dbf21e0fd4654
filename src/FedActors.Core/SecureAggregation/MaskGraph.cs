using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

//  Mask graph
//      Who shares a mask with whom, and who holds shares of whose secrets. Every party draws it for itself.
//  Source:   complete graph: Bonawitz et al., CCS 2017; Harary k-regular graph on a random ring: Bell et al., CCS 2020.
//  Ring:     hospitals sorted by SHA-256 of (beacon, id); the beacon hashes a random value of every member of U1.
//  Proof:    MaskGraph.md

/// <summary>Neighbours among the members of U1. A member's rank is its index in U1, which is sorted by id.</summary>
public sealed class MaskGraph
{
    private readonly ImmutableArray<HospitalId> _members;
    private readonly int[] _ring;                                               // ranks in the order of the ring
    private readonly int[] _places;                                             // of each rank its place on the ring
    private readonly int _degree;

    /// <param name="members">U1, sorted.</param>
    /// <param name="beacons">For each member the random value it advertised.</param>
    public MaskGraph(GraphSpec spec, Digest session, ImmutableArray<HospitalId> members, ImmutableArray<Digest> beacons)
    {
        _members = members;
        _degree = spec.Degree;
        Threshold = spec.Threshold;
        _ring = spec.IsComplete ? [] : Ring(session, members, beacons);
        _places = new int[_ring.Length];
        for (var place = 0; place < _ring.Length; place++)
            _places[_ring[place]] = place;
    }

    /// <summary>Shares that open a secret.</summary>
    public int Threshold { get; }

    /// <summary>Everyone with everyone.</summary>
    public bool IsComplete => _degree == 0;

    /// <summary>Shares dealt of each secret.</summary>
    public int HolderCount => IsComplete ? _members.Length : _degree;

    /// <summary>Those <paramref name="hospital"/> shares a mask with; sorted, without itself.</summary>
    public ImmutableArray<HospitalId> Neighbours(HospitalId hospital) =>
        [.. NeighbourRanks(Rank(hospital)).Select(rank => _members[rank])];

    /// <summary>
    /// Those who hold shares of <paramref name="hospital"/>'s secrets, sorted; the one at index i holds position i + 1.
    /// In the complete graph the hospital itself is among them, else three hospitals could not reach a threshold of
    /// three.
    /// </summary>
    public ImmutableArray<HospitalId> Holders(HospitalId hospital) => IsComplete ? _members : Neighbours(hospital);

    /// <summary>
    /// The position, from 1, of <paramref name="holder"/> among the holders of <paramref name="owner"/>'s secrets.
    /// </summary>
    public int Position(HospitalId owner, HospitalId holder) =>
        IsComplete ? Rank(holder) + 1 : SmallerNeighbours(Rank(owner), Rank(holder)) + 1;

    /// <summary>Whether the two share a mask.</summary>
    public bool AreNeighbours(HospitalId one, HospitalId other)
    {
        if (one == other || IsComplete)
            return one != other;
        var apart = Math.Abs(_places[Rank(one)] - _places[Rank(other)]);
        return Math.Min(apart, _ring.Length - apart) <= _degree / 2;
    }

    internal int Rank(HospitalId hospital) => _members.BinarySearch(hospital);

    /// <summary>Ranks of the neighbours, ascending.</summary>
    internal int[] NeighbourRanks(int rank)
    {
        if (IsComplete)
            return [.. Enumerable.Range(0, _members.Length).Where(other => other != rank)];
        var neighbours = new int[_degree];
        for (var step = 1; step <= _degree / 2; step++)
            (neighbours[2 * step - 2], neighbours[2 * step - 1]) = (Ahead(rank, step), Ahead(rank, -step));
        Array.Sort(neighbours);
        return neighbours;
    }

    /// <summary>
    /// Where the envelope for <paramref name="holder"/> lies among those that <paramref name="dealer"/> sealed.
    /// </summary>
    internal int EnvelopeIndex(int dealer, int holder) =>
        IsComplete ? holder - (holder > dealer ? 1 : 0) : SmallerNeighbours(dealer, holder);

    private int SmallerNeighbours(int owner, int rank)
    {
        var smaller = 0;
        for (var step = 1; step <= _degree / 2; step++)
            smaller += (Ahead(owner, step) < rank ? 1 : 0) + (Ahead(owner, -step) < rank ? 1 : 0);
        return smaller;
    }

    private int Ahead(int rank, int step) => _ring[(_places[rank] + step + _ring.Length) % _ring.Length];

    private static int[] Ring(Digest session, ImmutableArray<HospitalId> members, ImmutableArray<Digest> beacons)
    {
        using var writer = new CanonicalWriter("FA/beacon/v1");
        writer.Digest(session).Int32(members.Length);
        for (var i = 0; i < members.Length; i++)
            writer.Hospital(members[i]).Digest(beacons[i]);
        var beacon = writer.Hash();
        var keys = members.Select(member =>
        {
            using var place = new CanonicalWriter("FA/position/v1");
            return place.Digest(beacon).Hospital(member).Hash().ToBytes();
        }).ToArray();
        var ring = Enumerable.Range(0, members.Length).ToArray();
        Array.Sort(keys, ring, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));
        return ring;
    }
}
