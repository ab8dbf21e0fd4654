using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace FedActors.Actors.Wire;

/// <summary>
/// Stands where Akka's polymorphic JSON serializer (id 1) stood, and refuses: a payload that names its own type can make
/// any type. What has no serializer of ours is neither sent nor stored nor read.
/// </summary>
public sealed class RefusingSerializer(ExtendedActorSystem system) : Serializer(system)
{
    /// <summary>Akka looks for this constructor where a settings section exists.</summary>
    public RefusingSerializer(ExtendedActorSystem system, Config _) : this(system) { }

    public override int Identifier => 1;

    public override bool IncludeManifest => true;

    public override byte[] ToBinary(object obj) => throw Refusal(obj.GetType());

    public override object FromBinary(byte[] bytes, Type type) => throw Refusal(type);

    private static SerializationException Refusal(Type? type) =>
        new($"{type?.FullName ?? "A payload"} has no serializer: only FedActors' own messages are sent or stored.");
}
