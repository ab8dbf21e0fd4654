using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using FedActors.Core.Links;
using FedActors.Core.Protocol;
using Google.Protobuf;

namespace FedActors.Actors.Wire;

/// <summary>
/// Messages between the nodes of a federation as Protobuf. Only what <see cref="WireSchema"/> lists is written or read,
/// and nothing that would not fit a frame: Akka drops such a message with a log line at the sender, and the other side
/// waits. Off the network comes only what opens a line, or an envelope: everything else stands in one, signed, so that
/// no actor but those at a line's ends can be told anything by a peer.
/// </summary>
public sealed class WireSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Most bytes of a message that stands in a frame of its own.</summary>
    public const int FrameBytes = 120_000;

    private static readonly FrozenSet<Type> Bare =
    [
        typeof(LineProtocol.Hello), typeof(LineProtocol.Challenge), typeof(LineProtocol.Envelope),
        typeof(LineProtocol.Broken), typeof(LineProtocol.Pulse),
    ];

    public override int Identifier => 4103;

    /// <summary>Every message with its manifest: the tests that freeze them read this.</summary>
    public static IReadOnlyDictionary<string, Type> Manifests => WireSchema.Manifests;

    public override string Manifest(object o) => ManifestOf(o);

    public override byte[] ToBinary(object obj)
    {
        var bytes = Write(obj);
        return bytes.Length <= FrameBytes
            ? bytes
            : throw new SerializationException(
                $"{obj.GetType().Name} has {bytes.Length} bytes: it goes in pieces, never in one frame.");
    }

    public override object FromBinary(byte[] bytes, string manifest) =>
        WireSchema.Find(manifest) is { } codec && Bare.Contains(codec.Type)
        ? Read(manifest, bytes)
        : throw new SerializationException($"'{manifest}' does not come in a frame of its own.");

    /// <exception cref="SerializationException">The schema does not list the message.</exception>
    public static string ManifestOf(object message) => Find(message).Manifest;

    /// <summary>The message's bytes, of any length.</summary>
    /// <exception cref="SerializationException">The schema does not list the message.</exception>
    public static byte[] Write(object message) => Find(message).Codec.ToBytes(message);

    /// <exception cref="SerializationException">An unknown manifest, or bytes that are not what the manifest
    /// says.</exception>
    public static IWireMessage Read(string manifest, byte[] bytes)
    {
        var codec = WireSchema.Find(manifest) ?? throw new SerializationException($"No message is named '{manifest}'.");
        try
        {
            return (IWireMessage)codec.Read(new CodedInputStream(bytes));
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or ArgumentException or OverflowException)
        {
            throw new SerializationException($"The bytes are no '{manifest}'.", e);
        }
    }

    /// <summary>As <see cref="Read"/>, for bytes that a peer chose.</summary>
    /// <param name="reason">Why they cannot be read.</param>
    public static bool TryRead(
        LineStep.Whole whole, [NotNullWhen(true)] out IWireMessage? message, [NotNullWhen(false)] out string? reason)
    {
        try
        {
            (message, reason) = (Read(whole.Manifest, whole.Bytes), null);
            return true;
        }
        catch (SerializationException e)
        {
            (message, reason) = (null, e.Message);
            return false;
        }
    }

    private static (string Manifest, RecordCodec Codec) Find(object message) =>
        WireSchema.TryFind(message.GetType(), out var found)
            ? found
            : throw new SerializationException($"{message.GetType().Name} is no message between nodes.");
}
