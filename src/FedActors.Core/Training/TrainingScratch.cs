using FedActors.Core.Privacy;

namespace FedActors.Core.Training;

/// <summary>
/// The buffers one worker trains with, used again for hospital after hospital: they grow to the largest need and stay.
/// Never shared by two threads at once.
/// </summary>
public sealed class TrainingScratch
{
    private double[] _parameters = [];
    private double[] _gradient = [];
    private double[] _start = [];
    private double[] _moved = [];
    private double[] _drift = [];
    private int[] _order = [];
    private int[] _rows = [];
    private double[] _sum = [];
    private long[] _released = [];
    private PoissonSampling? _sampling;

    internal Span<double> Parameters(int length) => Grown(ref _parameters, length);

    internal Span<double> Gradient(int length) => Grown(ref _gradient, length);

    internal Span<double> Start(int length) => Grown(ref _start, length);

    internal Span<double> Moved(int length) => Grown(ref _moved, length);

    internal Span<double> Drift(int length) => Grown(ref _drift, length);

    internal Span<int> Order(int length) => Grown(ref _order, length);

    internal Span<int> Rows(int length) => Grown(ref _rows, length);

    internal Span<double> Sum(int length) => Grown(ref _sum, length);

    internal Span<long> Released(int length) => Grown(ref _released, length);

    /// <summary>How patients are drawn at this rate.</summary>
    internal PoissonSampling Sampling(double rate) =>
        _sampling?.Rate == rate ? _sampling : _sampling = new PoissonSampling(rate);

    private static Span<T> Grown<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length)
            buffer = new T[length];
        return buffer.AsSpan(0, length);
    }
}
