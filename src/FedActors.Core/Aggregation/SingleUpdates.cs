using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace FedActors.Core.Aggregation;

/// <summary>
/// The single updates of a round, as only plain sums can offer them: n vectors of d binary32 numbers, all finite, read
/// a window of coordinates at a time. Where they lie in memory the window is all of them; where they lie in a stream it
/// is a stretch of each. Not for several threads.
/// </summary>
public sealed class SingleUpdates
{
    // Coordinates of a window read from a stream: of 100 updates it takes 26 MB.
    internal const int StreamWindow = 1 << 16;

    private readonly IReadOnlyList<ReadOnlyMemory<float>>? _vectors;
    private readonly Stream? _stream;
    private readonly float[] _buffer = [];
    private readonly ImmutableArray<long> _places;
    private int _offset;
    private int _loaded;

    /// <param name="vectors">All of one length, at least one.</param>
    /// <exception cref="ArgumentException">None, or lengths that differ.</exception>
    public SingleUpdates(IReadOnlyList<ReadOnlyMemory<float>> vectors)
    {
        if (vectors.Count == 0 || vectors.Any(vector => vector.Length != vectors[0].Length))
            throw new ArgumentException("Updates to compare must be there and have one length.", nameof(vectors));
        (_vectors, Count, Length) = (vectors, vectors.Count, vectors[0].Length);
        Window = Length;
    }

    /// <param name="stream">Must be able to seek. Stays the caller's.</param>
    /// <param name="places">Where in the stream each update begins, little-endian; at least one.</param>
    /// <param name="length">d.</param>
    public SingleUpdates(Stream stream, ImmutableArray<long> places, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(places.Length, 1);
        (_stream, _places, Count, Length) = (stream, places, places.Length, length);
        Window = Math.Min(length, StreamWindow);
        _buffer = new float[(long)Count * Window];
    }

    /// <summary>n.</summary>
    public int Count { get; }

    /// <summary>d.</summary>
    public int Length { get; }

    /// <summary>Coordinates that <see cref="Load"/> takes at most.</summary>
    public int Window { get; }

    /// <summary>Makes a stretch of every update readable by <see cref="Row"/>.</summary>
    public void Load(int offset, int length)
    {
        (_offset, _loaded) = (offset, length);
        if (_stream is null)
            return;
        for (var update = 0; update < Count; update++)
            Read(update, offset, _buffer.AsSpan(update * Window, length));
    }

    /// <summary>One update's part of the stretch that was loaded last.</summary>
    public ReadOnlySpan<float> Row(int update) => _vectors is not null
        ? _vectors[update].Span.Slice(_offset, _loaded)
        : _buffer.AsSpan(update * Window, _loaded);

    /// <summary>A stretch of one update alone.</summary>
    public void Read(int update, int offset, Span<float> to)
    {
        if (_vectors is not null)
        {
            _vectors[update].Span.Slice(offset, to.Length).CopyTo(to);
            return;
        }
        _stream!.Position = _places[update] + sizeof(float) * (long)offset;
        _stream.ReadExactly(MemoryMarshal.AsBytes(to));
    }
}
