using System.Buffers.Binary;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>
/// One session played in memory: the hub's machine, the hospitals' machines, and all that passed between them. Tests
/// play single steps and put their own messages in between.
/// </summary>
internal sealed class Conversation : IDisposable
{
    public Conversation(Consortium consortium, RoundSpec? spec = null, Func<HospitalId, MaskingLedger>? ledgers = null)
    {
        Consortium = consortium;
        Spec = spec ?? consortium.Spec();
        Hub = new AggregationSession(Spec, consortium.Roster, consortium.CoordinatorKey);
        foreach (var id in Spec.Cohort)
        {
            Randoms[id] = consortium.RandomOf(id, Spec.Attempt);
            Hospitals[id] = new HospitalMasking(
                id, consortium.Keys[id], consortium.Roster, new MaskingPolicy(), Randoms[id], ledgers?.Invoke(id)
                    ?? MaskingLedger.Empty);
            Updates[id] = Update(id, Spec);
        }
    }

    public Consortium Consortium { get; }

    public RoundSpec Spec { get; }

    public AggregationSession Hub { get; set; }

    public Dictionary<HospitalId, HospitalMasking> Hospitals { get; } = [];

    public Dictionary<HospitalId, TestRandom> Randoms { get; } = [];

    /// <summary>The encoded updates, never masked in place.</summary>
    public Dictionary<HospitalId, byte[]> Updates { get; } = [];

    /// <summary>What each hospital's spool holds.</summary>
    public Dictionary<HospitalId, byte[]> Spools { get; } = [];

    public List<MaskingEvent> HospitalJournal { get; } = [];

    public List<AggregationEvent> HubJournal { get; } = [];

    public byte[]? Blob { get; private set; }

    public List<SignedMessage> Transcript { get; } = [];

    public List<(HospitalId Hospital, MaskingDecision.Rejected Decision)> Refusals { get; } = [];

    public List<SessionDecision.Rejected> HubRefusals { get; } = [];

    /// <summary>What each hospital knows of the round by itself.</summary>
    public Func<HospitalId, LocalView> View { get; set; } = _ => Consortium.View;

    /// <summary>Changes a message on its way to a hospital.</summary>
    public Func<HospitalId, FromCoordinator, FromCoordinator> ToHospital { get; set; } = (_, message) => message;

    /// <summary>Changes a message on its way to the hub; null loses it.</summary>
    public Func<FromHospital, FromHospital?> ToHub { get; set; } = message => message;

    /// <summary>
    /// An update with marks that no sum or difference of others gives by chance, and 1 at the constant's place.
    /// </summary>
    public static byte[] Update(HospitalId id, RoundSpec spec)
    {
        var vector = new byte[spec.Ring.Bytes];
        var marks = new TestRandom(int.Parse(id.ToString()[1..]));
        for (var i = 0; i < spec.Ring.Coordinates; i++)
            Put(vector, i, spec.Ring.WordBits, i == spec.Ring.ConstantOne ? 1 : marks.Below(1 << 21) - (1 << 20));
        return vector;
    }

    public static void Put(byte[] vector, int index, int wordBits, long value)
    {
        if (wordBits == 32)
            BinaryPrimitives.WriteInt32LittleEndian(vector.AsSpan(index * 4), unchecked((int)value));
        else
            BinaryPrimitives.WriteInt64LittleEndian(vector.AsSpan(index * 8), value);
    }

    /// <summary>The sum as integers give it, mod 2^w.</summary>
    public byte[] Oracle(IEnumerable<HospitalId> survivors)
    {
        var sum = new byte[Spec.Ring.Bytes];
        var size = Spec.Ring.WordBits / 8;
        foreach (var id in survivors)
            for (var i = 0; i < Spec.Ring.Coordinates; i++)
                Put(sum, i, Spec.Ring.WordBits, unchecked(Get(sum, i, size) + Get(Updates[id], i, size)));
        return sum;

        static long Get(byte[] vector, int i, int size) => size == 4
            ? BinaryPrimitives.ReadInt32LittleEndian(vector.AsSpan(i * 4))
            : BinaryPrimitives.ReadInt64LittleEndian(vector.AsSpan(i * 8));
    }

    /// <summary>Plays until there is a sum or an abort.</summary>
    public Conversation Run(Func<HospitalId, AggregationPhase, bool>? silent = null)
    {
        while (Hub.Phase < AggregationPhase.Opened)
            Step(silent);
        return this;
    }

