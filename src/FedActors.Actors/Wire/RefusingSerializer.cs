using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace FedActors.Actors.Wire;

/// <summary>
/// Stands where one of Akka's own serializers stood, by its number, and refuses: what has no serializer of ours is
/// neither sent nor stored nor read.
/// </summary>
/// <remarks>
/// Akka's <c>untrusted-mode</c> does not do it alone. In Akka.NET it drops a message only where its type is marked
/// <see cref="IPossiblyHarmful"/>, which <see cref="Kill"/> and all system messages but <c>Terminate</c> are not: a
/// peer with a valid certificate could stop any actor with the one, or suspend it for good with another. Read is before
/// delivered, so that what cannot be read is never delivered, to whatever path it was sent.
/// </remarks>
public abstract class RefusingSerializer(ExtendedActorSystem system, int number, string reason) : Serializer(system)
{
    public sealed override int Identifier => number;

    public sealed override bool IncludeManifest => true;

    public sealed override byte[] ToBinary(object obj) => throw Refusal(obj.GetType());

    public sealed override object FromBinary(byte[] bytes, Type type) => throw Refusal(type);

    private SerializationException Refusal(Type? type) =>
        new($"{type?.FullName ?? "A payload"} has no serializer: {reason}");
}

/// <summary>For polymorphic JSON: a payload that names its own type can make any type.</summary>
public sealed class RefusingJson(ExtendedActorSystem system)
    : RefusingSerializer(system, 1, "only FedActors' own messages are sent or stored.")
{
    /// <summary>Akka looks for this constructor where a settings section exists.</summary>
    public RefusingJson(ExtendedActorSystem system, Config _) : this(system) { }
}

/// <summary>For foreign Protobuf messages, which name their type as well.</summary>
public sealed class RefusingProtobuf(ExtendedActorSystem system)
    : RefusingSerializer(system, 2, "only FedActors' own messages cross this edge.");

/// <summary>For remote deployment: a peer could start any actor in this process.</summary>
public sealed class RefusingDeployment(ExtendedActorSystem system)
    : RefusingSerializer(system, 3, "no actor is deployed from another node, each node starts its own.");

/// <summary>For selections: a peer reaches the one path it may know, and looks around nowhere.</summary>
public sealed class RefusingSelections(ExtendedActorSystem system)
    : RefusingSerializer(system, 6, "no actor is looked for across this edge.");

/// <summary>
/// For Kill, PoisonPill, Identify, router settings and exceptions, which are made by their type's name.
/// </summary>
public sealed class RefusingControl(ExtendedActorSystem system)
    : RefusingSerializer(system, 16, "no actor is steered across this edge.");

/// <summary>For bare texts and numbers.</summary>
public sealed class RefusingPrimitives(ExtendedActorSystem system)
    : RefusingSerializer(system, 17, "only FedActors' own messages cross this edge.")
{
    /// <summary>Akka looks for this constructor where a settings section exists.</summary>
    public RefusingPrimitives(ExtendedActorSystem system, Config _) : this(system) { }
}

/// <summary>For what supervisors and death watch say to actors: suspend, restart, failed, terminated.</summary>
public sealed class RefusingSystemMessages(ExtendedActorSystem system)
    : RefusingSerializer(system, 22, "no actor is supervised or watched across this edge.");
