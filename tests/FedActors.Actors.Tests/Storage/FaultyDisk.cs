namespace FedActors.Actors.Tests.Storage;

/// <summary>
/// A disk that holds what was flushed, and perhaps a part of what was only written; and that fails at a given byte,
/// either for once (it was full) or for good (the process was killed there).
/// </summary>
internal sealed class FaultyDisk : MemoryStream
{
    private long _written;
    private bool _isDead;

    public FaultyDisk(byte[]? content = null)
    {
        if (content is not null)
            base.Write(content, 0, content.Length);
        Flushed = content ?? [];
    }

    /// <summary>The byte, counted over all writes, that is not written any more; the flush behind the last one counts
    /// as a byte.</summary>
    public long FailsAt { get; set; } = long.MaxValue;

    /// <summary>Whether nothing works any more after the failure.</summary>
    public bool IsKilled { get; set; }

    /// <summary>Whether flushing fails.</summary>
    public bool FlushFails { get; set; }

    /// <summary>Whether taking back fails.</summary>
    public bool CutFails { get; set; }

    /// <summary>What a power failure leaves.</summary>
    public byte[] Flushed { get; private set; }

    /// <summary>Bytes written so far.</summary>
    public long Written => _written;

    public void FlushToDisk()
    {
        Step(1);
        if (FlushFails)
            throw new IOException("I/O error");
        Flushed = ToArray();
    }

    // A memory stream's own Write of a span comes back to the one of an array.
    public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);

    public override void Write(byte[] buffer, int offset, int count)
    {
        if (!_isDead)
            base.Write(buffer, offset, (int)Math.Clamp(FailsAt - _written, 0, count));
        Step(count);
    }

    public override void SetLength(long value)
    {
        Step(0);
        if (CutFails)
            throw new IOException("I/O error");
        base.SetLength(value);
    }

    private void Step(long bytes)
    {
        var before = _written;
        _written += bytes;
        if (_isDead || (before < FailsAt && _written >= FailsAt && bytes > 0))
        {
            _isDead = IsKilled;
            throw new IOException("No space left on device");
        }
    }
}
