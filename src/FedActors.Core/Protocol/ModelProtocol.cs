using FedActors.Core.Identity;

namespace FedActors.Core.Protocol;

/// <summary>
/// Hospital ↔ hub: a model by its hash, from wherever the hospital's copy ends: also after a cut.
/// <code>
///   hospital                                hub
///      │ ── ModelWanted ─────────────────────▶ │   from an offset
///      │ ◀────────────────────── ModelChunk ── │   ×n    a small model, in as many pieces as were asked for
///      │ ◀─────────────────── ModelStreamed ── │   a large one: on a connection of its own
///      │ ◀──────────────────── ModelMissing ── │   or none
/// </code>
/// </summary>
public static class ModelProtocol
{
    /// <summary>Up to here a model comes over the line; a longer one, where both sides can, as a stream.</summary>
    public const int LineBytes = 32 * RoundProtocol.ChunkBytes;

    /// <summary>Hospital → hub. Send the model's bytes from <paramref name="FromOffset"/> on, at most
    /// <paramref name="Credit"/> chunks.</summary>
    /// <param name="ByStream">Whether this hospital would fetch them beside the line. Null: it knows of no
    /// streams.</param>
    public sealed record ModelWanted(Digest Model, long FromOffset, int Credit, bool? ByStream = null) : IWireMessage;

    /// <summary>Hub → hospital. A piece; the whole is worth what its SHA-256 says.</summary>
    /// <param name="Total">Bytes of the whole model.</param>
    /// <param name="Bytes">At most <see cref="RoundProtocol.ChunkBytes"/>.</param>
    public sealed record ModelChunk(Digest Model, long Offset, long Total, ByteString Bytes) : IWireMessage;

    /// <summary>Hub → hospital. Fetch the rest at this port of the hub: <see cref="Links.ModelRequest"/>.</summary>
    /// <param name="Total">Bytes of the whole model.</param>
    public sealed record ModelStreamed(Digest Model, long Total, int Port) : IWireMessage;

    /// <summary>Hub → hospital. The hub does not hold this model, or not any more, or offered this hospital
    /// another.</summary>
    public sealed record ModelMissing(Digest Model) : IWireMessage;
}
