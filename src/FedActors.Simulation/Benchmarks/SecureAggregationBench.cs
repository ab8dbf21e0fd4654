using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What a run of the whole protocol in memory cost. CPU time is that of one thread.</summary>
/// <param name="Hospitals">Invited.</param>
/// <param name="Parameters">Coordinates of the model; the vectors have two more, the weight and the constant.</param>
/// <param name="Dropout">Share of hospitals that fell silent after they had shared their secrets: the costliest
/// moment.</param>
/// <param name="ClientCpuMs">Mean over the hospitals that stayed, all phases.</param>
/// <param name="ServerCpuMs">The hub, all phases: messages, signatures, sums, recovery and unmasking. It works when the
/// hospitals have: their work, and collecting the garbage that they leave in the process they share, is not in
/// it.</param>
/// <param name="UploadCpuMs">Taking in and hashing (SHA-256) all uploads, which connections do one by one; beside
/// <see cref="ServerCpuMs"/>.</param>
/// <param name="BytesUpPerHospital">Mean over the hospitals that stayed: payload of every message and chunk.</param>
/// <param name="SumVerified">The opened sum equals the integer sum over exactly the survivors, in every
/// coordinate.</param>
/// <param name="UploadRatio"><see cref="BytesUpPerHospital"/> over the bytes of the parameters as 32-bit
/// floats.</param>
/// <param name="ClientRatio"><see cref="ClientCpuMs"/> over the time that openssl needs for as many bytes of key stream
/// as a hospital masks with; NaN where there is no openssl.</param>
/// <param name="ServerRatio"><see cref="ServerCpuMs"/> over the same for what the hub takes off.</param>
/// <param name="MaskRatio">Speed of the key stream, expanded and added, over openssl's; the goal is 0.9.</param>
/// <param name="TiledMaskRatio">The same for 100 keys.</param>
/// <param name="Primitives">What the ratios come from, and Shamir's times for 100 holders.</param>
public sealed record SecureAggregationFigures(
    int Hospitals, int Parameters, double Dropout, double ClientCpuMs, double ServerCpuMs, double UploadCpuMs,
    long BytesUpPerHospital, bool SumVerified, double UploadRatio = double.NaN, double ClientRatio = double.NaN,
    double ServerRatio = double.NaN, double MaskRatio = double.NaN, double TiledMaskRatio = double.NaN,
    SecureAggregationPrimitives? Primitives = null);

/// <summary>
/// Runs one secure sum in memory, without actors, and measures it. Holds the vectors of a few hospitals, never all.
/// </summary>
public static class SecureAggregationBench
{
    /// <summary>
    /// Above this many hospitals, steps that need no vector run on all cores; each still counts its own thread.
    /// </summary>
    private const int ManyHospitals = 256;

    /// <summary>Hospitals that mask one after the other before the hub takes in what they masked: more than its caches
    /// hold of a million parameters, as there is more under way than that to a hub.</summary>
    private const int MaskingAtOnce = 16;

    private const int WordBits = 32;
    private const int WarmUpRounds = 10;

