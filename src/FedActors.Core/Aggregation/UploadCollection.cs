using System.Buffers;
using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;

namespace FedActors.Core.Aggregation;

/// <summary>
/// Gathers encoded updates, piece by piece, into one running sum or for a robust rule. An update counts when all its
/// bytes are there and their SHA-256 is the announced one, which only an update of a single piece may leave out; until
/// then nothing of it is taken. Holds the unfinished updates, never the finished ones. Not thread-safe: one actor owns
/// it.
/// </summary>
public sealed class UploadCollection
{
    private readonly Dictionary<HospitalId, Upload> _uploads;
    private readonly IUpdateSink _sink;
    private int _open;

    /// <param name="ringBits">32 or 64.</param>
    /// <param name="bytes">Length that every update must have.</param>
    /// <param name="cohort">Whose updates are expected.</param>
    public UploadCollection(int ringBits, int bytes, IReadOnlyCollection<HospitalId> cohort)
        : this(new ModularSum(ringBits, bytes), cohort) { }

    /// <param name="sink">Where finished updates go.</param>
    /// <param name="cohort">Whose updates are expected.</param>
    public UploadCollection(IUpdateSink sink, IReadOnlyCollection<HospitalId> cohort)
    {
        _sink = sink;
        _uploads = new Dictionary<HospitalId, Upload>(cohort.Count);
        foreach (var hospital in cohort)
            _uploads.Add(hospital, new Upload());
        _open = _uploads.Count;
    }

    /// <summary>True when every hospital of the cohort has either finished or been given up.</summary>
    public bool IsSettled => _open == 0;

    /// <summary>Whose updates are in the sum, sorted.</summary>
    public IEnumerable<HospitalId> Complete =>
        _uploads.Where(pair => pair.Value.State == State.Complete).Select(pair => pair.Key).Order();

    /// <summary>True while this hospital's update may still come.</summary>
    public bool Expects(HospitalId hospital) =>
        _uploads.TryGetValue(hospital, out var upload) && upload.State == State.Expected;

    /// <summary>The running sum, or what the rule makes of the updates. Not copied: it changes with the next update
    /// that is finished.</summary>
    public ImmutableArray<byte> Sum => _sink.Total;

    /// <summary>Payload received and kept.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>Takes one piece of an update.</summary>
    public UploadStep Accept(RoundProtocol.UpdateChunk chunk)
    {
        if (!_uploads.TryGetValue(chunk.Hospital, out var upload))
            return new UploadStep.Refused($"{chunk.Hospital} was not invited.");
        if (upload.State != State.Expected)
            return UploadStep.Ignored.Instance;
        var bytes = chunk.Bytes.Span;
        if (chunk.Total != _sink.UpdateBytes)
            return GiveUp(upload, $"The update has {chunk.Total} bytes, {_sink.UpdateBytes} were agreed.");
        if (bytes.Length is 0 or > RoundProtocol.ChunkBytes || chunk.Offset < 0
            || chunk.Offset + bytes.Length > chunk.Total)
            return GiveUp(upload, $"A piece of {bytes.Length} bytes at {chunk.Offset} does not fit.");
        if (chunk.Offset != upload.Received)
            return UploadStep.Ignored.Instance;
        if (bytes.Length == chunk.Total)
            return Finish(chunk.Hospital, upload, bytes, chunk.Content);
        upload.Buffer ??= ArrayPool<byte>.Shared.Rent((int)chunk.Total);
        bytes.CopyTo(upload.Buffer.AsSpan((int)chunk.Offset));
        upload.Received += bytes.Length;
        return upload.Received == chunk.Total
            ? Finish(chunk.Hospital, upload, upload.Buffer.AsSpan(0, (int)chunk.Total), chunk.Content)
            : new UploadStep.Continues(upload.Received);
    }

    /// <summary>No update of this hospital will come. False where it was finished or given up before.</summary>
    public bool GiveUp(HospitalId hospital)
    {
        if (!_uploads.TryGetValue(hospital, out var upload) || upload.State != State.Expected)
            return false;
        Close(upload, State.GivenUp);
        return true;
    }

    private UploadStep Finish(HospitalId hospital, Upload upload, ReadOnlySpan<byte> update, Digest announced)
    {
        var isOnePiece = upload.Received == 0;
        if ((announced != default || !isOnePiece) && Digest.Of(update) != announced)
            return GiveUp(upload, "The update's bytes are not those that were announced.");
        if (_sink.Take(hospital, update) is { } fault)
            return GiveUp(upload, fault);
        BytesReceived += update.Length;
        Close(upload, State.Complete);
        return UploadStep.Completed.Instance;
    }

    private UploadStep.Refused GiveUp(Upload upload, string reason)
    {
        Close(upload, State.GivenUp);
        return new UploadStep.Refused(reason);
    }

    private void Close(Upload upload, State state)
    {
        if (upload.Buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        (upload.State, upload.Buffer) = (state, null);
        _open--;
    }

    private enum State { Expected, Complete, GivenUp }

    private sealed class Upload
    {
        public State State { get; set; }

        public long Received { get; set; }

        public byte[]? Buffer { get; set; }
    }
}

/// <summary>What a piece of an update led to.</summary>
public abstract record UploadStep
{
    private UploadStep() { }

    /// <summary>More is to come, from this offset on.</summary>
    public sealed record Continues(long NextOffset) : UploadStep;

    /// <summary>The update is in the sum.</summary>
    public sealed record Completed : UploadStep
    {
        /// <summary>The only one.</summary>
        public static Completed Instance { get; } = new();
    }

    /// <summary>Repeated, out of order or late: changed nothing.</summary>
    public sealed record Ignored : UploadStep
    {
        /// <summary>The only one.</summary>
        public static Ignored Instance { get; } = new();
    }

    /// <summary>Not what the protocol asks for: the hospital is out of this attempt.</summary>
    public sealed record Refused(string Reason) : UploadStep;
}
