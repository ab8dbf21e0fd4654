using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>
/// The randomness of one charge, over all its steps: exact discrete Gaussians, and words to draw patients by. Keyed
/// from the operating system's generator when it is made; wiped in the end. For one thread.
/// </summary>
internal sealed class NoiseStream : IDisposable
{
    private const int Most = 8 * GaussianBlock.Size;

    private readonly DiscreteGaussian _gaussian;
    private readonly CounterSource _source;
    private readonly long[] _noise;
    private int _next;

    /// <param name="expected">About how many Gaussians a step takes; sets the sizes of buffers.</param>
    public NoiseStream(DiscreteGaussian gaussian, IRandomSource random, int expected)
    {
        _gaussian = gaussian;
        _source = new CounterSource(random);
        Words = new RandomWords(_source, expected);
        var whole = (expected + GaussianBlock.Size - 1) & -GaussianBlock.Size;
        _noise = new long[Math.Clamp(whole, GaussianBlock.Size, Most)];
        _next = _noise.Length;
    }

    /// <summary>Fair bits.</summary>
    public RandomWords Words { get; }

    /// <summary>Independent draws: at least one, at most so many. Valid until the next call.</summary>
    /// <param name="count">At least 1.</param>
    public ReadOnlySpan<long> Next(int count)
    {
        if (_next == _noise.Length)
        {
            _gaussian.Fill(Words, _noise);
            _next = 0;
        }
        var given = _noise.AsSpan(_next, Math.Min(count, _noise.Length - _next));
        _next += given.Length;
        return given;
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_noise.AsSpan()));
        Words.Dispose();
        _source.Dispose();
    }
}