    /// <summary>One run, after smaller ones that warm the compiler.</summary>
    /// <param name="hospitals">At least 3.</param>
    /// <param name="parameters">At least 1.</param>
    /// <param name="dropout">In [0, 1); as many hospitals as this share gives, rounded down.</param>
    /// <param name="seed">Repeats keys, updates and who falls silent. Never used outside a benchmark.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range, or more hospitals drop out than a
    /// round tolerates.</exception>
    public static SecureAggregationFigures Run(int hospitals, int parameters, double dropout, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hospitals, Thresholds.LeastHospitals);
        ArgumentOutOfRangeException.ThrowIfLessThan(parameters, 1);
        if (!(dropout >= 0 && dropout < 1))
            throw new ArgumentOutOfRangeException(nameof(dropout), dropout, "At least 0 and below 1.");
        var tolerated = Thresholds.For(hospitals).ToleratedDropouts;
        if ((int)(dropout * hospitals) > tolerated)
            throw new ArgumentOutOfRangeException(
                nameof(dropout), dropout,
                $"{hospitals} hospitals tolerate {tolerated} dropouts, not {(int)(dropout * hospitals)}.");
        foreach (var _ in WarmUp.Batches())
            for (var i = 0; i < WarmUpRounds; i++)
                using (var warm = new Round(12, 20_000, 3, seed))
                    warm.Play();
        using var round = new Round(hospitals, parameters, (int)(dropout * hospitals), seed);
        var figures = round.Play() with { Dropout = dropout };
        var primitives = SecureAggregationPrimitives.Measure();
        var openssl = primitives.OpensslGbPerSecond * 1e6;                     // bytes a millisecond
        return figures with
        {
            UploadRatio = figures.BytesUpPerHospital / (4.0 * parameters),
            ClientRatio = figures.ClientCpuMs * openssl / round.ClientStream,
            ServerRatio = figures.ServerCpuMs * openssl / round.ServerStream,
            MaskRatio = primitives.MaskGbPerSecond / primitives.OpensslGbPerSecond,
            TiledMaskRatio = primitives.TiledMaskGbPerSecond / primitives.OpensslGbPerSecond,
            Primitives = primitives,
        };
    }

    private sealed class Round : IDisposable
    {
        private readonly int _parameters;
        private readonly int _dropouts;
        private readonly long _seed;
        private readonly SiteKey _coordinator;
        private readonly Roster _roster;
        private readonly RoundSpec _spec;
        private readonly AggregationSession _hub;
        private readonly LocalView _view;
        private readonly Dictionary<HospitalId, Member> _members = [];
        private readonly byte[] _expected;
        private double _serverMs, _uploadMs;

        public Round(int hospitals, int parameters, int dropouts, long seed)
        {
            (_parameters, _dropouts, _seed) = (parameters, dropouts, seed);
            _coordinator = SiteKey.Create(new Repeatable(seed, 0));
            var keys = Enumerable.Range(1, hospitals).ToDictionary(
                i => new HospitalId($"hospital-{i:0000}"), i => SiteKey.Create(new Repeatable(seed, i)));
            _roster = new Roster(_coordinator.Public,
                keys.Select(pair => KeyValuePair.Create(pair.Key, pair.Value.Public)));
            _view = new LocalView(Digest.Of("model"u8), Digest.Of("plan"u8), null);
            var thresholds = Thresholds.For(hospitals);
            var ring = new RingSpec(WordBits, parameters + 2, parameters + 1, 10, 1, 1000, 0);
            var minute = TimeSpan.FromMinutes(1);
            _spec = new RoundSpec(
                Digest.Of("bench"u8), 1, 1, _roster.Hash, _view.Model, _view.Task, Digest.Of([]), _roster.Hospitals,
                ring, thresholds, GraphSpec.For(thresholds), NoiseSpec.None,
                new PhaseDeadlines(minute, minute, minute, minute));
            _hub = new AggregationSession(_spec, _roster, _coordinator);
            _expected = new byte[ring.Bytes];
            var number = 0;
            foreach (var id in _roster.Hospitals)
                _members.Add(id, new Member(keys[id], new HospitalMasking(
                    id, keys[id], _roster, new MaskingPolicy(), new Repeatable(seed, ++number + hospitals),
                    MaskingLedger.Empty), number));
        }

        /// <summary>Bytes of key stream in one hospital's vector: one stream for each neighbour, and its own.</summary>
        public double ClientStream => (Neighbours + 1.0) * _spec.Ring.Bytes;

        /// <summary>Bytes of key stream that the hub takes off: one for each survivor, and for each pair of a lost
        /// hospital and a surviving neighbour.</summary>
        public double ServerStream
        {
            get
            {
                double survivors = _spec.Cohort.Length - _dropouts;
                return (survivors + _dropouts * Neighbours * survivors / _spec.Cohort.Length) * _spec.Ring.Bytes;
            }
        }

        private double Neighbours => _spec.Graph.IsComplete ? _spec.Cohort.Length - 1 : _spec.Graph.Degree;

        public SecureAggregationFigures Play()
        {
            while (_hub.Phase is AggregationPhase.Advertising or AggregationPhase.Sharing)
                Phase(_members.Keys, Answer);
            var staying = _roster.Hospitals.RemoveAll(Draw(_roster.Hospitals).Contains);

            GC.Collect();
            var inboxes = staying.Select(id => (Inbox)Server(() => _hub.MessagesFor(id)).Single()).ToArray();
            var vectors = inboxes.Take(MaskingAtOnce).Select(_ => new byte[_spec.Ring.Bytes]).ToArray();
            foreach (var some in inboxes.Chunk(vectors.Length))
            {
                var masked = some.Zip(vectors, Mask).ToArray();
                GC.Collect();
                foreach (var (announced, vector) in masked.Zip(vectors))
                    Upload(announced, vector);
                Server(() => _hub.Accumulator);                                 // after it nobody reads the vectors
            }
            Server(_hub.DeadlinePassed);
            while (_hub.Phase < AggregationPhase.Opened)
                Phase(staying, Answer);

            var verified = _hub.Sum is { } sum && sum.Survivors.SequenceEqual(staying)
                && sum.Residues.Span.SequenceEqual(_expected);
            return new SecureAggregationFigures(
                _spec.Cohort.Length, _parameters, 0, staying.Average(id => _members[id].CpuMs), _serverMs, _uploadMs,
                (long)staying.Average(id => _members[id].BytesUp), verified);
        }

        public void Dispose()
        {
            _coordinator.Dispose();
            foreach (var member in _members.Values)
            {
                member.Masking.Dispose();
                member.Key.Dispose();
            }
        }

        /// <summary>
        /// Asks and takes answers until the hub can go on. On a sparse graph that can be twice: who signed the
        /// survivors after there was a quorum is asked for shares only then.
        /// </summary>
        private void Phase(IEnumerable<HospitalId> answering, Func<HospitalId, FromCoordinator, FromHospital> answer)
        {
            do
                Ask([.. answering.Where(_hub.Awaited.Contains)], answer);
            while (!_hub.IsReady && !_hub.Awaited.IsEmpty);
            Server(_hub.Advance);
        }

        private void Ask(ImmutableArray<HospitalId> asked, Func<HospitalId, FromCoordinator, FromHospital> answer)
        {
            var messages = asked.Select(id => (id, Message: Server(() => _hub.MessagesFor(id)).Single())).ToArray();
            var answers = new FromHospital[messages.Length];
            if (messages.Length > ManyHospitals)
                Parallel.For(0, messages.Length, i => answers[i] = answer(messages[i].id, messages[i].Message));
            else
                for (var i = 0; i < messages.Length; i++)
                    answers[i] = answer(messages[i].id, messages[i].Message);
            GC.Collect();
            foreach (var message in answers.TakeWhile(_ => !EnoughAnswered))
            {
                _members[message.Hospital].BytesUp += Size(message);
                if (Server(() => _hub.Receive(message)) is SessionDecision.Rejected rejected)
                    throw new InvalidOperationException(rejected.Why.ToString());
            }
        }

        /// <summary>
        /// As the hub does it: a quorum of signatures or of shares is enough, later ones are not waited for.
        /// </summary>
        private bool EnoughAnswered => _hub.Phase is AggregationPhase.Agreeing or AggregationPhase.Unmasking
            && _hub.IsReady;

        private FromHospital Answer(HospitalId id, FromCoordinator message) =>
            _members[id].Measure(masking => message switch
        {
            RoundOpen open => masking.Receive(open, _view),
            Roster1 roster => masking.Receive(roster),
            Survivors survivors => masking.Receive(survivors),
            UnmaskRequest request => masking.Receive(request),
            _ => throw new InvalidOperationException($"{message.GetType().Name} is no question of this phase."),
        });

        private Masked Mask(Inbox inbox, byte[] vector)
        {
            var (id, member) = (inbox.To, _members[inbox.To]);
            Fill(vector, member.Number);
            // the oracle: plain integer sums, apart from the code under test
            for (var i = 0; i < _spec.Ring.Coordinates; i++)
                BinaryPrimitives.WriteUInt32LittleEndian(_expected.AsSpan(4 * i), unchecked(
                    BinaryPrimitives.ReadUInt32LittleEndian(_expected.AsSpan(4 * i))
                    + BinaryPrimitives.ReadUInt32LittleEndian(vector.AsSpan(4 * i))));
            var masked = (Masked)member.Measure(masking => masking.Receive(inbox, vector));
            member.BytesUp += Size(masked) + vector.Length;
            return masked;
        }

        private void Upload(Masked masked, byte[] vector)
        {
            MaskedUpload? upload = null;
            Server(() => _hub.Begin(masked, spool: null, out upload));
            using (upload)
            {
                var start = ThreadCpuClock.Milliseconds;
                for (var (index, at) = (0, 0); at < vector.Length; index++, at += ChunkSize)
                {
                    // A view: the vector is written to again only when all are in the sum.
                    var bytes = ByteString.Own(vector.AsMemory(at, Math.Min(ChunkSize, vector.Length - at)));
                    var chunk = new MaskedChunk(masked.Session, masked.Hospital, index, bytes);
                    if (upload!.Append(chunk) is SessionDecision.Rejected rejected)
                        throw new InvalidOperationException(rejected.Why.ToString());
                }
                _uploadMs += ThreadCpuClock.Milliseconds - start;
                Server(() => _hub.Add(upload!));
            }
        }

        /// <summary>An encoded update as good as any: uniform residues, the weight, the constant.</summary>
        private void Fill(byte[] vector, int number)
        {
            new Repeatable(_seed, -number).Fill(vector);
            BinaryPrimitives.WriteInt32LittleEndian(vector.AsSpan(4 * _parameters), 100 + number);
            BinaryPrimitives.WriteInt32LittleEndian(vector.AsSpan(4 * _parameters + 4), 1);
        }

        private HashSet<HospitalId> Draw(ImmutableArray<HospitalId> hospitals)
        {
            var order = new uint[hospitals.Length];
            new Repeatable(_seed, int.MaxValue).Fill(MemoryMarshal.AsBytes(order.AsSpan()));
            return [.. Enumerable.Range(0, order.Length).OrderBy(i => order[i]).Take(_dropouts)
                .Select(i => hospitals[i])];
        }

        private T Server<T>(Func<T> step)
        {
            var start = ThreadCpuClock.Milliseconds;
            var result = step();
            _serverMs += ThreadCpuClock.Milliseconds - start;
            return result;
        }

        /// <summary>Bytes of a message's content, without a wire format's own.</summary>
        private static long Size(FromHospital message) => Digest.Size + 24 + Signature.Size + message switch
        {
            Advertise => 2 * P256Point.Size + 2 * Digest.Size,
            Shares shares => Digest.Size + shares.Envelopes.Sum(envelope => 24L + envelope.Envelope.Length),
            Masked => 3 * Digest.Size,
            Consistency => 4 * Digest.Size,
            UnmaskResponse response => Digest.Size + response.Shares.Sum(share => 24L + share.Share.Length),
            _ => 0,
        };
    }

    private sealed class Member(SiteKey key, HospitalMasking masking, int number)
    {
        public SiteKey Key => key;

        public HospitalMasking Masking => masking;

        public int Number => number;

        public double CpuMs { get; private set; }

        public long BytesUp { get; set; }

        public FromHospital Measure(Func<HospitalMasking, MaskingDecision> step)
        {
            var start = ThreadCpuClock.Milliseconds;
            var decision = step(masking);
            CpuMs += ThreadCpuClock.Milliseconds - start;
            return decision is MaskingDecision.Accepted accepted
                ? accepted.Send.Single()
                : throw new InvalidOperationException(((MaskingDecision.Rejected)decision).Why.ToString());
        }
    }

    /// <summary>
    /// AES-256 in counter mode under SHA-256(seed, number): repeatable, and fast enough not to be what is measured.
    /// </summary>
    private sealed class Repeatable : IRandomSource
    {
        private readonly byte[] _key;
        private ulong _fills;

        public Repeatable(long seed, int number)
        {
            Span<byte> input = stackalloc byte[12];
            BinaryPrimitives.WriteInt64BigEndian(input, seed);
            BinaryPrimitives.WriteInt32BigEndian(input[8..], number);
            _key = SHA256.HashData(input);
        }

        public void Fill(Span<byte> bytes)
        {
            Span<byte> nonce = stackalloc byte[40];
            _key.CopyTo(nonce);
            BinaryPrimitives.WriteUInt64BigEndian(nonce[32..], _fills++);
            Span<byte> padded = bytes.Length % 4 == 0 ? bytes : new byte[bytes.Length + 4 - bytes.Length % 4];
            padded.Clear();
            MaskStream.Apply(padded, WordBits, SHA256.HashData(nonce), [false]);
            if (padded.Length != bytes.Length)
                padded[..bytes.Length].CopyTo(bytes);
        }
    }
}
