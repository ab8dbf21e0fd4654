using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Numerics;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace FedActors.Simulation.Benchmarks;

/// <summary>One product of matrices, (M × K) times (K × N), in single precision on one thread.</summary>
/// <param name="Gflops">1,000,000,000 additions and multiplications a second of CPU; a fused one is two.</param>
/// <param name="ShareOfPeak">Of the speed at which this thread does fused multiply-adds and nothing else.</param>
/// <param name="TimesMathNet">How often as fast as MathNet's managed product of the same matrices.</param>
public sealed record ProductFigure(int M, int N, int K, double Gflops, double ShareOfPeak, double TimesMathNet);

/// <summary>The matrix product beside the machine's peak and beside MathNet, measured in turn in one process.</summary>
public static unsafe class ProductBench
{
    private const int PeakRounds = 200_000;
    private const int Accumulators = 16;

    /// <summary>A batch of 64 or 128 through a layer of 784 × 256, and a square layer.</summary>
    private static readonly ImmutableArray<(int M, int N, int K)> Sizes =
        [(64, 256, 784), (128, 256, 784), (256, 1024, 1024)];

    /// <returns>Peak of fused multiply-adds, in 1,000,000,000 operations a second of CPU, and the products.</returns>
    public static (double PeakGflops, ImmutableArray<ProductFigure> Products) Run()
    {
        Control.UseSingleThread();
        var figures = ImmutableArray.CreateBuilder<ProductFigure>();
        var peak = 0.0;
        foreach (var (m, n, k) in Sizes)
        {
            var (a, b) = (MadeUp(m * k, 1), MadeUp(k * n, 2));
            var result = new float[m * n];
            var left = Matrix<float>.Build.Dense(m, k, (i, p) => a[i * k + p]);
            var right = Matrix<float>.Build.Dense(k, n, (p, j) => b[p * n + j]);
            var product = Matrix<float>.Build.Dense(m, n);
            var scratch = GC.AllocateUninitializedArray<float>(MatrixProduct.ScratchLength(k) + 16, pinned: true);
            var operations = 2.0 * m * n * k;
            var repeats = (int)Math.Ceiling(1e9 / operations);
            var times = ThreadCpuClock.Medians(
                Peak,
                () =>
                {
                    fixed (float* pa = a, pb = b, pc = result, ps = scratch)
                    {
                        for (var r = 0; r < repeats; r++)
                            MatrixProduct.Run(m, n, k, new MatrixView(pa, k, 1), new MatrixView(pb, n, 1), pc, n, 0,
                                (float*)(((nuint)ps + 63) & ~(nuint)63), SimdForms.Best);
                    }
                },
                () => left.Multiply(right, product));
            if (Math.Abs(product[m - 1, n - 1] - result[^1]) > 1e-6 * k)
                throw new InvalidOperationException("The two products differ.");
            peak = Math.Max(peak, PeakOperations / times[0] / 1e6);
            var gflops = operations * repeats / times[1] / 1e6;
            figures.Add(new ProductFigure(
                m, n, k, Math.Round(gflops, 1), Math.Round(gflops / (PeakOperations / times[0] / 1e6), 3),
                Math.Round(gflops / (operations / times[2] / 1e6), 1)));
        }
        return (Math.Round(peak, 1), figures.ToImmutable());
    }

    private static double PeakOperations => 2.0 * PeakRounds * Accumulators * SimdForms.Best switch
    {
        SimdForm.Vector512 => Vector512<float>.Count,
        SimdForm.Vector256 => Vector256<float>.Count,
        _ => 1,
    };

    private static void Peak()
    {
        // The sums are looked at, so that no compiler leaves them out.
        var sum = SimdForms.Best switch
        {
            SimdForm.Vector512 => Peak512(),
            SimdForm.Vector256 => Peak256(),
            _ => PeakPortable(),
        };
        if (float.IsNaN(sum))
            throw new InvalidOperationException("A sum of ones is not a number.");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Peak512()
    {
        var (x, y) = (Vector512.Create(0.999f), Vector512.Create(0.001f));
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x;
        Vector512<float> i = x, j = x, k = x, l = x, m = x, n = x, o = x, p = x;
        for (var r = 0; r < PeakRounds; r++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
            m = Vector512.FusedMultiplyAdd(m, x, y);
            n = Vector512.FusedMultiplyAdd(n, x, y);
            o = Vector512.FusedMultiplyAdd(o, x, y);
            p = Vector512.FusedMultiplyAdd(p, x, y);
        }
        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p);
    }

    // Eight accumulators fill the latency of two units and leave registers; twice the rounds make the same count.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Peak256()
    {
        var (x, y) = (Vector256.Create(0.999f), Vector256.Create(0.001f));
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x;
        for (var r = 0; r < PeakRounds * Accumulators / 8; r++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, y);
            b = Vector256.FusedMultiplyAdd(b, x, y);
            c = Vector256.FusedMultiplyAdd(c, x, y);
            d = Vector256.FusedMultiplyAdd(d, x, y);
            e = Vector256.FusedMultiplyAdd(e, x, y);
            f = Vector256.FusedMultiplyAdd(f, x, y);
            g = Vector256.FusedMultiplyAdd(g, x, y);
            h = Vector256.FusedMultiplyAdd(h, x, y);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float PeakPortable()
    {
        const float X = 0.999f, Y = 0.001f;
        float a = X, b = X, c = X, d = X, e = X, f = X, g = X, h = X;
        for (var r = 0; r < PeakRounds * Accumulators / 8; r++)
        {
            a = MathF.FusedMultiplyAdd(a, X, Y);
            b = MathF.FusedMultiplyAdd(b, X, Y);
            c = MathF.FusedMultiplyAdd(c, X, Y);
            d = MathF.FusedMultiplyAdd(d, X, Y);
            e = MathF.FusedMultiplyAdd(e, X, Y);
            f = MathF.FusedMultiplyAdd(f, X, Y);
            g = MathF.FusedMultiplyAdd(g, X, Y);
            h = MathF.FusedMultiplyAdd(h, X, Y);
        }
        return a + b + c + d + e + f + g + h;
    }

    private static float[] MadeUp(int count, ulong seed)
    {
        var random = new SplitMix64(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextUniform() - 1))];
    }
}
