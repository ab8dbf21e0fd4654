using System.Collections.Immutable;
using FedActors.Core.Identity;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

//  Unmasking
//      Puts together the seed of every survivor and the mask key of everyone that fell away, and takes their masks off the sum.
//  Source:   Bonawitz et al., CCS 2017, round 4; wrong shares: Gao (2003), then sets of holders that leave one or two out.
//  Cost:     one mask per survivor, one per pair of a lost hospital and a surviving neighbour.
//  Errors:   every secret is checked against what its owner published before it touches the sum.

/// <summary>The hub's last step. The secrets it recovers live for one call.</summary>
internal sealed class Unmasking(
    RoundSpec spec, Digest session, MaskGraph graph, MaskContext context,
    ImmutableArray<Advertise> adverts, ImmutableArray<HospitalId> u2, ImmutableArray<HospitalId> u3)
{
    private const int Size = KeySchedule.KeySize;

    private readonly Dictionary<HospitalId, Advertise> _adverts = adverts.ToDictionary(advert => advert.Hospital);
    private readonly Dictionary<HospitalId, int> _faults = [];
    private readonly SortedSet<HospitalId> _dealers = [];
    private ShareCombiner? _combiner;
    private ushort[] _combined = [];

    /// <summary>Holders whose released shares were wrong, and dealers whose shares disagree with more holders than may be corrupt.</summary>
    public ImmutableArray<HospitalId> Suspects => [.. _faults.Keys.Union(_dealers).Order()];

    /// <summary>Takes the masks off <paramref name="sum"/>; where a secret cannot be recovered, leaves it as it is.</summary>
    public Refusal? Open(IReadOnlyDictionary<HospitalId, UnmaskResponse> responses, Span<byte> sum)
    {
        var shares = u2.ToDictionary(owner => owner, _ => new List<Held>(responses.Count));
        foreach (var response in responses.Values)
            foreach (var (owner, share) in response.Shares)
                shares[owner].Add(new Held(response.Hospital, (ushort)graph.Position(owner, response.Hospital), share));

        var lost = u2.Where(owner => !HospitalSet.Holds(u3, owner)).ToImmutableArray();
        var pairs = lost.Sum(owner => u3.Count(survivor => graph.AreNeighbours(owner, survivor)));
        using var keys = new SecretBuffer((u3.Length + pairs) * Size);
        var subtract = new bool[u3.Length + pairs];
        var count = 0;
        using var secret = new SecretBuffer(Size);
        foreach (var owner in u3)
        {
            if (Recover(owner, shares[owner], secret, IsSeed) is { } refusal)
                return refusal;
            subtract[count] = true;
            KeySchedule.Self(session, secret.Span, owner, context, keys[(count * Size)..(++count * Size)]);
        }
        var peers = new Dictionary<HospitalId, PeerKey>();
        try
        {
            foreach (var owner in lost)
            {
                if (Recover(owner, shares[owner], secret, IsMaskKey) is { } refusal)
                    return refusal;
                if (AddPairs(owner, secret, peers, keys, subtract, ref count) is { } badKey)
                    return badKey;
            }
        }
        finally
        {
            foreach (var peer in peers.Values)
                peer.Dispose();
        }
        MaskStream.Apply(sum, spec.Ring.WordBits, keys.Span, subtract);
        return null;
    }

    /// <summary>The keys of the masks that a lost hospital would have cancelled.</summary>
    private Refusal? AddPairs(
        HospitalId owner, SecretBuffer scalar, Dictionary<HospitalId, PeerKey> peers, SecretBuffer keys, bool[] subtract, ref int count)
    {
        using var scratch = new SecretBuffer(2 * Size);
        var raw = scratch[..Size];
        var extracted = scratch[Size..];
        using var key = EphemeralKey.FromScalar(scalar.Span)!;
        foreach (var survivor in u3)
        {
            if (!graph.AreNeighbours(owner, survivor))
                continue;
            if (!peers.TryGetValue(survivor, out var peer))
            {
                if (!P256Point.TryParse(_adverts[survivor].MaskKey.Span, out var point) || (peer = PeerKey.Import(point)) is null)
                    return Refusal.By(AbortCode.BadKey, survivor, $"the platform refuses a key of {survivor}");
                peers.Add(survivor, peer);
            }
            key.Agree(peer, raw);
            KeySchedule.Extract(session, raw, extracted);
            subtract[count] = survivor < owner;                                 // the survivor added its mask there, so take it off
            KeySchedule.Pair(extracted, survivor, owner, context, keys[(count * Size)..(++count * Size)]);
        }
        return null;
    }

    /// <summary>The secret of <paramref name="owner"/>, checked; null where it is.</summary>
    private Refusal? Recover(HospitalId owner, List<Held> held, SecretBuffer secret, Func<HospitalId, SecretBuffer, bool> isRight)
    {
        var threshold = graph.Threshold;
        if (held.Count < threshold)
            return Refusal.By(AbortCode.ShareUnrecoverable, owner,
                $"{held.Count} shares of a secret of {owner} came back, {threshold} are needed");
        held.Sort((a, b) => (Faults(a), a.Holder).CompareTo((Faults(b), b.Holder)));
        Combine(held[..threshold], secret);
        if (isRight(owner, secret))
            return null;
        if (Correct(owner, held, secret, isRight) is { } wrong)
        {
            foreach (var holder in wrong)
                _faults[holder] = _faults.GetValueOrDefault(holder) + 1;
            if (wrong.Count > spec.Thresholds.Corrupt)
                _dealers.Add(owner);
            return null;
        }
        return Refusal.By(AbortCode.ShareUnrecoverable, owner,
            $"a secret of {owner} does not come out of {held.Count} shares: {owner} dealt wrong ones, or more than "
            + $"{ShareDecoder.Radius(held.Count, threshold)} hospitals released wrong ones");

        int Faults(Held share) => _faults.GetValueOrDefault(share.Holder);
    }

    /// <summary>Holders whose shares had to be left out to find the right secret; null where it was not found.</summary>
    private List<HospitalId>? Correct(
        HospitalId owner, List<Held> held, SecretBuffer secret, Func<HospitalId, SecretBuffer, bool> isRight)
    {
        var threshold = graph.Threshold;
        if (ShareDecoder.Radius(held.Count, threshold) > 0)
        {
            using var all = new SecretBuffer(held.Count * Size);
            for (var i = 0; i < held.Count; i++)
                held[i].Share.Span.CopyTo(all[(i * Size)..]);
            var wrong = new bool[held.Count];
            if (ShareDecoder.TryDecode([.. held.Select(share => share.Position)], all.Span, threshold, secret.Span, wrong)
                && isRight(owner, secret))
                return [.. held.Where((_, i) => wrong[i]).Select(share => share.Holder)];
        }
        // A commitment tells right from wrong, so up to m - t wrong shares can be left out; by trial only while that is cheap.
        var spare = held.Count - threshold;
        for (var first = 0; spare is 1 or 2 && first < held.Count; first++)
            for (var second = spare == 1 ? first : first + 1; second < (spare == 1 ? first + 1 : held.Count); second++)
            {
                Combine([.. held.Where((_, i) => i != first && i != second)], secret);
                if (isRight(owner, secret))
                    return [.. new[] { first, second }.Distinct().Select(i => held[i].Holder)];
            }
        return null;
    }

    private void Combine(List<Held> held, SecretBuffer secret)
    {
        using var shares = new SecretBuffer(held.Count * Size);
        for (var i = 0; i < held.Count; i++)
            held[i].Share.Span.CopyTo(shares[(i * Size)..]);
        if (_combiner is null || !_combined.SequenceEqual(held.Select(share => share.Position)))
            _combiner = new ShareCombiner(_combined = [.. held.Select(share => share.Position)]);
        _combiner.Combine(shares.Span, secret.Span);
    }

    private bool IsSeed(HospitalId owner, SecretBuffer seed) =>
        KeySchedule.SeedCommitment(session, owner, seed.Span) == _adverts[owner].SeedCommitment;

    private bool IsMaskKey(HospitalId owner, SecretBuffer scalar)
    {
        using var key = EphemeralKey.FromScalar(scalar.Span);
        return key is not null && key.Public.Span.SequenceEqual(_adverts[owner].MaskKey.Span);
    }

    private readonly record struct Held(HospitalId Holder, ushort Position, ByteString Share);
}
