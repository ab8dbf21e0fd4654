using FedActors.Actors.Storage.Journal;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;
using CoreBytes = FedActors.Core.Identity.ByteString;

namespace FedActors.Actors.Storage;

// The events of secure sessions. None holds a secret: what stands here was sent, or is about to be.
public sealed partial class JournalSerializer
{
    private static KeysFixedProto ToProto(RoundEvent.KeysFixed e) => new()
    {
        At = e.At.UtcTicks,
        Session = Bytes(e.Keys.Session),
        Adverts = { e.Keys.Adverts.Select(ToProto) },
    };

    private static RoundEvent.KeysFixed FromProto(KeysFixedProto p) =>
        new(Time(p.At), new AggregationEvent.KeysFixed(Hash(p.Session), [.. p.Adverts.Select(FromProto)]));

    private static SharesFixedProto ToProto(RoundEvent.SharesFixed e) => new()
    {
        At = e.At.UtcTicks,
        Session = Bytes(e.Shares.Session),
        Sharers = { e.Shares.Sharers.Select(sharer => new SharerProto { Hospital = sharer.Hospital.ToString(), Statement = Bytes(sharer.Statement) }) },
    };

    private static RoundEvent.SharesFixed FromProto(SharesFixedProto p) => new(Time(p.At), new AggregationEvent.SharesFixed(
        Hash(p.Session),
        [.. p.Sharers.Select(sharer => new AggregationEvent.Sharer(new HospitalId(sharer.Hospital), Hash(sharer.Statement)))]));

    private static AdvertiseProto ToProto(Advertise advert) => new()
    {
        Session = Bytes(advert.Session),
        Hospital = advert.Hospital.ToString(),
        EnvelopeKey = Bytes(advert.EnvelopeKey),
        MaskKey = Bytes(advert.MaskKey),
        SeedCommitment = Bytes(advert.SeedCommitment),
        Beacon = Bytes(advert.Beacon),
        Signature = Bytes(advert.Signature),
        Ledger = advert.Ledger is { } head ? ToProto(head) : null,
    };

    private static Advertise FromProto(AdvertiseProto p) => new(
        Hash(p.Session), new HospitalId(p.Hospital), Raw(p.EnvelopeKey), Raw(p.MaskKey), Hash(p.SeedCommitment), Hash(p.Beacon))
    {
        Signature = Signed(p.Signature),
        Ledger = p.Ledger is { } head ? FromProto(head) : null,
    };

    private static LedgerHeadProto ToProto(SignedLedgerHead head) => new()
    {
        Hospital = head.Hospital.ToString(),
        Scope = head.Scope,
        Sequence = head.Head.Sequence,
        Hash = Bytes(head.Head.Hash),
        Epsilon = head.Head.Spent.Epsilon,
        Delta = head.Head.Spent.Delta,
        Signature = Bytes(head.Signature),
    };

    private static SignedLedgerHead FromProto(LedgerHeadProto p) => new(
        new HospitalId(p.Hospital), p.Scope, new LedgerHead(p.Sequence, Hash(p.Hash), new PrivacyBudget(p.Epsilon, p.Delta)), Signed(p.Signature));

    private static MaskedReadyProto ToProto(MaskingEvent.MaskedReady e) => new()
    {
        Session = Bytes(e.Session),
        Spec = ToProto(e.Spec),
        Sharers = { Strings(e.Sharers) },
        Hospital = e.Message.Hospital.ToString(),
        KeysHash = Bytes(e.Message.KeysHash),
        SharersHash = Bytes(e.Message.SharersHash),
        Vector = Bytes(e.Message.Vector),
        Signature = Bytes(e.Message.Signature),
        Ledgers = { e.Ledgers.Select(ToProto) },
    };

    private static MaskingEvent.MaskedReady FromProto(MaskedReadyProto p) => new(
        Hash(p.Session), FromProto(p.Spec), Hospitals(p.Sharers),
        new Masked(Hash(p.Session), new HospitalId(p.Hospital), Hash(p.KeysHash), Hash(p.SharersHash), Hash(p.Vector))
        {
            Signature = Signed(p.Signature),
        })
    {
        Ledgers = [.. p.Ledgers.Select(FromProto)],
    };

    private static SurvivorSetSignedProto ToProto(MaskingEvent.SurvivorSetSigned e) => new()
    {
        Session = Bytes(e.Session),
        Hospitals = { Strings(e.Hospitals) },
        Hospital = e.Message.Hospital.ToString(),
        KeysHash = Bytes(e.Message.KeysHash),
        SharersHash = Bytes(e.Message.SharersHash),
        SurvivorsHash = Bytes(e.Message.SurvivorsHash),
        Model = Bytes(e.Message.Model),
        Signature = Bytes(e.Message.Signature),
    };

