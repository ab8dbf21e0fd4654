//  Activations in single precision
//      tanh as an odd rational function, x P(x²) / Q(x²), beyond ±7.90531 its value there.
//  Source:   minimax coefficients as in Eigen's generic tanh (MathFunctionsImpl.h), degree 13 over 6.
//  Error:    at most 7 units in the last place of the result; |tanh| <= 1.
//  Repeats:  one element at a time by multiplications, divisions and fused multiply-adds, each rounded once: vectors of
//            any width
//            and plain code have the same bits, so the compiler may lower these to whatever the machine has.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Models;

namespace FedActors.Core.Numerics;

/// <summary>What happens between two matrix products. Rows are padded to whole vectors; the padding is computed and
/// means nothing.</summary>
internal static unsafe class ActivationKernels
{
    public const int Lanes = 16;

    private const float LeastNormal = 1.17549435e-38f;

    private const float Largest = 7.90531110763549805f;

    /// <summary>The next multiple of <see cref="Lanes"/>.</summary>
    public static int Padded(int count) => (count + Lanes - 1) & -Lanes;

    /// <summary>z = f(z + bias), row by row.</summary>
    /// <param name="activation">Null for none.</param>
    public static void Activate(float* z, float* bias, int rows, int stride, Activation? activation)
    {
        for (var i = 0; i < rows; i++, z += stride)
        {
            for (var j = 0; j < stride; j += Lanes)
            {
                var score = Vector512.Load(z + j) + Vector512.Load(bias + j);
                var answer = activation switch
                {
                    Activation.Tanh => Tanh(score),
                    Activation.Relu => Vector512.Max(score, Vector512<float>.Zero),
                    _ => score,
                };
                answer.Store(z + j);
            }
        }
    }

    /// <summary>delta = delta f'(z), where <paramref name="answers"/> = f(z): 1 - answer² or, for relu, whether it is
    /// above 0.</summary>
    public static void Derive(float* delta, float* answers, int count, Activation activation)
    {
        for (var j = 0; j < count; j += Lanes)
        {
            var (d, a) = (Vector512.Load(delta + j), Vector512.Load(answers + j));
            var slope = activation == Activation.Tanh
                ? Vector512.FusedMultiplyAdd(-a, a, Vector512<float>.One)
                : Vector512.ConditionalSelect(
                    Vector512.GreaterThan(a, Vector512<float>.Zero), Vector512<float>.One, Vector512<float>.Zero);
            (d * slope).Store(delta + j);
        }
    }

    /// <summary>
    /// row = row * factor with the last bit of each number set, and 0 where no normal number is left: so that no
    /// product with such a number lies half-way between two units of an exact sum (Privacy/ExactSums.md).
    /// </summary>
    public static void ScaleToOdd(float* row, int stride, float factor)
    {
        for (var j = 0; j < stride; j += Lanes)
        {
            var scaled = Vector512.Load(row + j) * factor;
            var isNormal = Vector512.GreaterThanOrEqual(Vector512.Abs(scaled), Vector512.Create(LeastNormal));
            ((scaled.AsInt32() | Vector512<int>.One).AsSingle() & isNormal).Store(row + j);
        }
    }

    /// <summary>sums = beta sums + the sum of the rows, from the first to the last.</summary>
    /// <param name="start">What a sum starts from; it is taken off again at the end.</param>
    public static void AddRows(float* rows, int count, int stride, float* sums, float beta, float start = 0)
    {
        for (var j = 0; j < stride; j += Lanes)
        {
            var sum = beta == 0 ? Vector512.Create(start) : Vector512.Load(sums + j) * beta + Vector512.Create(start);
            for (var i = 0; i < count; i++)
                sum += Vector512.Load(rows + (nint)i * stride + j);
            (sum - Vector512.Create(start)).Store(sums + j);
        }
    }

    /// <summary>sums += values, in double precision.</summary>
    public static void AddTo(ref double sums, float* values, int count)
    {
        var j = 0;
        for (; j <= count - EightLanes.Count; j += EightLanes.Count)
        {
            var wide = EightLanes.Widen(Vector256.Load(values + j));
            (Vector512.LoadUnsafe(ref sums, (nuint)j) + wide).StoreUnsafe(ref sums, (nuint)j);
        }
        for (; j < count; j++)
            Unsafe.Add(ref sums, j) += values[j];
    }

    /// <summary>weights = keep weights - rate gradient.</summary>
    public static void Descend(float* weights, float* gradient, int count, float keep, float rate)
    {
        for (var j = 0; j < count; j += Lanes)
            Vector512.FusedMultiplyAdd(Vector512.Load(gradient + j), Vector512.Create(-rate),
                Vector512.Load(weights + j) * keep).Store(weights + j);
    }

    /// <summary>Squared length of a row, summed in double precision over eight lanes.</summary>
    public static double SquaredNorm(float* row, int count)
    {
        var sum = Vector512<double>.Zero;
        var j = 0;
        for (; j <= count - EightLanes.Count; j += EightLanes.Count)
        {
            var x = EightLanes.Widen(Vector256.Load(row + j));
            sum = Vector512.FusedMultiplyAdd(x, x, sum);
        }
        var total = EightLanes.Total(sum);
        for (; j < count; j++)
            total = Math.FusedMultiplyAdd((double)row[j], row[j], total);
        return total;
    }

    /// <summary>tanh of each lane; NaN of NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> score)
    {
        // A comparison with NaN is false, so NaN passes both.
        var x =
            Vector512.ConditionalSelect(Vector512.GreaterThan(score, Vector512.Create(Largest)),
                Vector512.Create(Largest), score);
        x =
            Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-Largest)), Vector512.Create(-Largest),
                x);
        var square = x * x;
        var p =
            Vector512.FusedMultiplyAdd(square, Vector512.Create(-2.76076847742355e-16f),
                Vector512.Create(2.00018790482477e-13f));
        p = Vector512.FusedMultiplyAdd(square, p, Vector512.Create(-8.60467152213735e-11f));
        p = Vector512.FusedMultiplyAdd(square, p, Vector512.Create(5.12229709037114e-08f));
        p = Vector512.FusedMultiplyAdd(square, p, Vector512.Create(1.48572235717979e-05f));
        p = Vector512.FusedMultiplyAdd(square, p, Vector512.Create(6.37261928875436e-04f));
        p = Vector512.FusedMultiplyAdd(square, p, Vector512.Create(4.89352455891786e-03f));
        var q =
            Vector512.FusedMultiplyAdd(square, Vector512.Create(1.19825839466702e-06f),
                Vector512.Create(1.18534705686654e-04f));
        q = Vector512.FusedMultiplyAdd(square, q, Vector512.Create(2.26843463243900e-03f));
        q = Vector512.FusedMultiplyAdd(square, q, Vector512.Create(4.89352518554385e-03f));
        return x * p / q;
    }
}
