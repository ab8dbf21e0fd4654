using System.Numerics.Tensors;
using CsCheck;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Models;

/// <summary>What every model that privacy can stand on must hold, patient by patient.</summary>
public class ClippedGradientTests
{
    private static readonly Gen<(int Rows, int Features, ulong Seed, double Clip, int[] Units)> Cases =
        Gen.Select(Gen.Int[1, 150], Gen.Int[1, 40], Gen.ULong, Gen.Double[-3, 3].Select(e => Math.Pow(10, e)),
            Gen.Int[1, 6].Array[150])
            .Select((rows, features, seed, clip, lengths) => (rows, features, seed, clip, UnitsOf(rows, lengths)));

    [Test]
    public void The_sum_is_that_of_each_patients_whole_gradient_clipped_once(
        [ValueSource(typeof(MadeUpOutcomes), nameof(MadeUpOutcomes.PerPatient))] string name, [Values] bool joined) =>
            Cases.Sample(one =>
    {
        var (model, patients, parameters) = Made(name, one.Rows, one.Features, one.Seed, joined ? one.Units : null);
        var (expected, sum) = (new double[model.ParameterCount], Poisoned(model));
        for (var unit = 0; unit < patients.Units; unit++)
        {
            var (first, count) = patients.RowsOf(unit);
            var gradient = new double[model.ParameterCount];
            model.LossAndGradient(parameters, PatientBatch.Of(patients, [.. Enumerable.Range(first, count)]), gradient);
            TensorPrimitives.Multiply(gradient, count, gradient);
            NormClipping.Clip(gradient, one.Clip);
            TensorPrimitives.Add(expected, gradient, expected);
        }
        model.ClippedGradientSum(parameters, PatientBatch.All(patients), one.Clip, sum);
        var rounding = one.Rows * Rounding(name, one.Clip, sum.Length);
        var tolerance = Tolerance(name) * (1 + one.Rows * Math.Min(one.Clip, 100)) + rounding;
        Assert.That(sum, Is.EqualTo(expected).Within(tolerance));
    }, iter: 60, threads: 1);

    [Test]
    public void One_patient_more_moves_the_sum_by_at_most_the_clip(
        [ValueSource(typeof(MadeUpOutcomes), nameof(MadeUpOutcomes.PerPatient))] string name) => Cases.Sample(one =>
    {
        var (model, patients, parameters) = Made(name, one.Rows, one.Features, one.Seed, one.Units);
        var (with, without) = (Poisoned(model), Poisoned(model));
        int[] others = [.. Enumerable.Range(0, patients.Units).Where(unit => unit != patients.Units / 2)];
        model.ClippedGradientSum(parameters, PatientBatch.All(patients), one.Clip, with);
        model.ClippedGradientSum(parameters, PatientBatch.OfUnits(patients, others, new int[patients.Rows]), one.Clip,
            without);
        TensorPrimitives.Subtract(with, without, with);
        return TensorPrimitives.Norm<double>(with) <= one.Clip + 1e-12 * one.Rows * one.Clip;
    }, iter: 60, threads: 1);

    [Test]
    public void A_clip_beyond_every_gradient_leaves_the_plain_sum(
        [ValueSource(typeof(MadeUpOutcomes), nameof(MadeUpOutcomes.PerPatient))] string name)
    {
        var (model, patients, parameters) = Made(name, 130, 13, 5, null);
        var (gradient, sum) = (new double[model.ParameterCount], Poisoned(model));
        model.LossAndGradient(parameters, PatientBatch.All(patients), gradient);
        const double Clip = 64;
        model.ClippedGradientSum(parameters, PatientBatch.All(patients), Clip, sum);
        var rounding = 130 * Rounding(name, Clip, sum.Length);
        Assert.That(sum, Is.EqualTo(gradient.Select(g => 130 * g)).Within(100 * Tolerance(name) + rounding));
    }

    [Test]
    public void Nobody_adds_nothing_and_what_is_not_finite_adds_nothing(
        [ValueSource(typeof(MadeUpOutcomes), nameof(MadeUpOutcomes.PerPatient))] string name)
    {
        var (model, patients, parameters) = Made(name, 20, 9, 6, UnitsOf(20, [1, 3]));
        var sum = Poisoned(model);
        model.ClippedGradientSum(parameters, PatientBatch.Of(patients, []), 1, sum);
        Assert.That(sum, Is.All.Zero);
        parameters[3] = double.NaN;
        model.ClippedGradientSum(parameters, PatientBatch.All(patients), 1, sum);
        Assert.That(sum, Is.All.Zero);
    }

    [TestCase(1, 0)]
    [TestCase(2, 2)]
    public void Rows_that_are_not_in_ascending_order_are_refused_since_a_patient_could_count_twice(
        int first, int second)
    {
        var (model, patients, parameters) = Made("logistic", 4, 2, 7, null);
        Assert.That(() =>
            model.ClippedGradientSum(parameters, PatientBatch.Of(patients, [first, second]), 1, Poisoned(model)),
            Throws.ArgumentException);
    }

    [Test]
    public void A_patient_the_table_lacks_makes_no_batch()
    {
        var patients = MadeUpPatients.Of(4, 2);
        Assert.That(() => PatientBatch.OfUnits(patients, [4], new int[4]).Count,
            Throws.InstanceOf<ArgumentException>());
        Assert.That(() => PatientBatch.OfUnits(patients, [0, 1], new int[1]).Count, Throws.ArgumentException);
    }

    private static (
        IPerPatientModel Model, PatientTable Patients, double[] Parameters) Made(string name, int rows, int features,
        ulong seed, int[]? units)
    {
        var model = (IPerPatientModel)MadeUpOutcomes.Model(name, features);
        return (model, MadeUpOutcomes.Patients(model, rows, features, seed, units),
            MadeUpOutcomes.Parameters(model, seed));
    }

    private static double Tolerance(string name) => name.StartsWith("mlp", StringComparison.Ordinal) ? 1e-5 : 1e-12;

    // Single precision sums gradients on a grid that goes by the clip: half a unit off, and the clip is lowered for it.
    private static double Rounding(string name, double clip, int dimension) =>
        name.StartsWith("mlp", StringComparison.Ordinal)
        ? new ExactSums(clip, dimension).Unit / 2 * (1 + Math.Sqrt(dimension))
        : 0;

    private static int[] UnitsOf(int rows, int[] lengths) =>
        [.. lengths.SelectMany((length, unit) => Enumerable.Repeat(unit, length))
            .Concat(Enumerable.Range(lengths.Length, rows)).Take(rows)];

    private static double[] Poisoned(IModel model) => [.. Enumerable.Repeat(double.NaN, model.ParameterCount)];
}
