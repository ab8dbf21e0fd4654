using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class AnalyticGaussianTests
{
    // Sigma to 17 digits, found with 50 to 60 digits.
    [TestCase(0.01, 1e-8, 412.35694207971545942)]
    [TestCase(1, 1e-5, 3.7306316348159418139)]
    [TestCase(16, 1e-6, 0.36861165783947294172)]
    [TestCase(3, 1e-10, 2.0622531789074063582)]
    public void Sigma_is_the_exact_one_rounded_up(double epsilon, double delta, double exact) =>
        Assert.That(AnalyticGaussian.Sigma(epsilon, delta) / exact - 1, Is.InRange(0, 1e-12));

    [Test]
    public void Every_sigma_of_the_reference_is_met_to_twelve_digits()
    {
        foreach (var row in ReferenceTable.Of("c_analytic_gaussian_sigma"))
            Assert.That(AnalyticGaussian.Sigma(row["eps"], row["delta"]) / row["sigma_mpmath_50digits"] - 1,
                Is.InRange(-1e-16, 1e-12), row.Line);
    }

    [Test]
    public void Every_epsilon_of_the_reference_is_met()
    {
        foreach (var row in ReferenceTable.Of("c_analytic_gaussian_eps"))
            Assert.That(AnalyticGaussian.Epsilon(1 / row["sigma"], row["delta"]) / row["eps_dp_accounting"] - 1,
                Is.InRange(-1e-11, 1e-11), row.Line);
    }

    [Test]
    public void Sigma_epsilon_and_delta_agree_over_the_whole_range()
    {
        foreach (var epsilon in new[] { 1e-6, 1e-3, 0.1, 1, 10, 100, 1e4 })
            foreach (var delta in new[] { 1e-200, 1e-12, 1e-6, 1e-3, 0.5, 0.99 })
            {
                var mu = 1 / AnalyticGaussian.Sigma(epsilon, delta);
                // Rounding up twice: at most a relative 1e-12 of delta times how steep the curve is.
                Assert.That(AnalyticGaussian.Delta(epsilon, mu) / delta - 1, Is.InRange(-1e-9, 1e-11),
                    $"{epsilon} {delta}");
                Assert.That(AnalyticGaussian.Epsilon(mu, delta),
                    Is.EqualTo(epsilon).Within(1e-11 * epsilon + 1e-12 * mu), $"{epsilon} {delta}");
            }
    }

    [Test]
    public void Where_delta_covers_the_whole_distance_epsilon_is_zero() =>
        Assert.That(AnalyticGaussian.Epsilon(0.01, 0.1), Is.Zero);

    [TestCase(0, 1e-6, FaultNumber.EpsilonOutOfRange)]
    [TestCase(-1, 1e-6, FaultNumber.EpsilonOutOfRange)]
    [TestCase(double.NaN, 1e-6, FaultNumber.EpsilonOutOfRange)]
    [TestCase(1, 0, FaultNumber.DeltaOutOfRange)]
    [TestCase(1, 1, FaultNumber.DeltaOutOfRange)]
    public void A_target_that_bounds_nothing_is_refused(double epsilon, double delta, FaultNumber number)
    {
        var refused = Assert.Throws<FaultException>(() => AnalyticGaussian.Sigma(epsilon, delta))!;
        Assert.That((refused.Faults.Single().Number, refused.ExitCode), Is.EqualTo((number, ExitCode.BadInput)));
    }
}
