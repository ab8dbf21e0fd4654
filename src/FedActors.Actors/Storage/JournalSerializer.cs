using System.Collections.Immutable;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using FedActors.Actors.Storage.Journal;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using Google.Protobuf;

namespace FedActors.Actors.Storage;

/// <summary>
/// Journal events as Protobuf. The manifests stand in every database there is: frozen, with the number of the event's
/// version; a changed event gets a new manifest and the old one stays readable.
/// </summary>
public sealed partial class JournalSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private static readonly ImmutableDictionary<Type, Codec> ByType = new Codec[]
    {
        Codec.For<FederationEvent.JobAccepted, JobAcceptedProto>("job-accepted/1", ToProto, FromProto),
        Codec.For<FederationEvent.RoundCommitted, RoundCommittedProto>("round-committed/1", ToProto, FromProto),
        Codec.For<FederationEvent.AttemptFailed, AttemptFailedProto>("attempt-failed/1", ToProto, FromProto),
        Codec.For<DeskEvent.JobSubmitted, JobSubmittedProto>("job-submitted/1",
            e => new() { At = e.At.UtcTicks, Job = e.Job, Text = e.Text }, p => new(Time(p.At), p.Job, p.Text)),
        Codec.For<DeskEvent.AbortAsked, AbortAskedProto>("abort-asked/1",
            e => new() { At = e.At.UtcTicks, Job = e.Job, Reason = e.Reason }, p => new(Time(p.At), p.Job, p.Reason)),
        Codec.For<DeskEvent.JobPaused, JobPausedProto>("job-paused/1",
            e => new() { At = e.At.UtcTicks, Job = e.Job, Reason = e.Reason }, p => new(Time(p.At), p.Job, p.Reason)),
        Codec.For<DeskEvent.JobResumed, JobResumedProto>("job-resumed/1",
            e => new() { At = e.At.UtcTicks, Job = e.Job }, p => new(Time(p.At), p.Job)),
        Codec.For<DeskEvent.HospitalSuspended, HospitalSuspendedProto>("hospital-suspended/1",
            e => new() { At = e.At.UtcTicks, Hospital = e.Hospital.ToString(), Reason = e.Reason },
            p => new(Time(p.At), new HospitalId(p.Hospital), p.Reason)),
        Codec.For<DeskEvent.HospitalResumed, HospitalResumedProto>("hospital-resumed/1",
            e => new() { At = e.At.UtcTicks, Hospital = e.Hospital.ToString() },
            p => new(Time(p.At), new HospitalId(p.Hospital))),
        Codec.For<DeskEvent.JobEnded, JobEndedProto>("job-ended/1",
            e => new() { At = e.At.UtcTicks, Job = e.Job, Stage = (int)e.Stage, Reason = e.Reason },
            p => new(Time(p.At), p.Job, (JobStage)p.Stage, p.Reason)),
        Codec.For<RoundEvent.Opened, RoundOpenedProto>("round-opened/1", ToProto, FromProto),
        Codec.For<RoundEvent.KeysFixed, KeysFixedProto>("keys-fixed/1", ToProto, FromProto),
        Codec.For<RoundEvent.SharesFixed, SharesFixedProto>("shares-fixed/1", ToProto, FromProto),
        Codec.For<MaskingEvent.MaskedReady, MaskedReadyProto>("masked-ready/1", ToProto, FromProto),
        Codec.For<MaskingEvent.SurvivorSetSigned, SurvivorSetSignedProto>("survivor-set-signed/1", ToProto, FromProto),
        Codec.For<MaskingEvent.SharesReleased, SharesReleasedProto>("shares-released/1", ToProto, FromProto),
        Codec.For<RoundEvent.SurvivorSetFixed, SurvivorSetFixedProto>("survivor-set-fixed/1", ToProto, FromProto),
        Codec.For<RoundEvent.Aborted, RoundAbortedProto>("round-aborted/1", ToProto, FromProto),
    }.ToImmutableDictionary(codec => codec.Type);

    private static readonly ImmutableDictionary<string, Codec> ByManifest =
        ByType.Values.ToImmutableDictionary(codec => codec.Manifest);

    /// <summary>Every event type with its manifest: the test that freezes them reads this.</summary>
    public static IReadOnlyDictionary<string, Type> Manifests =>
        ByManifest.ToDictionary(pair => pair.Key, pair => pair.Value.Type);

    public override int Identifier => 4102;

    public override string Manifest(object o) => CodecOf(o).Manifest;

    public override byte[] ToBinary(object obj) => CodecOf(obj).Write(obj).ToByteArray();

    /// <exception cref="SerializationException">An unknown manifest, or bytes that are not what the manifest
    /// says.</exception>
    public override object FromBinary(byte[] bytes, string manifest)
    {
        if (!ByManifest.TryGetValue(manifest, out var codec))
            throw new SerializationException(
                $"The journal holds an event '{manifest}' that this version does not know.");
        try
        {
            return codec.Read(bytes);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or ArgumentException)
        {
            throw new SerializationException($"The journal's event '{manifest}' is damaged: {e.Message}", e);
        }
    }

    private static Codec CodecOf(object o) =>
        ByType.GetValueOrDefault(o.GetType())
        ?? throw new SerializationException($"{o.GetType().Name} is not an event of the journal.");

    private static JobAcceptedProto ToProto(FederationEvent.JobAccepted e) => new()
    {
        At = e.At.UtcTicks,
        Job = e.Job,
        PlanHash = Bytes(e.PlanHash),
        Roster = { Strings(e.Roster) },
        InitialModel = Bytes(e.InitialModel),
    };

    private static FederationEvent.JobAccepted FromProto(JobAcceptedProto p) =>
        new(Time(p.At), p.Job, Hash(p.PlanHash), Hospitals(p.Roster), Hash(p.InitialModel));

    private static RoundCommittedProto ToProto(FederationEvent.RoundCommitted e) => new()
    {
        At = e.At.UtcTicks,
        Id = ToProto(e.Record.Id),
        Included = { Strings(e.Record.Included) },
        Dropped = { e.Record.Dropped.Select(ToProto) },
        Model = Bytes(e.Record.Model),
        Loss = e.Record.Loss,
        Metrics = e.Record.Metrics is { } metrics ? ToProto(metrics) : null,
        TotalWeight = e.Record.TotalWeight,
        Saturated = e.Record.Saturated,
        BytesUp = e.Record.BytesUp,
        BytesDown = e.Record.BytesDown,
        DurationTicks = e.Record.Duration.Ticks,
        Sum = Bytes(e.Record.Sum),
        ByHospitals = e.Record.ByHospitals is { } figures ? ToProto(figures) : null,
        Ledgers = { e.Ledgers.Select(ToProto) },
    };

    private static FederationEvent.RoundCommitted FromProto(RoundCommittedProto p) => new(Time(p.At), new RoundRecord(
        FromProto(p.Id), Hospitals(p.Included), Dropouts(p.Dropped), Hash(p.Model), p.Loss,
        p.Metrics is { } metrics ? FromProto(metrics) : null,
        p.TotalWeight, p.Saturated, p.BytesUp, p.BytesDown, TimeSpan.FromTicks(p.DurationTicks), Hash(p.Sum),
        p.ByHospitals is { } figures ? FromProto(figures) : null))
    {
        Ledgers = [.. p.Ledgers.Select(FromProto)],
    };

    private static AttemptFailedProto ToProto(FederationEvent.AttemptFailed e) => new()
    {
        At = e.At.UtcTicks,
        Id = ToProto(e.Id),
        Fault = (int)e.Number,
        Reason = e.Reason,
        Dropped = { e.Dropped.Select(ToProto) },
        Ledgers = { e.Ledgers.Select(ToProto) },
    };

    private static FederationEvent.AttemptFailed FromProto(AttemptFailedProto p) =>
        new(Time(p.At), FromProto(p.Id), (FaultNumber)p.Fault, p.Reason,
            Dropouts(p.Dropped))
        { Ledgers = [.. p.Ledgers.Select(FromProto)] };

    private static RoundOpenedProto ToProto(RoundEvent.Opened e) => new()
    {
        At = e.At.UtcTicks,
        Id = ToProto(e.Id),
        PlanHash = Bytes(e.PlanHash),
        Model = Bytes(e.Model),
        Cohort = { Strings(e.Cohort) },
        Deadline = e.Deadline.UtcTicks,
    };

    private static RoundEvent.Opened FromProto(RoundOpenedProto p) =>
        new(Time(p.At), FromProto(p.Id), Hash(p.PlanHash), Hash(p.Model), Hospitals(p.Cohort), Time(p.Deadline));

    private static SurvivorSetFixedProto ToProto(RoundEvent.SurvivorSetFixed e) => new()
    {
        At = e.At.UtcTicks,
        Survivors = { Strings(e.Survivors) },
        Dropped = { e.Dropped.Select(ToProto) },
        Accumulator = Bytes(e.Accumulator),
        BytesUp = e.BytesUp,
    };

    private static RoundEvent.SurvivorSetFixed FromProto(SurvivorSetFixedProto p) =>
        new(Time(p.At), Hospitals(p.Survivors), Dropouts(p.Dropped), Hash(p.Accumulator), p.BytesUp);

    private static RoundAbortedProto ToProto(RoundEvent.Aborted e) => new()
    {
        At = e.At.UtcTicks,
        Fault = (int)e.Number,
        Reason = e.Reason,
        Dropped = { e.Dropped.Select(ToProto) },
    };

    private static RoundEvent.Aborted FromProto(RoundAbortedProto p) =>
        new(Time(p.At), (FaultNumber)p.Fault, p.Reason, Dropouts(p.Dropped));

    private static RoundIdProto ToProto(RoundId id) => new() { Job = id.Job, Round = id.Round, Attempt = id.Attempt };

    private static RoundId FromProto(RoundIdProto p) => new(p.Job, p.Round, p.Attempt);

    private static DropoutProto ToProto(Core.Rounds.Dropout drop) =>
        new()
        {
            Hospital = drop.Hospital.ToString(),
            Phase = (int)drop.Phase,
            Reason = (int)drop.Reason,
            Detail = drop.Detail
        };

    // A binary model's figures are kind 0, so that what was written before there were others reads the same.
    private static MetricsProto ToProto(ModelMetrics metrics) => metrics switch
    {
        BinaryMetrics m => new MetricsProto
        {
            Auroc = m.Auroc,
            Accuracy = m.Accuracy,
            LogLoss = m.LogLoss,
            Sensitivity = m.Sensitivity,
            Specificity = m.Specificity,
            N = m.N,
            Missed = m.Missed,
            FalseAlarms = m.FalseAlarms,
        },
        ClassMetrics m => new MetricsProto
        {
            Kind = (int)OutcomeKind.Class,
            MacroAuroc = m.MacroAuroc,
            Accuracy = m.Accuracy,
            LogLoss = m.LogLoss,
            N = m.N,
        },
        RealMetrics m =>
            new MetricsProto { Kind = (int)OutcomeKind.Real, Rmse = m.Rmse, RSquared = m.RSquared, N = m.N },
        SurvivalMetrics m =>
            new MetricsProto { Kind = (int)OutcomeKind.Survival, CIndex = m.CIndex, N = m.N, Events = m.Events },
        _ => throw new SerializationException($"{metrics.GetType().Name} are not figures the journal knows."),
    };

    private static ModelMetrics FromProto(MetricsProto m) => (OutcomeKind)m.Kind switch
    {
        0 or OutcomeKind.Binary =>
            new BinaryMetrics(m.Auroc, m.Accuracy, m.LogLoss, m.Sensitivity, m.Specificity, m.N, m.Missed,
                m.FalseAlarms),
        OutcomeKind.Class => new ClassMetrics(m.MacroAuroc, m.Accuracy, m.LogLoss, m.N),
        OutcomeKind.Real => new RealMetrics(m.Rmse, m.RSquared, m.N),
        OutcomeKind.Survival => new SurvivalMetrics(m.CIndex, m.N, m.Events),
        _ => throw new ArgumentException($"There are no figures of kind {m.Kind}."),
    };

    private static FederatedFiguresProto ToProto(FederatedFigures figures) => figures switch
    {
        FederatedBinaryFigures f => new FederatedFiguresProto
        {
            Hospitals = f.Hospitals,
            N = f.N,
            Positives = f.Positives,
            Auroc = f.Auroc,
            AurocError = f.AurocError,
            Accuracy = f.Accuracy,
            LogLoss = f.LogLoss,
            Sensitivity = f.Sensitivity,
            Specificity = f.Specificity,
            CalibrationError = f.CalibrationError,
        },
        FederatedClassFigures f => new FederatedFiguresProto
        {
            Kind = (int)OutcomeKind.Class,
            Hospitals = f.Hospitals,
            N = f.N,
            MacroAuroc = f.MacroAuroc,
            AurocError = f.AurocError,
            Accuracy = f.Accuracy,
            LogLoss = f.LogLoss,
        },
        FederatedRealFigures f => new FederatedFiguresProto
        {
            Kind = (int)OutcomeKind.Real,
            Hospitals = f.Hospitals,
            N = f.N,
            Beyond = f.Beyond,
            Rmse = f.Rmse,
            RmseError = f.RmseError,
            RSquared = f.RSquared,
            RSquaredError = f.RSquaredError,
        },
        FederatedSurvivalFigures f => new FederatedFiguresProto
        {
            Kind = (int)OutcomeKind.Survival,
            Hospitals = f.Hospitals,
            N = f.N,
            Events = f.Events,
            CIndex = f.CIndex,
            PartialLogLoss = f.PartialLogLoss,
        },
        _ => throw new SerializationException($"{figures.GetType().Name} are not figures the journal knows."),
    };

    private static FederatedFigures FromProto(FederatedFiguresProto f) => (OutcomeKind)f.Kind switch
    {
        0 or OutcomeKind.Binary => new FederatedBinaryFigures(
            f.Hospitals, f.N, f.Positives, f.Auroc, f.AurocError, f.Accuracy, f.LogLoss, f.Sensitivity, f.Specificity,
            f.CalibrationError),
        OutcomeKind.Class =>
            new FederatedClassFigures(f.Hospitals, f.N, f.MacroAuroc, f.AurocError, f.Accuracy, f.LogLoss),
        OutcomeKind.Real =>
            new FederatedRealFigures(f.Hospitals, f.N, f.Beyond, f.Rmse, f.RmseError, f.RSquared, f.RSquaredError),
        OutcomeKind.Survival => new FederatedSurvivalFigures(f.Hospitals, f.N, f.Events, f.CIndex, f.PartialLogLoss),
        _ => throw new ArgumentException($"Hospitals count no figures of kind {f.Kind}."),
    };

    private static ImmutableArray<Core.Rounds.Dropout> Dropouts(IEnumerable<DropoutProto> dropped) =>
        [.. dropped.Select(p =>
            new Core.Rounds.Dropout(new HospitalId(p.Hospital), (RoundPhase)p.Phase, (DropReason)p.Reason, p.Detail))];

    private static IEnumerable<string> Strings(ImmutableArray<HospitalId> hospitals) =>
        hospitals.Select(hospital => hospital.ToString());

    private static ImmutableArray<HospitalId> Hospitals(IEnumerable<string> names) =>
        [.. names.Select(name => new HospitalId(name))];

    private static Google.Protobuf.ByteString Bytes(Digest digest) => UnsafeByteOperations.UnsafeWrap(digest.ToBytes());

    private static Digest Hash(Google.Protobuf.ByteString bytes) => new(bytes.Span);

    private static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);

    private sealed record Codec(Type Type, string Manifest, Func<object, IMessage> Write, Func<byte[], object> Read)
    {
        public static Codec For<TEvent, TProto>(string manifest, Func<TEvent, TProto> write, Func<TProto, TEvent> read)
            where TEvent : class where TProto : IMessage<TProto>, new()
        {
            var parser = new MessageParser<TProto>(() => new TProto());
            return new Codec(typeof(TEvent), manifest, e => write((TEvent)e), bytes => read(parser.ParseFrom(bytes)));
        }
    }
}
