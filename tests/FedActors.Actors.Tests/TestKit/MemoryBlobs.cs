using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Actors.Storage;
using FedActors.Core.Identity;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>Answers like a <see cref="BlobStore"/>, from a dictionary that outlives the actors and that a test may
/// spoil.</summary>
public sealed class MemoryBlobs : ReceiveActor
{
    public MemoryBlobs(ConcurrentDictionary<Digest, ImmutableArray<byte>> blobs)
    {
        Receive<BlobStore.Put>(put =>
        {
            blobs[put.Name] = put.Bytes;
            Sender.Tell(new BlobStore.Stored(put.Name));
        });
        Receive<BlobStore.Get>(get => Sender.Tell(blobs.TryGetValue(get.Name, out var bytes)
            ? new BlobStore.Found(get.Name, bytes)
            : new BlobStore.Missing(get.Name)));
        Receive<BlobStore.Remove>(remove => blobs.TryRemove(remove.Name, out _));
    }
}
