namespace FedActors.Core.Models;

/// <summary>
/// The memory one thread computes a multilayer perceptron in: single precision, at a multiple of 64 bytes, grown to the
/// largest need and kept, so that a step allocates nothing. What it holds means nothing between two calls.
/// </summary>
internal sealed unsafe class MlpArena
{
    private const int Alignment = 64 / sizeof(float);

    [ThreadStatic] private static MlpArena? _own;

    private float[] _memory = [];

    /// <summary>The calling thread's.</summary>
    public static MlpArena OfThisThread => _own ??= new MlpArena();

    /// <summary>Room for so many floats. Valid until the next call on this thread.</summary>
    public float* Reserve(long count)
    {
        if (_memory.Length < count + Alignment)
            _memory = GC.AllocateUninitializedArray<float>(checked((int)(count + Alignment)), pinned: true);
        // Pinned: its address never changes.
        fixed (float* start = _memory)
            return (float*)(((nuint)start + 63) & ~(nuint)63);
    }
}
