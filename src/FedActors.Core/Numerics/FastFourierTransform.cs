//  Discrete Fourier transform of a power-of-two length
//      Iterative radix 2, decimation in time, twiddles from a table of correctly rounded sines and cosines.
//  Source:   Cooley, Tukey, Math. Comp. 19 (1965); error: Higham, Accuracy and Stability, 2nd ed., 24.1.
//  Size:     in place, n complex numbers; twiddles n/2.
//  Error:    each output within ErrorPerStage * log2(n) times the sum of the absolute values of all inputs.

using System.Numerics;

namespace FedActors.Core.Numerics;

/// <summary>Transforms arrays of one length, a power of two.</summary>
public sealed class FastFourierTransform
{
    /// <summary>
    /// Rounding of one stage, relative to the sum of absolute inputs: a twiddle within u, a complex product within
    /// sqrt(5) u, an addition within u, for u = 2^-53; 8 u bounds their sum with room.
    /// </summary>
    public const double ErrorPerStage = 8 * 1.1102230246251565e-16;

    private readonly Complex[] _twiddles;

    /// <param name="length">A power of two, at least 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not a power of two, or below 2.</exception>
    public FastFourierTransform(int length)
    {
        if (length < 2 || !BitOperations.IsPow2(length))
            throw new ArgumentOutOfRangeException(nameof(length), length,
                "A transform's length is a power of two, at least 2.");
        Length = length;
        _twiddles = new Complex[length / 2];
        for (var k = 0; k < _twiddles.Length; k++)
            _twiddles[k] = new Complex(Math.Cos(2 * Math.PI * k / length), -Math.Sin(2 * Math.PI * k / length));
    }

    public int Length { get; }

    /// <summary>The bound on any output's error, as a share of the sum of the absolute values of the inputs.</summary>
    public double Error => ErrorPerStage * BitOperations.Log2((uint)Length);

    /// <summary>X[k] = sum over j of x[j] exp(-2 pi i j k / n), in place.</summary>
    /// <exception cref="ArgumentException">Not of this transform's length.</exception>
    public void Forward(Span<Complex> values)
    {
        if (values.Length != Length)
            throw new ArgumentException($"{values.Length} values for a transform of {Length}.", nameof(values));
        Permute(values);
        for (var half = 1; half < Length; half *= 2)
        {
            var stride = Length / (2 * half);
            for (var start = 0; start < Length; start += 2 * half)
                for (int j = start, k = 0; j < start + half; j++, k += stride)
                {
                    var (x, y, w) = (values[j], values[j + half], _twiddles[k]);
                    var turned = new Complex(
                        y.Real * w.Real - y.Imaginary * w.Imaginary, y.Real * w.Imaginary + y.Imaginary * w.Real);
                    values[j] = x + turned;
                    values[j + half] = x - turned;
                }
        }
    }

    /// <summary>The inverse: x[j] = (1/n) sum over k of X[k] exp(+2 pi i j k / n), in place.</summary>
    /// <exception cref="ArgumentException">Not of this transform's length.</exception>
    public void Inverse(Span<Complex> values)
    {
        Forward(values);
        values[1..].Reverse();
        foreach (ref var value in values)
            value /= Length;
    }

    private static void Permute(Span<Complex> values)
    {
        for (int i = 1, j = 0; i < values.Length; i++)
        {
            var bit = values.Length >> 1;
            for (; (j & bit) != 0; bit >>= 1)
                j ^= bit;
            j |= bit;
            if (i < j)
                (values[i], values[j]) = (values[j], values[i]);
        }
    }
}
