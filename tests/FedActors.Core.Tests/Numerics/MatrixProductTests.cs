using System.Runtime.Intrinsics;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace FedActors.Core.Tests.Numerics;

/// <summary>The kernels against MathNet, and each form against the others, bit for bit.</summary>
public unsafe class MatrixProductTests
{
    // Below, at and above the tile of 8 x 32 and the vectors in it; the last is a real layer.
    private static readonly (int M, int N, int K)[] Shapes =
        [(1, 1, 1), (1, 33, 7), (7, 31, 3), (8, 32, 16), (9, 34, 17), (10, 2, 64), (13, 65, 129), (64, 256, 784),
            (40, 16, 36)];

    private static readonly SimdForm[] Forms =
        [.. Enum.GetValues<SimdForm>().Where(form => form <= SimdForms.Best)];

    [Test]
    public void Every_form_is_MathNets_product(
        [ValueSource(nameof(Shapes))] (int M, int N, int K) shape, [Values] bool transposed,
        [Values(0f, 1f, 0.75f)] float beta)
    {
        var (m, n, k) = shape;
        var (a, b, c) = (Made(m * k, 1), Made(k * n, 2), Made(m * n, 3));
        var (left, right) = (Matrix<double>.Build.Dense(m, k, (i, p) => a[transposed ? p * m + i : i * k + p]),
            Matrix<double>.Build.Dense(k, n, (p, j) => b[transposed ? j * k + p : p * n + j]));
        var expected = (left * right + beta * Matrix<double>.Build.Dense(m, n, (i, j) => c[i * n + j]))
            .ToRowMajorArray();
        foreach (var form in Forms)
            Assert.That(Product(shape, a, b, c, transposed, beta, form).Select(x => (double)x),
                Is.EqualTo(expected).Within(k * 1e-6), $"{form}");
    }

    [Test]
    public void All_forms_have_the_same_bits(
        [ValueSource(nameof(Shapes))] (int M, int N, int K) shape, [Values] bool transposed,
        [Values(0f, 0.75f)] float beta)
    {
        var (a, b, c) = (Made(shape.M * shape.K, 4), Made(shape.K * shape.N, 5), Made(shape.M * shape.N, 6));
        var first = Product(shape, a, b, c, transposed, beta, Forms[0]);
        foreach (var form in Forms)
            Assert.That(Bits(Product(shape, a, b, c, transposed, beta, form)), Is.EqualTo(Bits(first)), $"{form}");
    }

    [Test]
    public void Beta_of_zero_does_not_read_what_was_there()
    {
        var poisoned = Enumerable.Repeat(float.NaN, 20).ToArray();
        Assert.That(Product((4, 5, 2), Made(8, 1), Made(10, 2), poisoned, false, 0, SimdForms.Best), Has.None.NaN);
    }

    [Test]
    public void A_perceptron_trains_to_the_same_bits_with_every_form()
    {
        var patients = MadeUpPatients.Of(300, 19);
        var results = Forms.Select(form =>
        {
            var model = new MultilayerPerceptron(19, [33, 6], Activation.Tanh, OutcomeKind.Binary, 2, form);
            var parameters = new double[model.ParameterCount];
            model.Initialize(parameters, 3);
            model.Descend(parameters, new BatchOrder(patients, 50, 1, new int[300]), 40, 0.2, 1e-3);
            return parameters;
        }).ToArray();
        Assert.That(results, Is.All.EqualTo(results[0]));
    }

    [Test]
    public void Tanh_is_within_its_bound_and_never_beyond_one()
    {
        var worst = 0.0;
        for (var i = 0; i < 400_000; i++)
        {
            var x = (float)((i - 200_000) * 6e-5);
            var (actual, exact) = (ActivationKernels.Tanh(Vector512.Create(x))[0], Math.Tanh(x));
            Assert.That(Math.Abs(actual), Is.LessThanOrEqualTo(1));
            worst =
                Math.Max(worst, Math.Abs(actual - exact)
                    / (MathF.BitIncrement((float)Math.Abs(exact)) - (float)Math.Abs(exact)));
        }
        Assert.That(worst, Is.LessThanOrEqualTo(7));
        Assert.That(ActivationKernels.Tanh(Vector512.Create(float.NaN))[0], Is.NaN);
        Assert.That(ActivationKernels.Tanh(Vector512.Create(float.PositiveInfinity))[0], Is.EqualTo(1).Within(1e-6));
    }

    private static float[] Product(
        (int M, int N, int K) shape, float[] a, float[] b, float[] c, bool transposed, float beta, SimdForm form)
    {
        var (m, n, k) = shape;
        var result = c.ToArray();
        var scratch = GC.AllocateUninitializedArray<float>(MatrixProduct.ScratchLength(k) + 16, pinned: true);
        fixed (float* pa = a, pb = b, pc = result, ps = scratch)
        {
            var (left, right) = transposed
                ? (new MatrixView(pa, m, 1).Transposed, new MatrixView(pb, k, 1).Transposed)
                : (new MatrixView(pa, k, 1), new MatrixView(pb, n, 1));
            MatrixProduct.Run(m, n, k, left, right, pc, n, beta, (float*)(((nuint)ps + 63) & ~(nuint)63), form);
        }
        return result;
    }

    private static float[] Made(int count, ulong seed) =>
        [.. MadeUpPatients.Normals(new SplitMix64(seed), count).Select(x => (float)x)];

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];
}
