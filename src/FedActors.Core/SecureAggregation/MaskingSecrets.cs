using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

/// <summary>
/// Everything a hospital must not tell, for one session: two private keys until the shares are dealt, then the inputs
/// of its masks until the update is masked, then the shares it holds of others until it releases them. Each is wiped
/// when its time is over. No member gives a secret out but <see cref="Release"/>, after every check.
/// </summary>
internal sealed class MaskingSecrets : IDisposable
{
    private const int Size = KeySchedule.KeySize;

    private readonly Digest _session;
    private readonly HospitalId _self;
    private readonly PeerKeyCache? _peers;
    private readonly EphemeralKey _envelopeKey, _maskKey;
    private readonly SecretBuffer _seed = new(Size);
    private readonly Digest _beacon;
    private MaskGraph? _graph;
    private ImmutableArray<HospitalId> _neighbours = [];
    private SecretBuffer? _pairs, _incoming;                                    // for each neighbour 32 bytes
    // of its own secrets, 64 bytes, where it holds any
    private SecretBuffer? _ownShares;
    private ImmutableArray<HospitalId> _owners = [];
    private SecretBuffer? _held;                                                // for each owner 64 bytes

    public MaskingSecrets(Digest session, HospitalId self, IRandomSource random, PeerKeyCache? peers)
    {
        (_session, _self, _peers) = (session, self, peers);
        _envelopeKey = EphemeralKey.Draw(random);
        _maskKey = EphemeralKey.Draw(random);
        random.Fill(_seed.Span);
        Span<byte> beacon = stackalloc byte[Digest.Size];
        random.Fill(beacon);
        _beacon = new Digest(beacon);
    }

    public Advertise Advertise() => new(
        _session, _self, new ByteString(_envelopeKey.Public.Span), new ByteString(_maskKey.Public.Span),
        KeySchedule.SeedCommitment(_session, _self, _seed.Span), _beacon);

    /// <summary>
    /// Agrees with every neighbour, splits seed and mask key, and seals the shares. The private keys are wiped.
    /// </summary>
    /// <returns>Whose key the platform refused, or null.</returns>
    public HospitalId? Split(
        MaskGraph graph, ImmutableArray<Advertise> adverts, Digest u1Hash, IRandomSource random,
        out ImmutableArray<SealedShares> envelopes)
    {
        envelopes = [];
        _graph = graph;
        _neighbours = graph.Neighbours(_self);
        _pairs = new SecretBuffer(_neighbours.Length * Size);
        _incoming = new SecretBuffer(_neighbours.Length * Size);
        var holders = graph.Holders(_self);
        using var seedShares = new SecretBuffer(holders.Length * Size);
        using var keyShares = new SecretBuffer(holders.Length * Size);
        ShamirSecretSharing.Split(_seed.Span, graph.Threshold, random, seedShares.Span);
        ShamirSecretSharing.Split(_maskKey.Scalar, graph.Threshold, random, keyShares.Span);

        using var scratch = new SecretBuffer(3 * Size);
        var raw = scratch[..Size];
        var extracted = scratch[Size..(2 * Size)];
        var key = scratch[(2 * Size)..];
        using var plain = new SecretBuffer(ShareEnvelope.PlainSize);
        var sealedShares = ImmutableArray.CreateBuilder<SealedShares>(_neighbours.Length);
        var byHospital = adverts.ToDictionary(advert => advert.Hospital);
        for (int i = 0, holder = 0; i < _neighbours.Length; i++, holder++)
        {
            var peer = _neighbours[i];
            if (!Agree(_envelopeKey, byHospital[peer].EnvelopeKey, raw))
                return peer;
            KeySchedule.Extract(_session, raw, extracted);
            KeySchedule.Envelope(extracted, peer, _self, u1Hash, At(_incoming, i));
            KeySchedule.Envelope(extracted, _self, peer, u1Hash, key);
            if (!Agree(_maskKey, byHospital[peer].MaskKey, raw))
                return peer;
            KeySchedule.Extract(_session, raw, At(_pairs, i));

            if (holders[holder] == _self)
                holder++;
            At(seedShares, holder).CopyTo(plain.Span);
            At(keyShares, holder).CopyTo(plain[Size..]);
            var context = new EnvelopeContext(
                _session, u1Hash, _self, peer, holder + 1, graph.Threshold, holders.Length);
            sealedShares.Add(new SealedShares(peer, ShareEnvelope.Seal(key, context, plain.Span, random)));
        }
        envelopes = sealedShares.MoveToImmutable();

        var own = holders.BinarySearch(_self);
        if (own >= 0)
        {
            _ownShares = new SecretBuffer(ShareEnvelope.PlainSize);
            At(seedShares, own).CopyTo(_ownShares.Span);
            At(keyShares, own).CopyTo(_ownShares[Size..]);
        }
        _envelopeKey.Dispose();
        _maskKey.Dispose();
        return null;
    }

