using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace FedActors.Core.Aggregation;

/// <summary>
/// Brings the next stretch of every update into the second-level cache, a little at each step of the work on this one,
/// so that memory is read while the processor computes. Only hints: without effect on any result.
/// </summary>
internal struct StretchAhead
{
    // Coordinates of a line of 64 bytes.
    private const int Line = 16;

    private readonly SingleUpdates _updates;
    private readonly int _at;
    private readonly int _lines;
    private readonly int _linesAStep;
    private int _update;
    private int _next;

    /// <param name="at">Where the stretch begins in the window that is loaded; from its end on there is none.</param>
    /// <param name="size">Coordinates of it, at most those of the window.</param>
    /// <param name="steps">In how many steps it is wanted, at least 1.</param>
    public StretchAhead(SingleUpdates updates, int at, int size, int steps)
    {
        (_updates, _at) = (updates, at);
        _lines = (Math.Clamp(updates.Row(0).Length - at, 0, size) + Line - 1) / Line;
        _linesAStep = (_lines * updates.Count + steps - 1) / steps;
    }

    /// <summary>Asks for the next lines.</summary>
    public unsafe void Step()
    {
        if (!Sse.IsSupported || _lines == 0)
            return;
        var left = _linesAStep;
        while (left > 0 && _update < _updates.Count)
        {
            // An address that the collector has made stale meanwhile asks for the wrong line, and for nothing worse.
            var row = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_updates.Row(_update))) + _at;
            for (; left > 0 && _next < _lines; left--)
                Sse.Prefetch1(row + Line * _next++);
            if (_next == _lines)
                (_update, _next) = (_update + 1, 0);
        }
    }
}
