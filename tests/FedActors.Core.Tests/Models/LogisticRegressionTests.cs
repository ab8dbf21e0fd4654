using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Models;

public class LogisticRegressionTests
{
    // Below, at, above and between the eight lanes; rows below, at and above the sixty-four of a chunk.
    private static readonly int[] Widths = [1, 2, 7, 8, 9, 13, 16, 30, 31, 36, 64, 67];
    private static readonly int[] Heights = [1, 7, 8, 63, 64, 65, 200];

    [Test]
    public void Loss_gradient_and_hessian_are_those_of_the_plain_sums(
        [ValueSource(nameof(Widths))] int features, [ValueSource(nameof(Heights))] int rows, [Values] bool all)
    {
        var patients = MadeUpPatients.Of(rows, features);
        var source = new SplitMix64(2);
        var chosen = all ? [.. Enumerable.Range(0, rows)]
            : Enumerable.Range(0, rows + 3).Select(_ => (int)(source.NextUniform() * rows)).ToArray();
        var batch = all ? PatientBatch.All(patients) : PatientBatch.Of(patients, chosen);
        var model = new LogisticRegression(features);
        var parameters = MadeUpPatients.Normals(source, features + 1);
        var (loss, gradient, hessian) = Plain(parameters, patients, chosen);

        var (g1, g2, h) = (new double[features + 1], new double[features + 1], new double[hessian.Length]);
        Array.Fill(g1, double.NaN);
        Array.Fill(g2, double.NaN);
        Array.Fill(h, double.NaN);
        var (loss1, loss2) =
            (model.LossAndGradient(parameters, batch, g1), model.LossGradientAndHessian(parameters, batch, g2, h));
        Assert.Multiple(() =>
        {
            Assert.That(loss1, Is.EqualTo(loss).Within(1e-12));
            Assert.That(g1, Is.EqualTo(gradient).Within(1e-12));
            Assert.That(h, Is.EqualTo(hessian).Within(1e-12));
            Assert.That(
                (loss2, model.Loss(parameters, all ? PatientBatch.All(patients) : PatientBatch.Of(patients, chosen))),
                Is.EqualTo((loss1, loss1)));
            Assert.That(g2, Is.EqualTo(g1), "the gradient has the same bits with and without the Hessian");
        });
    }

    [Test]
    public void Gradient_and_hessian_are_the_slopes_of_loss_and_gradient([Values(3, 12)] int features)
    {
        const double Step = 1e-5;
        var patients = MadeUpPatients.Of(90, features);
        var model = new LogisticRegression(features);
        var d = model.ParameterCount;
        var at = MadeUpPatients.Normals(new SplitMix64(3), d);
        var (gradient, hessian) = (new double[d], new double[PackedUpper.Length(d)]);
        model.LossGradientAndHessian(at, PatientBatch.All(patients), gradient, hessian);
        for (var k = 0; k < d; k++)
        {
            var (above, below) = (at.ToArray(), at.ToArray());
            above[k] += Step;
            below[k] -= Step;
            var (gradientAbove, gradientBelow) = (new double[d], new double[d]);
            var slope = (model.LossAndGradient(above, PatientBatch.All(patients), gradientAbove)
                - model.LossAndGradient(below, PatientBatch.All(patients), gradientBelow)) / (2 * Step);
            Assert.That(gradient[k], Is.EqualTo(slope).Within(1e-9));
            for (var j = k; j < d; j++)
                Assert.That(hessian[PackedUpper.RowStart(d, k) + j - k],
                    Is.EqualTo((gradientAbove[j] - gradientBelow[j]) / (2 * Step)).Within(1e-9));
        }
    }

    [Test]
    public void Probabilities_are_logistic_and_stay_probabilities_far_out([ValueSource(nameof(Widths))] int features)
    {
        var patients = MadeUpPatients.Of(70, features);
        var model = new LogisticRegression(features);
        var parameters = MadeUpPatients.Normals(new SplitMix64(4), features + 1);
        var probabilities = new double[70];
        model.Predict(parameters, patients, probabilities);
        Assert.That(probabilities,
            Is.EqualTo(Enumerable.Range(0, 70).Select(i => 1 / (1 + Math.Exp(-Score(parameters, patients, i)))))
            .Within(1e-13));
        foreach (var factor in new[] { 1e3, 1e6, 1e200 })
        {
            model.Predict(parameters.Select(w => factor * w).ToArray(), patients, probabilities);
            Assert.That(probabilities, Is.All.InRange(0.0, 1.0));
        }
    }

    [Test]
    public void A_loss_far_out_is_the_score_itself()
    {
        var patients = new PatientTable(["x"], [1, 1], [0, 1]);
        var loss = new LogisticRegression(1).Loss([1000, 0], PatientBatch.All(patients));
        Assert.That(loss, Is.EqualTo(500));
    }

    [Test]
    public void What_does_not_fit_is_refused()
    {
        var (model, patients) = (new LogisticRegression(3), MadeUpPatients.Of(5, 3));
        Assert.That(() => new LogisticRegression(0), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => model.Loss(new double[3], PatientBatch.All(patients)), Throws.ArgumentException);
        Assert.That(() => model.Loss(new double[4], PatientBatch.All(MadeUpPatients.Of(5, 2))),
            Throws.ArgumentException);
        Assert.That(() => model.Loss(new double[4], PatientBatch.Of(patients, [])), Throws.ArgumentException);
        Assert.That(() => model.Loss(new double[4], PatientBatch.Of(patients, [5])),
            Throws.InstanceOf<IndexOutOfRangeException>());
        Assert.That(() => model.LossAndGradient(new double[4], PatientBatch.All(patients), new double[3]),
            Throws.ArgumentException);
        Assert.That(() =>
            model.LossGradientAndHessian(new double[4], PatientBatch.All(patients), new double[4], new double[9]),
            Throws.ArgumentException);
        Assert.That(() => model.Predict(new double[4], patients, new double[4]), Throws.ArgumentException);
        Assert.That(() => model.Initialize(new double[3], 1), Throws.ArgumentException);
    }

    [Test]
    public void Views_cover_the_vector_and_leave_the_bias_free()
    {
        var views = new LogisticRegression(5).Views;
        Assert.That(views.Select(view => (view.Name, view.Offset, view.Length, view.Penalised)),
            Is.EqualTo(new[] { ("weights", 0, 5, true), ("bias", 5, 1, false) }));
    }

    private static double Score(double[] parameters, PatientTable patients, int row)
    {
        var z = parameters[^1];
        for (var k = 0; k < patients.Features; k++)
            z += parameters[k] * patients.Row(row)[k];
        return z;
    }

    private static (
        double Loss, double[] Gradient, double[] Hessian) Plain(double[] parameters, PatientTable patients, int[] rows)
    {
        var d = parameters.Length;
        var (loss, gradient, hessian) = (0.0, new double[d], new double[PackedUpper.Length(d)]);
        foreach (var row in rows)
        {
            var (z, y) = (Score(parameters, patients, row), patients.Labels[row]);
            var p = 1 / (1 + Math.Exp(-z));
            loss += (y == 1 ? Math.Log(1 + Math.Exp(-z)) : Math.Log(1 + Math.Exp(z))) / rows.Length;
            double[] x = [.. patients.Row(row), 1];
            for (int i = 0, at = 0; i < d; i++)
            {
                gradient[i] += (p - y) * x[i] / rows.Length;
                for (var j = i; j < d; j++)
                    hessian[at++] += p * (1 - p) * x[i] * x[j] / rows.Length;
            }
        }
        return (loss, gradient, hessian);
    }
}
