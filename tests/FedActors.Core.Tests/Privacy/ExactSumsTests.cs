using CsCheck;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

/// <summary>One patient moves a sum in single precision by its own clipped gradient and nothing else:
/// ExactSums.md.</summary>
public unsafe class ExactSumsTests
{
    private static readonly SimdForm[] Forms = [.. Enum.GetValues<SimdForm>().Where(form => form <= SimdForms.Best)];

    // Numbers whose products lie on, between and half-way between the units of a sum.
    private static readonly Gen<float> Awkward = Gen.OneOf(
        Gen.Double[-1, 1].Select(x => (float)x),
        Gen.Select(Gen.Int[-9, 9], Gen.Int[-40, 12], (whole, power) => (float)Math.ScaleB(whole, power)),
        Gen.Select(Gen.Double[-1, 1], Gen.Int[-145, 120], (x, power) => (float)Math.ScaleB(x, power)),
        Gen.Int[0, 5].Select(i => ((float[])[0, -0f, float.Epsilon, 1.17549435e-38f, 1e30f, -1e38f])[i]));

    private static readonly Gen<(int Rows, int Features, double LogClip, int Power, ulong Seed)> Cases =
        Gen.Select(Gen.Int[1, 300], Gen.Int[1, 20], Gen.Double[-9, 9], Gen.Int[-2, 300], Gen.ULong);

    [Test]
    public void A_sum_is_exactly_that_of_the_patients_one_by_one_in_every_form_and_none_is_longer_than_the_clip() =>
        Gen.Select(Gen.Int[1, ExactSums.MostRows], Gen.Double[-3, 3], Awkward.Array[40], Awkward.Array[40], Gen.ULong)
        .Sample(
            (rows, logClip, inputs, deltas, seed) =>
            {
                const int In = 9, Out = 16;
                var (clip, random) = (Math.Pow(2, logClip), new SplitMix64(seed));
                var exact = new ExactSums(clip, In * Out);
                float[] a = [.. Enumerable.Range(0, rows * In).Select(_ => inputs[random.NextUInt64() % 40])];
                float[] d = [.. Enumerable.Range(0, rows * Out).Select(_ => deltas[random.NextUInt64() % 40])];
                for (var row = 0; row < rows; row++)
                    Shorten(exact, a.AsSpan(row * In, In), d.AsSpan(row * Out, Out));
                var expected = new double[In * Out];
                for (var row = 0; row < rows; row++)
                {
                    var one = Sum(1, In, Out, a[(row * In)..], d[(row * Out)..], exact.Start, SimdForms.Best);
                    Assert.That(one.Sum(x => (double)x * x), Is.LessThanOrEqualTo(clip * clip));
                    for (var i = 0; i < one.Length; i++)
                        expected[i] += one[i];
                }
                foreach (var form in Forms)
                    Assert.That(Sum(rows, In, Out, a, d, exact.Start, form), Is.EqualTo(expected), $"{form}");
            }, iter: 500, threads: 1);

    [Test]
    public void A_number_that_is_not_odd_is_rounded_by_what_others_added()
    {
        // What the last bit is for: half a unit goes to the even neighbour, and which that is another patient decides.
        var exact = new ExactSums(1, 16);
        var half = (float)(exact.Unit / 2);
        var (alone, other) = (Sum(1, 1, 16, [1], Sixteen(half), exact.Start, SimdForms.Best)[0], (float)exact.Unit);
        var both = Sum(2, 1, 16, [1, 1], [.. Sixteen(other), .. Sixteen(half)], exact.Start, SimdForms.Best)[0];
        Assert.That(both - other, Is.Not.EqualTo(alone));

        float[] odd = [.. Sixteen(other), .. Sixteen(half)];
        fixed (float* at = odd)
            ActivationKernels.ScaleToOdd(at, 32, 1);
        alone = Sum(1, 1, 16, [1], odd[16..], exact.Start, SimdForms.Best)[0];
        Assert.That(Sum(2, 1, 16, [1, 1], odd, exact.Start, SimdForms.Best)[0] - other, Is.EqualTo(alone));
    }

    [TestCase("mlp binary tanh")]
    [TestCase("mlp class relu")]
    [TestCase("mlp real tanh")]
    public void The_clipped_sum_of_a_network_is_that_of_its_patients_one_by_one_whatever_their_values(string name) =>
        Cases.Sample((rows, features, logClip, power, seed) =>
        {
            var (model, clip) = ((IPerPatientModel)MadeUpOutcomes.Model(name, features), Math.Pow(10, logClip));
            var patients = Stretched(MadeUpOutcomes.Patients(model, rows, features, seed), power);
            var parameters = MadeUpOutcomes.Parameters(model, seed);
            var (sum, one) = (new double[model.ParameterCount], new double[model.ParameterCount]);
            var expected = new double[model.ParameterCount];
            model.ClippedGradientSum(parameters, PatientBatch.All(patients), clip, sum);
            for (var row = 0; row < rows; row++)
            {
                model.ClippedGradientSum(parameters, PatientBatch.Of(patients, [row]), clip, one);
                Assert.That(one.Sum(x => x * x), Is.LessThanOrEqualTo(clip * clip));
                for (var k = 0; k < one.Length; k++)
                    expected[k] += one[k];
            }
            Assert.That(sum, Is.EqualTo(expected));
        }, iter: 60, threads: 1);

    [TestCase(0)]
    [TestCase(double.NaN)]
    [TestCase(1e-30)]
    [TestCase(1e30)]
    public void A_clip_that_single_precision_cannot_hold_is_refused(double clip) =>
        Assert.That(() => new ExactSums(clip, 1), Throws.InstanceOf<ArgumentException>());

    // Every third patient's values grow, until single precision has none for them.
    private static PatientTable Stretched(PatientTable patients, int power)
    {
        var values = patients.Values.ToArray();
        for (var i = 0; i < values.Length; i++)
            values[i] *= i / patients.Features % 3 == 0 ? Math.Pow(10, power) : 1;
        return new PatientTable(patients.FeatureNames, values, patients.Outcomes);
    }

    private static void Shorten(ExactSums exact, Span<float> a, Span<float> d)
    {
        var (inputs, deltas) = (1.0, 0.0);
        foreach (var x in a)
            inputs += (double)x * x;
        foreach (var x in d)
            deltas += (double)x * x;
        var factor = exact.Factor(Math.Sqrt(inputs * deltas));
        fixed (float* at = d)
            ActivationKernels.ScaleToOdd(at, d.Length, factor);
    }

    private static float[] Sum(int rows, int inputs, int outputs, float[] a, float[] d, float start, SimdForm form)
    {
        var result = new float[inputs * outputs];
        var scratch = GC.AllocateUninitializedArray<float>(MatrixProduct.ScratchLength(rows) + 16, pinned: true);
        fixed (float* pa = a, pd = d, into = result, ps = scratch)
        {
            MatrixProduct.Run(
                inputs, outputs, rows, new MatrixView(pa, inputs, 1).Transposed, new MatrixView(pd, outputs, 1), into,
                outputs,
                0, (float*)(((nuint)ps + 63) & ~(nuint)63), form, start);
        }
        return result;
    }

    private static float[] Sixteen(float value) => [.. Enumerable.Repeat(value, 16)];
}