    private static MaskingEvent.SurvivorSetSigned FromProto(SurvivorSetSignedProto p) => new(
        Hash(p.Session), Hospitals(p.Hospitals),
        new Consistency(
            Hash(p.Session), new HospitalId(p.Hospital), Hash(p.KeysHash), Hash(p.SharersHash), Hash(p.SurvivorsHash), Hash(p.Model))
        {
            Signature = Signed(p.Signature),
        });

    private static SharesReleasedProto ToProto(MaskingEvent.SharesReleased e) => new()
    {
        Session = Bytes(e.Session),
        Model = Bytes(e.Model),
        Hospitals = { Strings(e.Hospitals) },
        Hospital = e.Message.Hospital.ToString(),
        SurvivorsHash = Bytes(e.Message.SurvivorsHash),
        Shares = { e.Message.Shares.Select(share => new ReleasedShareProto { Owner = share.Owner.ToString(), Share = Bytes(share.Share) }) },
        Signature = Bytes(e.Message.Signature),
    };

    private static MaskingEvent.SharesReleased FromProto(SharesReleasedProto p) => new(
        Hash(p.Session), Hash(p.Model), Hospitals(p.Hospitals),
        new UnmaskResponse(
            Hash(p.Session), new HospitalId(p.Hospital), Hash(p.SurvivorsHash),
            [.. p.Shares.Select(share => new ReleasedShare(new HospitalId(share.Owner), Raw(share.Share)))])
        {
            Signature = Signed(p.Signature),
        });

    private static RoundSpecProto ToProto(RoundSpec spec) => new()
    {
        Training = Bytes(spec.Training),
        Round = spec.Round,
        Attempt = spec.Attempt,
        Roster = Bytes(spec.Roster),
        Model = Bytes(spec.Model),
        Task = Bytes(spec.Task),
        PreviousSum = Bytes(spec.PreviousSum),
        Cohort = { Strings(spec.Cohort) },
        WordBits = spec.Ring.WordBits,
        Coordinates = spec.Ring.Coordinates,
        ConstantOne = spec.Ring.ConstantOne,
        FractionBits = spec.Ring.FractionBits,
        Range = spec.Ring.Range,
        WeightCap = spec.Ring.WeightCap,
        NoiseTail = spec.Ring.NoiseTail,
        Hospitals = spec.Thresholds.Hospitals,
        Corrupt = spec.Thresholds.Corrupt,
        Quorum = spec.Thresholds.Quorum,
        MinSurvivors = spec.Thresholds.MinSurvivors,
        Degree = spec.Graph.Degree,
        GraphThreshold = spec.Graph.Threshold,
        DropoutPercent = spec.Graph.DropoutPercent,
        NoiseKind = (int)spec.Noise.Kind,
        NoiseScale = spec.Noise.Scale,
        MinHonest = spec.Noise.MinHonest,
        KeysTicks = spec.Deadlines.Keys.Ticks,
        SharesTicks = spec.Deadlines.Shares.Ticks,
        MaskedTicks = spec.Deadlines.Masked.Ticks,
        UnmaskTicks = spec.Deadlines.Unmask.Ticks,
    };

    private static RoundSpec FromProto(RoundSpecProto p) => new(
        Hash(p.Training), p.Round, p.Attempt, Hash(p.Roster), Hash(p.Model), Hash(p.Task), Hash(p.PreviousSum), Hospitals(p.Cohort),
        new RingSpec(p.WordBits, p.Coordinates, p.ConstantOne, p.FractionBits, p.Range, p.WeightCap, p.NoiseTail),
        new Thresholds(p.Hospitals, p.Corrupt, p.Quorum, p.MinSurvivors),
        new GraphSpec(p.Degree, p.GraphThreshold, p.DropoutPercent),
        new NoiseSpec((NoiseKind)p.NoiseKind, p.NoiseScale, p.MinHonest),
        new PhaseDeadlines(
            TimeSpan.FromTicks(p.KeysTicks), TimeSpan.FromTicks(p.SharesTicks), TimeSpan.FromTicks(p.MaskedTicks), TimeSpan.FromTicks(p.UnmaskTicks)));

    private static Google.Protobuf.ByteString Bytes(CoreBytes bytes) => Google.Protobuf.ByteString.CopyFrom(bytes.Span);

    private static Google.Protobuf.ByteString Bytes(Signature signature) => Google.Protobuf.ByteString.CopyFrom(signature.Span);

    private static CoreBytes Raw(Google.Protobuf.ByteString bytes) => new(bytes.Span);

    private static Signature Signed(Google.Protobuf.ByteString bytes) => new(bytes.Span);
}
