using CsCheck;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Models;

/// <summary>What every model must hold of its derivatives.</summary>
public class GradientTests
{
    [Test]
    public void Gradients_are_the_slopes_of_the_loss(
        [ValueSource(typeof(MadeUpOutcomes), nameof(MadeUpOutcomes.Models))] string name, [Values] bool all) =>
        Gen.Select(Gen.Int[2, 40], Gen.Int[1, 9], Gen.ULong[0, 1UL << 40]).Sample((rows, features, seed) =>
        {
            var model = MadeUpOutcomes.Model(name, features);
            var patients = MadeUpOutcomes.Patients(model, rows, features, seed);
            var at = MadeUpOutcomes.Parameters(model, seed);
            int[] chosen = [.. Enumerable.Range(0, rows).Where(row => row % 3 != 1)];
            PatientBatch Batch() => all ? PatientBatch.All(patients) : PatientBatch.Of(patients, chosen);
            var gradient = new double[model.ParameterCount];
            var loss = model.LossAndGradient(at, Batch(), gradient);
            Assert.That(loss, Is.EqualTo(model.Loss(at, Batch())).Within(1e-12));
            // Single precision resolves the slope of the loss to about 1e-3 at this step; relu has a kink here and
            // there.
            var (step, tolerance) = name.StartsWith("mlp", StringComparison.Ordinal) ? (1.0 / 256, 2e-3) : (1e-5, 1e-7);
            var off = Enumerable.Range(0, model.ParameterCount).Count(k =>
            {
                var (above, below) = (at.ToArray(), at.ToArray());
                (above[k], below[k]) = (above[k] + step, below[k] - step);
                return !(Math.Abs((model.Loss(above, Batch()) - model.Loss(below, Batch())) / (2 * step) - gradient[k])
                    < tolerance);
            });
            Assert.That(off, Is.LessThanOrEqualTo(name.Contains("relu") ? model.ParameterCount / 3 : 0));
        }, iter: 40, threads: 1);

    [Test]
    public void Hessians_are_the_slopes_of_the_gradient([Values("logistic", "linear", "cox")] string name)
    {
        const int Features = 5;
        const double Step = 1e-5;
        var model = (ISecondOrderModel)MadeUpOutcomes.Model(name, Features);
        var patients = MadeUpOutcomes.Patients(model, 70, Features, 3);
        var at = MadeUpOutcomes.Parameters(model, 3);
        var d = model.ParameterCount;
        var (gradient, hessian) = (new double[d], new double[PackedUpper.Length(d)]);
        model.LossGradientAndHessian(at, PatientBatch.All(patients), gradient, hessian);
        for (var k = 0; k < d; k++)
        {
            var (above, below) = (at.ToArray(), at.ToArray());
            (above[k], below[k]) = (above[k] + Step, below[k] - Step);
            var (up, down) = (new double[d], new double[d]);
            model.LossAndGradient(above, PatientBatch.All(patients), up);
            model.LossAndGradient(below, PatientBatch.All(patients), down);
            for (var j = k; j < d; j++)
                Assert.That(hessian[PackedUpper.RowStart(d, k) + j - k],
                    Is.EqualTo((up[j] - down[j]) / (2 * Step)).Within(1e-8));
        }
    }

    [Test]
    public void A_step_allocates_nothing(
        [ValueSource(typeof(MadeUpOutcomes), nameof(MadeUpOutcomes.Models))] string name)
    {
        var model = MadeUpOutcomes.Model(name, 12);
        var patients = MadeUpOutcomes.Patients(model, 90, 12, 1);
        var parameters = MadeUpOutcomes.Parameters(model, 1);
        var gradient = new double[model.ParameterCount];
        int[] rows = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
        void Steps()
        {
            model.LossAndGradient(parameters, PatientBatch.All(patients), gradient);
            model.LossAndGradient(parameters, PatientBatch.Of(patients, rows), gradient);
            model.Loss(parameters, PatientBatch.All(patients));
            (model as IPerPatientModel)?.ClippedGradientSum(parameters, PatientBatch.Of(patients, rows), 1, gradient);
        }
        for (var warm = 0; warm < 50; warm++)
            Steps();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Steps();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void A_table_of_another_kind_or_width_is_refused(
        [ValueSource(typeof(MadeUpOutcomes), nameof(MadeUpOutcomes.Models))] string name)
    {
        var model = MadeUpOutcomes.Model(name, 4);
        var other =
            new PatientTable(["a", "b", "c", "d"], new double[4],
                model.Outcome == OutcomeKind.Real ? Outcomes.Binary([1]) : Outcomes.Real([1]));
        var wider = MadeUpOutcomes.Patients(model, 6, 5, 1);
        var (at, gradient) = (new double[model.ParameterCount], new double[model.ParameterCount]);
        Assert.Multiple(() =>
        {
            Assert.That(() => model.LossAndGradient(at, PatientBatch.All(other), gradient), Throws.ArgumentException);
            Assert.That(() => model.LossAndGradient(at, PatientBatch.All(wider), gradient), Throws.ArgumentException);
            Assert.That(() =>
                model.LossAndGradient(at, PatientBatch.Of(MadeUpOutcomes.Patients(model, 6, 4, 1), []), gradient),
                Throws.ArgumentException);
        });
    }
}
