using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.LineProtocol;
using static FedActors.Core.Protocol.ModelProtocol;
using static FedActors.Core.Protocol.RoundProtocol;
using static FedActors.Core.Protocol.SecureAggregationProtocol;
using static FedActors.Core.Protocol.SupervisionProtocol;
using Inbox = FedActors.Core.Protocol.SecureAggregationProtocol.Inbox;

namespace FedActors.Actors.Wire;

/// <summary>
/// All that may cross between two nodes, a line each. Names stand in the order of their Protobuf field
/// numbers: a new field is one more name at the end of its line, whatever place it has in the record.
/// </summary>
internal static class WireSchema
{
    private static readonly ImmutableDictionary<Type, (string Manifest, string[] Names)> Lines = new[]
    {
        Message<Hello>("hello/1", "Hospital", "Nonce"),
        Message<Challenge>("challenge/1", "Hospital", "Nonce", "HubNonce", "Signature", "Epoch"),
        Message<Envelope>("envelope/1", "Session", "Hospital", "IsUp", "Number", "Conversation", "Manifest", "Part",
            "Parts", "Bytes", "Signature"),
        Message<Broken>("broken/1", "Session"),
        Message<Attach>("attach/1", "Nonce"),
        Message<Pulse>("pulse/1", "Heard"),

        Message<ModelWanted>("model-wanted/1", "Model", "FromOffset", "Credit", "ByStream"),
        Message<ModelChunk>("model-chunk/1", "Model", "Offset", "Total", "Bytes"),
        Message<ModelStreamed>("model-streamed/1", "Model", "Total", "Port"),
        Message<ModelMissing>("model-missing/1", "Model"),

        Message<RoundOffered>("round-offered/1", "Id", "Plan", "PlanHash", "Model", "Cohort", "LastIncluded",
            "Ledgers"),
        Message<UpdateReady>("update-ready/1", "Id", "Hospital"),
        Message<Declined>("declined/1", "Id", "Hospital", "Reason", "Detail"),
        Message<UploadRequested>("upload-requested/1", "Id", "FromOffset", "Credit"),
        Message<UpdateChunk>("update-chunk/1", "Id", "Hospital", "Offset", "Total", "Content", "Bytes", "Ledger"),
        Message<SumPublished>("sum-published/1", "Id", "Residues"),
        Message<RoundClosed>("round-closed/1", "Id", "Committed"),

        Message<RoundOpen>("round-open/1", "Spec", "Signature"),
        Message<Advertise>("advertise/1", "Session", "Hospital", "EnvelopeKey", "MaskKey", "SeedCommitment", "Beacon",
            "Signature", "Ledger"),
        Message<Roster1>("roster1/1", "Session", "Adverts", "Signature"),
        Message<Shares>("shares/1", "Session", "Hospital", "KeysHash", "Envelopes", "Signature"),
        Message<Inbox>("inbox/1", "Session", "To", "Sharers", "Envelopes", "Signature"),
        Message<MaskedWanted>("masked-wanted/1", "Session", "Signature"),
        Message<Masked>("masked/1", "Session", "Hospital", "KeysHash", "SharersHash", "Vector", "Signature"),
        Message<MaskedChunk>("masked-chunk/1", "Session", "Hospital", "Index", "Bytes"),
        Message<Survivors>("survivors/1", "Session", "Hospitals", "Signature"),
        Message<Consistency>("consistency/1", "Session", "Hospital", "KeysHash", "SharersHash", "SurvivorsHash",
            "Model", "Signature"),
        Message<UnmaskRequest>("unmask-request/1", "Session", "SurvivorsHash", "Signatures", "Signature"),
        Message<UnmaskResponse>("unmask-response/1", "Session", "Hospital", "SurvivorsHash", "Shares", "Signature"),
        Message<Result>("result/1", "Session", "Hospitals", "Sum", "Signatures", "Signature"),
        Message<Withdrawal>("withdrawal/1", "Session", "Hospital", "Code", "Culprit", "Evidence", "Signature",
            "Ledger"),
        Message<Abort>("abort/1", "Session", "Code", "Culprits", "Signature"),

        // Between the nodes of a hub; a hospital that says such a thing is not heard.
        Message<BeginSession>("begin-session/1", "Id", "Spec", "Trained", "Journal", "Accumulator", "Ledgers"),
        Message<SessionDurable>("session-durable/1", "Id"),
        Message<GiveUp>("give-up/1", "Id", "Hospital"),
        Message<SessionAdvanced>("session-advanced/1", "Id", "Fixed"),
        Message<LedgersShown>("ledgers-shown/1", "Id", "Heads"),
        Message<HospitalOut>("hospital-out/1", "Id", "Hospital", "Reason", "Detail"),
        Message<CollectionEnded>("collection-ended/1", "Id", "Complete", "Accumulator", "Name", "BytesReceived"),
        Message<SumRefused>("sum-refused/1", "Id", "Number", "Reason"),

        Part<AggregationEvent.KeysFixed>("Session", "Adverts"),
        Part<AggregationEvent.SharesFixed>("Session", "Sharers"),
        Part<AggregationEvent.SurvivorSetFixed>("Session", "Survivors", "Accumulator"),
        Part<AggregationEvent.Sharer>("Hospital", "Statement"),

        Part<RoundId>("Job", "Round", "Attempt"),
        Part<JobPlan>("Name", "Seed", "Patients", "Model", "Training", "Cohort", "SecureAggregation", "Privacy",
            "Evaluation"),
        Part<ModelPlan>("Kind", "Features", "Outcome", "Classes", "Hidden", "Activation", "Unit"),
        Part<TrainingPlan>(
            "Algorithm", "Rounds", "LocalSteps", "LearningRate", "BatchSize", "L2", "Server", "ProximalMu",
            "LocalLayers", "Robust"),
        Part<ServerPlan>("Rate", "Momentum", "Beta1", "Beta2", "Tau"),
        Part<RobustPlan>("Rule", "Faulty", "Selected", "NormBound"),
        Part<CohortPlan>("Minimum", "Fraction", "Deadline", "Require", "MinimumSampleShare", "Attempts"),
        Part<SecureAggregationPlan>("Enabled", "RingBits", "Range", "WeightCap", "PhaseDeadline"),
        Part<PrivacyPlan>(
            "Mode", "Epsilon", "NoiseMultiplier", "Delta", "Clip", "SamplingRate", "Spare", "MinimumSurvivors",
            "AssumedColluders", "PatientId",
            "MinimumSurvivorShare"),
        Part<EvaluationPlan>("Every", "Metric", "ByHospitals", "MinimumPatients", "Keep", "Patience"),
        Part<RoundSpec>(
            "Training", "Round", "Attempt", "Roster", "Model", "Task", "PreviousSum", "Cohort", "Ring", "Thresholds",
            "Graph", "Noise", "Deadlines"),
        Part<RingSpec>("WordBits", "Coordinates", "ConstantOne", "FractionBits", "Range", "WeightCap", "NoiseTail"),
        Part<Thresholds>("Hospitals", "Corrupt", "Quorum", "MinSurvivors"),
        Part<GraphSpec>("Degree", "Threshold", "DropoutPercent"),
        Part<NoiseSpec>("Kind", "Scale", "MinHonest"),
        Part<PhaseDeadlines>("Keys", "Shares", "Masked", "Unmask"),
        Part<SealedShares>("Peer", "Envelope"),
        Part<SurvivorSignature>("Hospital", "Signature"),
        Part<ReleasedShare>("Owner", "Share"),
        Part<SignedLedgerHead>("Hospital", "Scope", "Head", "Signature"),
        Part<LedgerHead>("Sequence", "Hash", "Spent"),
        Part<PrivacyBudget>("Epsilon", "Delta"),
    }.ToImmutableDictionary(line => line.Type, line => (line.Manifest, line.Names));

