using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>
/// A hub that wrote everything down, with hospitals that tell it all their secrets. It derives every key it can, takes every mask
/// off every vector that it can, and then looks for one hospital's update among all sums and differences of what is left.
/// </summary>
internal sealed class Adversary
{
    private readonly Conversation _conversation;
    private readonly ImmutableArray<Advertise> _adverts;
    private readonly ImmutableArray<HospitalId> _u1, _u2, _u3;
    private readonly Digest _session;
    private readonly MaskContext _context;
    private readonly MaskGraph _graph;
    private readonly Dictionary<HospitalId, byte[]> _seeds = [], _scalars = [];

    public Adversary(Conversation conversation, IReadOnlyCollection<HospitalId> colluders)
    {
        _conversation = conversation;
        var seen = conversation.Transcript;
        var spec = conversation.Spec;
        _session = spec.SessionId();
        _adverts = seen.OfType<Roster1>().First().Adverts;
        _u1 = [.. _adverts.Select(advert => advert.Hospital)];
        _u2 = seen.OfType<Inbox>().First().Sharers;
        _u3 = seen.OfType<Survivors>().First().Hospitals;
        _graph = new MaskGraph(spec.Graph, _session, _u1, [.. _adverts.Select(advert => advert.Beacon)]);
        _context = new MaskContext(spec.Ring.WordBits, spec.Ring.Coordinates,
            HospitalSet.KeysHash(_session, _adverts), HospitalSet.SharersHash(_session, _u2), spec.Model);

        var seedShares = _u1.ToDictionary(id => id, _ => new SortedDictionary<ushort, byte[]>());
        var keyShares = _u1.ToDictionary(id => id, _ => new SortedDictionary<ushort, byte[]>());
        foreach (var response in seen.OfType<UnmaskResponse>())
            foreach (var (owner, share) in response.Shares)
                (_u3.Contains(owner) ? seedShares : keyShares)[owner][Position(owner, response.Hospital)] = share.Span.ToArray();
        foreach (var colluder in colluders)
        {
            var drawn = conversation.Randoms[colluder].Drawn;                   // envelope key, mask key, seed, beacon, ...
            (_scalars[colluder], _seeds[colluder]) = (drawn[1], drawn[2]);
            foreach (var shares in seen.OfType<Shares>())
                if (Open(drawn[0], shares, colluder) is { } plain)
                {
                    seedShares[shares.Hospital][Position(shares.Hospital, colluder)] = plain[..32];
                    keyShares[shares.Hospital][Position(shares.Hospital, colluder)] = plain[32..];
                }
        }
        foreach (var id in _u1)
        {
            if (Combine(seedShares[id]) is { } seed && KeySchedule.SeedCommitment(_session, id, seed) == Advert(id).SeedCommitment)
                _seeds[id] = seed;
            if (Combine(keyShares[id]) is { } scalar && EphemeralKey.FromScalar(scalar) is { } key
                && key.Public.Span.SequenceEqual(Advert(id).MaskKey.Span))
                _scalars[id] = scalar;
        }
    }

    /// <summary>Every masked vector a hub could have stored, in the sum or not, without the masks it can derive.</summary>
    public Dictionary<HospitalId, byte[]> Stripped() =>
        _conversation.Spools.ToDictionary(spool => spool.Key, spool => Strip(spool.Key, spool.Value));

    /// <summary>A sum or difference of the stripped vectors that is the update of a hospital outside the colluders; null if none.</summary>
    public string? FindUpdate(IReadOnlyCollection<HospitalId> colluders)
    {
        var vectors = Stripped().OrderBy(pair => pair.Key).Select(pair => pair.Value).ToArray();
        var targets = _conversation.Updates.Where(update => !colluders.Contains(update.Key)).ToArray();
        var bits = _conversation.Spec.Ring.WordBits;
        for (var code = 0; code < Math.Pow(3, vectors.Length); code++)
        {
            var combination = new byte[_conversation.Spec.Ring.Bytes];
            for (int i = 0, rest = code; i < vectors.Length; i++, rest /= 3)
                if (rest % 3 != 0)
                    AddTo(combination, vectors[i], bits, rest % 3 == 2);
            foreach (var (id, update) in targets)
                if (combination.AsSpan().SequenceEqual(update))
                    return $"{id}: combination {code} of {vectors.Length} vectors";
        }
        return null;
    }

