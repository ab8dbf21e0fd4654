using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using FedActors.Core.Identity;

namespace FedActors.Core.Privacy;

//  Ledger encoding
//      The byte form of a ledger: a line that names it, then records, each u32 length || payload || SHA-256 of the
//      payload.
//      Payload: u64 sequence || 32 bytes previous hash || u8 kind || i64 ticks of the UTC time || the kind's fields.
//  Numbers:  big-endian, two's complement; doubles as IEEE 754 bits. Text: u16 length, UTF-8. Kinds are frozen.
//  Why:      a million records must be read and checked in seconds; the length tells a record that was cut off from one
//            that
//            was changed.

/// <summary>Writes and reads the records of a ledger.</summary>
public static class LedgerCodec
{
    /// <summary>More than any record has; a length beyond it is damage.</summary>
    private const int LongestPayload = 1 << 16;

    private const int FrameBytes = 4 + Digest.Size;

    /// <summary>What a ledger file begins with.</summary>
    public static ReadOnlySpan<byte> Preamble => "FedActors privacy ledger 1\n"u8;

    /// <summary>What became of the bytes at one place of a ledger.</summary>
    public enum Reading
    {
        /// <summary>A record, as it was written.</summary>
        Whole,

        /// <summary>The bytes end before the record does.</summary>
        CutOff,

        /// <summary>The bytes are not what was written.</summary>
        Changed,
    }

    /// <summary>The event in its place in the chain.</summary>
    /// <param name="sequence">Past that of the record before.</param>
    /// <param name="previous">Hash of the record before; zeros where there is none.</param>
    public static LedgerRecord Seal(long sequence, Digest previous, LedgerEvent @event) =>
        new(sequence, previous, @event, Digest.Of(Payload(sequence, previous, @event)));