    /// <summary>Opens the envelopes of every neighbour in U2.</summary>
    /// <param name="evidence">Hash of the envelope that did not open.</param>
    public Refusal? Open(
        ImmutableArray<SealedShares> envelopes, ImmutableArray<HospitalId> u2, Digest u1Hash, out Digest? evidence)
    {
        evidence = null;
        var dealers = _neighbours.Where(peer => HospitalSet.Holds(u2, peer)).ToImmutableArray();
        if (!envelopes.Select(envelope => envelope.Peer).SequenceEqual(dealers))
            return Refusal.By(AbortCode.ViewMismatch,
                "the inbox is not from exactly this hospital's neighbours who shared");
        _owners = _ownShares is null ? dealers : [.. dealers.Append(_self).Order()];
        _held = new SecretBuffer(_owners.Length * ShareEnvelope.PlainSize);
        for (int owner = 0, i = 0, neighbour = 0; owner < _owners.Length; owner++)
        {
            var held = _held[(owner * ShareEnvelope.PlainSize)..((owner + 1) * ShareEnvelope.PlainSize)];
            if (_owners[owner] == _self)
            {
                _ownShares!.Span.CopyTo(held);
                continue;
            }
            var (dealer, envelope) = envelopes[i++];
            while (_neighbours[neighbour] != dealer)
                neighbour++;
            var context = new EnvelopeContext(
                _session, u1Hash, dealer, _self, _graph!.Position(dealer, _self), _graph.Threshold, _graph.HolderCount);
            if (ShareEnvelope.TryOpen(At(_incoming!, neighbour), context, envelope, held))
                continue;
            evidence = Digest.Of(envelope.Span);
            return Refusal.By(AbortCode.BadShare, dealer, $"the shares that {dealer} sealed for {_self} do not open");
        }
        return null;
    }

    /// <summary>
    /// residues += own mask, and for each neighbour in U2 + their common mask where this hospital's id is the smaller,
    /// - else. The inputs of the masks are wiped.
    /// </summary>
    public void Mask(Span<byte> residues, ImmutableArray<HospitalId> u2, in MaskContext context)
    {
        using var keys = new SecretBuffer((1 + _neighbours.Length) * Size);
        var subtract = new bool[1 + _neighbours.Length];
        var count = 1;
        KeySchedule.Self(_session, _seed.Span, _self, context, keys[..Size]);
        for (var i = 0; i < _neighbours.Length; i++)
        {
            if (!HospitalSet.Holds(u2, _neighbours[i]))
                continue;
            subtract[count] = _self > _neighbours[i];
            KeySchedule.Pair(At(_pairs!, i), _self, _neighbours[i], context, At(keys, count++));
        }
        MaskStream.Apply(residues, context.WordBits, keys[..(count * Size)], subtract.AsSpan(0, count));
        _seed.Dispose();
        _pairs!.Dispose();
        _incoming!.Dispose();
    }

    /// <summary>For each owner the share of its seed where it survived, of its mask key where not.</summary>
    public ImmutableArray<ReleasedShare> Release(ImmutableArray<HospitalId> u3)
    {
        var released = ImmutableArray.CreateBuilder<ReleasedShare>(_owners.Length);
        for (var i = 0; i < _owners.Length; i++)
        {
            var at = i * ShareEnvelope.PlainSize + (HospitalSet.Holds(u3, _owners[i]) ? 0 : Size);
            released.Add(new ReleasedShare(_owners[i], new ByteString(_held![at..(at + Size)])));
        }
        return released.MoveToImmutable();
    }

    public void Dispose()
    {
        _envelopeKey.Dispose();
        _maskKey.Dispose();
        _seed.Dispose();
        _pairs?.Dispose();
        _incoming?.Dispose();
        _ownShares?.Dispose();
        _held?.Dispose();
    }

    public override string ToString() => "secrets";

    private bool Agree(EphemeralKey mine, ByteString theirs, Span<byte> raw)
    {
        if (_peers?.TryTake(theirs) is { } known)
        {
            mine.Agree(known, raw);
            _peers.Return(theirs, known);
            return true;
        }
        if (!P256Point.TryParse(theirs.Span, out var point) || PeerKey.Import(point) is not { } peer)
            return false;
        mine.Agree(peer, raw);
        if (_peers is null)
            peer.Dispose();
        else
            _peers.Return(theirs, peer);
        return true;
    }

    private static Span<byte> At(SecretBuffer buffer, int index) => buffer[(index * Size)..((index + 1) * Size)];
}
