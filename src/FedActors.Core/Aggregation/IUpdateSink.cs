using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Aggregation;

/// <summary>Where whole updates of a round go: into one running sum, or beside one another for a robust rule.</summary>
public interface IUpdateSink
{
    /// <summary>Length that every update must have.</summary>
    int UpdateBytes { get; }

    /// <summary>Takes a whole update of that length, once a hospital.</summary>
    /// <returns>Null, or what is wrong with it: then nothing of it was taken.</returns>
    string? Take(HospitalId hospital, ReadOnlySpan<byte> update);

    /// <summary>What has been made of the updates taken so far. Not copied: it changes with the next one
    /// taken.</summary>
    ImmutableArray<byte> Total { get; }
}