    /// <summary>The record's bytes as they stand in a file.</summary>
    public static byte[] Frame(LedgerRecord record)
    {
        var payload = Payload(record.Sequence, record.Previous, record.Event);
        var frame = new byte[payload.Length + FrameBytes];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length);
        payload.CopyTo(frame.AsSpan(4));
        record.Hash.CopyTo(frame.AsSpan(4 + payload.Length));
        return frame;
    }

    /// <summary>Reads the record at the start of <paramref name="bytes"/>.</summary>
    /// <param name="length">Bytes it takes; 0 where it is not whole.</param>
    public static Reading Read(ReadOnlySpan<byte> bytes, out LedgerRecord? record, out int length)
    {
        (record, length) = (null, 0);
        if (bytes.Length < 4)
            return Reading.CutOff;
        var size = BinaryPrimitives.ReadInt32BigEndian(bytes);
        if (size is < 0 or > LongestPayload)
            return Reading.Changed;
        if (bytes.Length < size + FrameBytes)
            return Reading.CutOff;
        var payload = bytes.Slice(4, size);
        Span<byte> hash = stackalloc byte[Digest.Size];
        SHA256.HashData(payload, hash);
        if (!hash.SequenceEqual(bytes.Slice(4 + size, Digest.Size)))
            return Reading.Changed;
        try
        {
            var reader = new Reader(payload);
            var (sequence, previous) = (reader.Int64(), reader.Hash());
            record = new LedgerRecord(sequence, previous, ReadEvent(ref reader), new Digest(hash));
        }
        catch (FormatException)
        {
            return Reading.Changed;
        }
        length = size + FrameBytes;
        return Reading.Whole;
    }

    private static byte[] Payload(long sequence, Digest previous, LedgerEvent @event)
    {
        var stream = new MemoryStream(160);
        var writer = new Writer(stream);
        writer.Int64(sequence);
        writer.Hash(previous);
        switch (@event)
        {
            case LedgerEvent.Opened e:
                writer.Start(1, e.At);
                writer.Text(e.Scope);
                writer.Int32(e.Rule.RenyiOrder ?? 0);
                writer.Double(e.Rule.Delta);
                writer.Budget(e.Limit);
                break;
            case LedgerEvent.Granted e:
                writer.Start(2, e.At);
                writer.Text(e.Job);
                writer.Hash(e.PlanHash);
                Write(writer, e.Terms.Release);
                writer.Int64(e.Terms.Releases);
                writer.Budget(e.Terms.Cost);
                writer.Budget(e.Limit);
                break;
            case LedgerEvent.Charged e:
                writer.Start(3, e.At);
                writer.Int64(e.Grant);
                writer.Int32(e.Round);
                writer.Int32(e.Attempt);
                break;
            case LedgerEvent.Closed e:
                writer.Start(4, e.At);
                writer.Int64(e.Grant);
                break;
            case LedgerEvent.Contradicted e:
                writer.Start(5, e.At);
                writer.Int64(e.Witnessed.Sequence);
                writer.Hash(e.Witnessed.Hash);
                writer.Budget(e.Witnessed.Spent);
                break;
            case LedgerEvent.Reconciled e:
                writer.Start(6, e.At);
                writer.Text(e.Operator);
                writer.Text(e.Reason);
                writer.Budget(e.Charge);
                break;
            default:
                throw new ArgumentException($"{@event.GetType().Name} has no encoding.", nameof(@event));
        }
        return stream.ToArray();
    }

    private static LedgerEvent ReadEvent(ref Reader reader)
    {
        var (kind, at) = (reader.Byte(), reader.Time());
        LedgerEvent read = kind switch
        {
            1 => new LedgerEvent.Opened(
                at, reader.Text(),
                new CompositionRule(reader.Int32() is var order and > 0 ? order : null, reader.Double()),
                reader.Budget()),
            2 => new LedgerEvent.Granted(
                at, reader.Text(), reader.Hash(),
                PrivacyTerms.Recorded(ReadRelease(ref reader), reader.Int64(), reader.Budget()), reader.Budget()),
            3 => new LedgerEvent.Charged(at, reader.Int64(), reader.Int32(), reader.Int32()),
            4 => new LedgerEvent.Closed(at, reader.Int64()),
            5 => new LedgerEvent.Contradicted(at, new LedgerHead(reader.Int64(), reader.Hash(), reader.Budget())),
            6 => new LedgerEvent.Reconciled(at, reader.Text(), reader.Text(), reader.Budget()),
            _ => throw new FormatException(),
        };
        reader.End();
        return read;
    }

    private static void Write(Writer writer, DpEvent release)
    {
        switch (release)
        {
            case DpEvent.SampledGaussian e:
                writer.Byte(1);
                writer.Doubles(e.SamplingRate, e.NoiseMultiplier);
                break;
            case DpEvent.DistributedDiscreteGaussian e:
                writer.Byte(2);
                writer.Doubles(e.SamplingRate, e.L2, e.L1, e.Sigma);
                writer.Int32(e.Shares);
                writer.Int32(e.Dimension);
                break;
            case DpEvent.Skellam e:
                writer.Byte(3);
                writer.Doubles(e.SamplingRate, e.L2, e.L1, e.Variance);
                break;
            default:
                throw new ArgumentException($"{release.GetType().Name} has no encoding.", nameof(release));
        }
        writer.Int64(release.Steps);
    }

    private static DpEvent ReadRelease(ref Reader reader)
    {
        DpEvent read = reader.Byte() switch
        {
            1 => new DpEvent.SampledGaussian(reader.Double(), reader.Double(), 1),
            2 => new DpEvent.DistributedDiscreteGaussian(
                reader.Double(), reader.Double(), reader.Double(), reader.Double(), reader.Int32(), reader.Int32(), 1),
            3 => new DpEvent.Skellam(reader.Double(), reader.Double(), reader.Double(), reader.Double(), 1),
            _ => throw new FormatException(),
        };
        return read with { Steps = reader.Int64() };
    }

    private readonly struct Writer(MemoryStream stream)
    {
        public void Start(byte kind, DateTimeOffset at)
        {
            Byte(kind);
            Int64(at.UtcTicks);
        }

        public void Byte(byte value) => stream.WriteByte(value);

        public void Int32(int value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(bytes, value);
            stream.Write(bytes);
        }

        public void Int64(long value)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64BigEndian(bytes, value);
            stream.Write(bytes);
        }

        public void Double(double value) => Int64(BitConverter.DoubleToInt64Bits(value));

        public void Doubles(params ReadOnlySpan<double> values)
        {
            foreach (var value in values)
                Double(value);
        }

        public void Budget(PrivacyBudget budget) => Doubles(budget.Epsilon, budget.Delta);

        public void Hash(Digest digest)
        {
            Span<byte> bytes = stackalloc byte[Digest.Size];
            digest.CopyTo(bytes);
            stream.Write(bytes);
        }

        public void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            if (bytes.Length > LongestText)
                throw new ArgumentException($"A ledger's text has at most {LongestText} bytes.", nameof(text));
            Span<byte> length = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)bytes.Length);
            stream.Write(length);
            stream.Write(bytes);
        }

        private const int LongestText = 4096;
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public byte Byte() => Take(1)[0];

        public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

        public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

        public double Double() => BitConverter.Int64BitsToDouble(Int64());

        public PrivacyBudget Budget() => new(Double(), Double());

        public Digest Hash() => new(Take(Digest.Size));

        public string Text() => Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2))));

        public DateTimeOffset Time()
        {
            var ticks = Int64();
            return ticks >= DateTimeOffset.MinValue.Ticks && ticks <= DateTimeOffset.MaxValue.Ticks
                ? new DateTimeOffset(ticks, TimeSpan.Zero)
                : throw new FormatException();
        }

        public readonly void End()
        {
            if (_rest.Length > 0)
                throw new FormatException();
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (count > _rest.Length)
                throw new FormatException();
            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}
