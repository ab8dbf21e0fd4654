using FedActors.Core.Identity;

namespace FedActors.Core.Protocol;

/// <summary>
/// Hospital ↔ hub: a model by its hash, in pieces that the hospital asks for.
/// <code>
///   hospital                                hub
///      │ ── ModelWanted ─────────────────────▶ │   from an offset, so many pieces: also after a cut
///      │ ◀────────────────────── ModelChunk ── │   ×n    or ModelMissing
/// </code>
/// </summary>
public static class ModelProtocol
{
    /// <summary>Hospital → hub. Send the model's bytes from <paramref name="FromOffset"/> on, at most
    /// <paramref name="Credit"/> chunks.</summary>
    public sealed record ModelWanted(Digest Model, long FromOffset, int Credit) : IWireMessage;

    /// <summary>Hub → hospital. A piece; the whole is worth what its SHA-256 says.</summary>
    /// <param name="Total">Bytes of the whole model.</param>
    /// <param name="Bytes">At most <see cref="RoundProtocol.ChunkBytes"/>.</param>
    public sealed record ModelChunk(Digest Model, long Offset, long Total, ByteString Bytes) : IWireMessage;

    /// <summary>Hub → hospital. The hub does not hold this model, or not any more.</summary>
    public sealed record ModelMissing(Digest Model) : IWireMessage;
}
