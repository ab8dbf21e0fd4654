using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

//  Mask graph
//      Who shares a mask with whom, and who holds shares of whose secrets. Every party draws it for itself.
//  Source:   complete graph: Bonawitz et al., CCS 2017; Harary k-regular graph on a random ring: Bell et al., CCS 2020.
//  Ring:     hospitals sorted by SHA-256 of (beacon, id); the beacon hashes a random value of every member of U1.
//  Proof:    MaskGraph.md

/// <summary>Neighbours among the members of U1.</summary>
public sealed class MaskGraph
{
    private readonly ImmutableArray<HospitalId> _members;
    private readonly ImmutableArray<HospitalId> _ring;
    private readonly Dictionary<HospitalId, int> _positions;
    private readonly int[] _ranks;                                              // of each place of the ring: its rank by id
    private readonly int _degree;

    /// <param name="members">U1, sorted.</param>
    /// <param name="beacons">For each member the random value it advertised.</param>
    public MaskGraph(GraphSpec spec, Digest session, ImmutableArray<HospitalId> members, ImmutableArray<Digest> beacons)
    {
        _members = members;
        _degree = spec.Degree;
        Threshold = spec.Threshold;
        _ring = spec.IsComplete ? members : Ring(session, members, beacons);
        _positions = new Dictionary<HospitalId, int>(members.Length);
        for (var i = 0; i < _ring.Length; i++)
            _positions.Add(_ring[i], i);
        _ranks = [.. _ring.Select(member => members.BinarySearch(member))];
    }

    /// <summary>Shares that open a secret.</summary>
    public int Threshold { get; }

    /// <summary>Everyone with everyone.</summary>
    public bool IsComplete => _degree == 0;

    /// <summary>Those <paramref name="hospital"/> shares a mask with; sorted, without itself.</summary>
    public ImmutableArray<HospitalId> Neighbours(HospitalId hospital)
    {
        if (IsComplete)
            return _members.Remove(hospital);
        var neighbours = ImmutableArray.CreateBuilder<HospitalId>(_degree);
        var position = _positions[hospital];
        for (var step = 1; step <= _degree / 2; step++)
        {
            neighbours.Add(_ring[(position + step) % _ring.Length]);
            neighbours.Add(_ring[(position + _ring.Length - step) % _ring.Length]);
        }
        neighbours.Sort();
        return neighbours.MoveToImmutable();
    }

    /// <summary>
    /// Those who hold shares of <paramref name="hospital"/>'s secrets, sorted; the one at index i holds position i + 1. In the
    /// complete graph the hospital itself is among them, else three hospitals could not reach a threshold of three.
    /// </summary>
    public ImmutableArray<HospitalId> Holders(HospitalId hospital) => IsComplete ? _members : Neighbours(hospital);

    /// <summary>Shares dealt of each secret.</summary>
    public int HolderCount => IsComplete ? _members.Length : _degree;

    /// <summary>The position, from 1, of <paramref name="holder"/> among the holders of <paramref name="owner"/>'s secrets.</summary>
    public int Position(HospitalId owner, HospitalId holder)
    {
        var rank = _members.BinarySearch(holder);
        if (IsComplete)
            return rank + 1;
        var (position, smaller) = (_positions[owner], 0);
        for (var step = 1; step <= _degree / 2; step++)
        {
            smaller += _ranks[(position + step) % _ring.Length] < rank ? 1 : 0;
            smaller += _ranks[(position + _ring.Length - step) % _ring.Length] < rank ? 1 : 0;
        }
        return smaller + 1;
    }

    /// <summary>Whether the two share a mask.</summary>
    public bool AreNeighbours(HospitalId one, HospitalId other)
    {
        if (one == other || IsComplete)
            return one != other;
        var apart = Math.Abs(_positions[one] - _positions[other]);
        return Math.Min(apart, _ring.Length - apart) <= _degree / 2;
    }

    private static ImmutableArray<HospitalId> Ring(Digest session, ImmutableArray<HospitalId> members, ImmutableArray<Digest> beacons)
    {
        using var writer = new CanonicalWriter("FA/beacon/v1");
        writer.Digest(session).UInt32(members.Length);
        for (var i = 0; i < members.Length; i++)
            writer.Hospital(members[i]).Digest(beacons[i]);
        var beacon = writer.Hash();
        var ranks = members.Select(member =>
        {
            using var rank = new CanonicalWriter("FA/position/v1");
            return rank.Digest(beacon).Hospital(member).Hash().ToBytes();
        }).ToArray();
        var ring = members.ToArray();
        Array.Sort(ranks, ring, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));
        return [.. ring];
    }
}
