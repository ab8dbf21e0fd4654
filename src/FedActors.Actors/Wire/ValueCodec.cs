using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Serialization;
using FedActors.Core.Identity;
using Google.Protobuf;
using CoreBytes = FedActors.Core.Identity.ByteString;
using ProtoBytes = Google.Protobuf.ByteString;

namespace FedActors.Actors.Wire;

/// <summary>How one kind of value stands behind its field's tag.</summary>
/// <param name="Name">As the golden schema shows it.</param>
internal sealed record ValueCodec(
    string Name, WireFormat.WireType Kind, Action<CodedOutputStream, object> Write, Func<CodedInputStream, object> Read)
{
    private static readonly ImmutableDictionary<Type, ValueCodec> Known = new Dictionary<Type, ValueCodec>
    {
        [typeof(int)] = Whole("int32", value => (int)value, value => checked((int)value)),
        [typeof(long)] = Whole("int64", value => (long)value, value => value),
        [typeof(bool)] = Whole("bool", value => (bool)value ? 1 : 0, value => value != 0),
        [typeof(TimeSpan)] = Whole("ticks", value => ((TimeSpan)value).Ticks, value => TimeSpan.FromTicks(value)),
        [typeof(DateTimeOffset)] =
        Whole("utc-ticks", value => ((DateTimeOffset)value).UtcTicks, value =>
            new DateTimeOffset(value, TimeSpan.Zero)),
        [typeof(double)] =
        new("double", WireFormat.WireType.Fixed64, (output, value) => output.WriteDouble((double)value), input =>
            input.ReadDouble()),
        [typeof(string)] = new("string", WireFormat.WireType.LengthDelimited,
            (output, value) => output.WriteString((string)value), input => input.ReadString()),
        [typeof(HospitalId)] = new("hospital", WireFormat.WireType.LengthDelimited,
            (output, value) => output.WriteString(value.ToString()), input => new HospitalId(input.ReadString())),
        [typeof(Digest)] = Raw("digest", value => ((Digest)value).ToBytes(), bytes => new Digest(bytes)),
        [typeof(CoreBytes)] = new("bytes", WireFormat.WireType.LengthDelimited,
            (output, value) =>
                WriteBytes(output, ((CoreBytes)value).AsMemory()), input => CoreBytes.Own(Array(input.ReadBytes()))),
        [typeof(Signature)] =
        Raw("signature", value => ((Signature)value).Span.ToArray(), bytes =>
            bytes.Length == 0 ? default : new Signature(bytes)),
        [typeof(ImmutableArray<byte>)] = new("bytes", WireFormat.WireType.LengthDelimited,
            (output, value) => WriteBytes(output, ((ImmutableArray<byte>)value).AsMemory()),
            input => ImmutableCollectionsMarshal.AsImmutableArray(Array(input.ReadBytes()))),
    }.ToImmutableDictionary();

    /// <summary>The codec of a scalar, or null where the type is none.</summary>
    public static ValueCodec? Of(Type type) => type.IsEnum ? Enumeration(type) : Known.GetValueOrDefault(type);

    /// <summary>One of several records: a message of one field, whose number says which.</summary>
    public static ValueCodec OneOf(string name, ImmutableArray<RecordCodec> cases) => new(
        name, WireFormat.WireType.LengthDelimited,
        (output, value) =>
        {
            var codec = cases.Single(one => one.Type == value.GetType());
            using var stream = new MemoryStream();
            using (var field = new CodedOutputStream(stream, leaveOpen: true))
            {
                field.WriteTag(cases.IndexOf(codec) + 1, WireFormat.WireType.LengthDelimited);
                codec.AsValue().Write(field, value);
            }
            WriteBytes(output, stream.ToArray());
        },
        input =>
        {
            var field = input.ReadBytes().CreateCodedInput();
            var tag = field.ReadTag();
            var number = WireFormat.GetTagFieldNumber(tag);
            if (number < 1 || number > cases.Length
                || WireFormat.GetTagWireType(tag) != WireFormat.WireType.LengthDelimited)
                throw new SerializationException($"Case {number} is no {name}.");
            var value = cases[number - 1].AsValue().Read(field);
            return field.IsAtEnd ? value : throw new SerializationException($"There is more than one {name}.");
        });

    private static ValueCodec Whole(string name, Func<object, long> write, Func<long, object> read) => new(
        name, WireFormat.WireType.Varint, (output, value) =>
            output.WriteInt64(write(value)), input => read(input.ReadInt64()));

    private static ValueCodec Raw(string name, Func<object, byte[]> write, Func<byte[], object> read) => new(
        name, WireFormat.WireType.LengthDelimited, (output, value) =>
            WriteBytes(output, write(value)), input => read(Array(input.ReadBytes())));

    private static ValueCodec Enumeration(Type type) => Whole("enum", value => Convert.ToInt64(value, null), number =>
    {
        var value = Enum.ToObject(type, number);
        return Enum.IsDefined(type, value) ? value : throw new SerializationException($"{number} is no {type.Name}.");
    });

    private static void WriteBytes(CodedOutputStream output, ReadOnlyMemory<byte> bytes) =>
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(bytes));

    // What was read belongs to nobody else: no second copy of a 64,000-byte chunk.
    private static byte[] Array(ProtoBytes bytes) =>
        MemoryMarshal.TryGetArray(bytes.Memory, out var segment) && segment.Count == segment.Array!.Length
        ? segment.Array
        : bytes.ToByteArray();
}