    // Where one of several records stands: case 1, case 2, ...; a new one at the end.
    private static readonly ImmutableDictionary<Type, Type[]> Choices = ImmutableDictionary<Type, Type[]>.Empty
        .Add(typeof(AggregationEvent), [typeof(AggregationEvent.KeysFixed), typeof(AggregationEvent.SharesFixed),
            typeof(AggregationEvent.SurvivorSetFixed)]);

    // Parts first, whoever asks first: no record stands within itself, so this ends.
    private static readonly Dictionary<Type, RecordCodec> Built = [];

    private static readonly ImmutableDictionary<Type, (string Manifest, RecordCodec Codec)> ByType =
        Lines.Where(line => line.Value.Manifest.Length > 0)
        .ToImmutableDictionary(line => line.Key, line => (line.Value.Manifest, CodecOf(line.Key)));

    private static readonly ImmutableDictionary<string, RecordCodec> ByManifest =
        ByType.Values.ToImmutableDictionary(message => message.Manifest, message => message.Codec);

    /// <summary>Every message with its manifest.</summary>
    public static IReadOnlyDictionary<string, Type> Manifests =>
        ByManifest.ToDictionary(pair => pair.Key, pair => pair.Value.Type);

    /// <summary>A line for each manifest and each field: what the golden file freezes.</summary>
    public static IEnumerable<string> Describe() =>
        ByType.Values.Select(message => $"{message.Manifest} {message.Codec.Type.Name}")
            .Concat(Built.Values.SelectMany(codec => codec.Describe()))
            .Concat(Choices.SelectMany(choice => choice.Value.Select((one, index) =>
                $"{choice.Key.Name} = {index + 1} {one.Name}"))).Order(StringComparer.Ordinal);

    public static bool TryFind(Type type, out (string Manifest, RecordCodec Codec) message) =>
        ByType.TryGetValue(type, out message);

    public static RecordCodec? Find(string manifest) => ByManifest.GetValueOrDefault(manifest);

    private static RecordCodec CodecOf(Type type)
    {
        if (Built.TryGetValue(type, out var known))
            return known;
        if (!Lines.TryGetValue(type, out var line))
            throw new InvalidOperationException($"{type.Name} crosses the wire and has no line in WireSchema.");
        return Built[type] = new RecordCodec(type, line.Names, PartOf);
    }

    private static ValueCodec PartOf(Type type) => Choices.TryGetValue(type, out var cases)
        ? ValueCodec.OneOf(type.Name, [.. cases.Select(CodecOf)])
        : CodecOf(type).AsValue();

    private static (Type Type, string Manifest, string[] Names) Message<T>(string manifest, params string[] names)
        where T : IWireMessage =>
        (typeof(T), manifest, names);

    private static (Type Type, string Manifest, string[] Names) Part<T>(params string[] names) =>
        (typeof(T), "", names);
}
