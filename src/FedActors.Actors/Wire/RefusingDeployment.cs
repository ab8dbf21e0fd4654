using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace FedActors.Actors.Wire;

/// <summary>
/// Stands where Akka's serializer for remote deployment (id 3) stood, and refuses: a peer with a valid certificate could
/// otherwise start any actor in this process.
/// </summary>
public sealed class RefusingDeployment(ExtendedActorSystem system) : Serializer(system)
{
    /// <summary>Akka looks for this constructor where a settings section exists.</summary>
    public RefusingDeployment(ExtendedActorSystem system, Config _) : this(system) { }

    public override int Identifier => 3;

    public override bool IncludeManifest => false;

    public override byte[] ToBinary(object obj) => throw Refusal();

    public override object FromBinary(byte[] bytes, Type type) => throw Refusal();

    private static SerializationException Refusal() => new("No actor is deployed from another node: each node starts its own.");
}