    private byte[] Strip(HospitalId owner, byte[] masked)
    {
        var vector = (byte[])masked.Clone();
        var key = new byte[32];
        if (_seeds.TryGetValue(owner, out var seed))
        {
            KeySchedule.Self(_session, seed, owner, _context, key);
            MaskStream.Apply(vector, _context.WordBits, key, [true]);
        }
        foreach (var peer in _u2.Where(peer => peer != owner && _graph.AreNeighbours(owner, peer)))
        {
            var (scalar, other) = _scalars.TryGetValue(owner, out var own) ? (own, peer) : (_scalars.GetValueOrDefault(peer), owner);
            if (scalar is null)
                continue;
            var extracted = new byte[32];
            KeySchedule.Extract(_session, Agree(scalar, Advert(other).MaskKey), extracted);
            KeySchedule.Pair(extracted, owner, peer, _context, key);
            MaskStream.Apply(vector, _context.WordBits, key, [owner < peer]);
        }
        return vector;
    }

    private byte[]? Open(byte[] scalar, Shares shares, HospitalId holder)
    {
        if (shares.Envelopes.FirstOrDefault(envelope => envelope.Peer == holder) is not { } sealedShares)
            return null;
        var (extracted, key, plain) = (new byte[32], new byte[32], new byte[64]);
        KeySchedule.Extract(_session, Agree(scalar, Advert(shares.Hospital).EnvelopeKey), extracted);
        KeySchedule.Envelope(extracted, shares.Hospital, holder, _context.U1, key);
        var context = new EnvelopeContext(
            _session, _context.U1, shares.Hospital, holder, Position(shares.Hospital, holder), _graph.Threshold, _graph.HolderCount);
        return ShareEnvelope.TryOpen(key, context, sealedShares.Envelope, plain) ? plain : null;
    }

    private byte[]? Combine(SortedDictionary<ushort, byte[]> shares)
    {
        if (shares.Count < _graph.Threshold)
            return null;
        var secret = new byte[32];
        var some = shares.Take(_graph.Threshold).ToArray();
        new ShareCombiner([.. some.Select(share => share.Key)]).Combine(some.SelectMany(share => share.Value).ToArray(), secret);
        return secret;
    }

    private ushort Position(HospitalId owner, HospitalId holder) => (ushort)_graph.Position(owner, holder);

    private Advertise Advert(HospitalId id) => _adverts[_u1.BinarySearch(id)];

    private static byte[] Agree(byte[] scalar, ByteString point)
    {
        using var key = EphemeralKey.FromScalar(scalar)!;
        Assert.That(P256Point.TryParse(point.Span, out var parsed), Is.True);
        using var peer = PeerKey.Import(parsed)!;
        var secret = new byte[32];
        key.Agree(peer, secret);
        return secret;
    }

    private static void AddTo(byte[] sum, byte[] vector, int bits, bool subtract)
    {
        for (var i = 0; i < sum.Length; i += bits / 8)
            if (bits == 32)
                BitConverter.TryWriteBytes(sum.AsSpan(i), unchecked(
                    BitConverter.ToInt32(sum, i) + (subtract ? -1 : 1) * BitConverter.ToInt32(vector, i)));
            else
                BitConverter.TryWriteBytes(sum.AsSpan(i), unchecked(
                    BitConverter.ToInt64(sum, i) + (subtract ? -1 : 1) * BitConverter.ToInt64(vector, i)));
    }
}