    /// <summary>Plays up to the start of a phase.</summary>
    public Conversation RunTo(AggregationPhase phase, Func<HospitalId, AggregationPhase, bool>? silent = null)
    {
        while (Hub.Phase < phase)
            Step(silent);
        return this;
    }

    /// <summary>One phase: the hub's messages go out, the answers come in, the phase ends.</summary>
    public void Step(Func<HospitalId, AggregationPhase, bool>? silent = null)
    {
        Exchange(silent);
        EndPhase();
    }

    public void Exchange(Func<HospitalId, AggregationPhase, bool>? silent = null)
    {
        var phase = Hub.Phase;
        foreach (var id in Spec.Cohort.Where(id => silent?.Invoke(id, phase) != true))
            foreach (var message in Hub.MessagesFor(id))
                Deliver(id, ToHospital(id, message));
    }

    public SessionDecision EndPhase()
    {
        var decision = Hub.IsReady ? Hub.Advance() : Hub.DeadlinePassed();
        Note(decision);
        return decision;
    }

    /// <summary>A message to a hospital, and its answers to the hub.</summary>
    public MaskingDecision Deliver(HospitalId id, FromCoordinator message)
    {
        Transcript.Add(message);
        var decision = Ask(id, message);
        switch (decision)
        {
            case MaskingDecision.Accepted accepted:
                HospitalJournal.AddRange(accepted.Journal);
                foreach (var answer in accepted.Send)
                    Answer(answer);
                break;
            case MaskingDecision.Rejected rejected:
                Refusals.Add((id, rejected));
                if (rejected.Send is { } withdrawal)
                    Answer(withdrawal);
                break;
        }
        return decision;
    }

    /// <summary>What a hospital decides, without telling the hub.</summary>
    public MaskingDecision Ask(HospitalId id, FromCoordinator message)
    {
        var hospital = Hospitals[id];
        if (message is not Inbox inbox)
            return message switch
            {
                RoundOpen open => hospital.Receive(open, View(id)),
                Roster1 roster => hospital.Receive(roster),
                MaskedWanted wanted => hospital.Receive(wanted),
                Survivors survivors => hospital.Receive(survivors),
                UnmaskRequest request => hospital.Receive(request),
                Result result => hospital.Receive(result),
                Abort abort => hospital.Receive(abort),
                _ => throw new ArgumentException($"No hospital receives {message.GetType().Name}.", nameof(message)),
            };
        var residues = (byte[])Updates[id].Clone();
        var decision = hospital.Receive(inbox, residues);
        if (decision is MaskingDecision.Accepted { Journal.Length: > 0 })
            Spools[id] = residues;
        return decision;
    }

    public SessionDecision? Answer(FromHospital sent)
    {
        if (ToHub(sent) is not { } message)
            return null;
        Transcript.Add(message);
        var decision = message is Masked masked ? Upload(masked, Spools[masked.Hospital]) : Hub.Receive(message);
        Note(decision);
        return decision;
    }

    public SessionDecision Upload(Masked masked, byte[] vector)
    {
        using var spool = new MemoryStream();
        var begun = Hub.Begin(masked, spool, out var upload);
        if (upload is null)
            return begun;
        using (upload)
        {
            foreach (var chunk in Chunks(masked, vector))
                if (upload.Append(chunk) is SessionDecision.Rejected rejected)
                    return rejected;
            return Hub.Add(upload);
        }
    }

    public static IEnumerable<MaskedChunk> Chunks(Masked masked, byte[] vector) =>
        vector.Chunk(ChunkSize).Select(
            (bytes, i) => new MaskedChunk(masked.Session, masked.Hospital, i, new ByteString(bytes)));

    /// <summary>Signs as the coordinator.</summary>
    public TMessage Coordinator<TMessage>(TMessage message) where TMessage : FromCoordinator =>
        message.SignedBy(Consortium.CoordinatorKey);

    /// <summary>Signs as a hospital.</summary>
    public TMessage As<TMessage>(TMessage message) where TMessage : FromHospital =>
        message.SignedBy(Consortium.Keys[message.Hospital]);

    public void Dispose()
    {
        foreach (var hospital in Hospitals.Values)
            hospital.Dispose();
    }

    private void Note(SessionDecision decision)
    {
        if (decision is SessionDecision.Rejected rejected)
            HubRefusals.Add(rejected);
        if (decision is not SessionDecision.Accepted accepted)
            return;
        if (accepted.Journal.OfType<AggregationEvent.SurvivorSetFixed>().Any())
            Blob = Hub.Accumulator.ToArray();
        HubJournal.AddRange(accepted.Journal);
    }
}
