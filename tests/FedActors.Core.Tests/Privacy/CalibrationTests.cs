using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class CalibrationTests
{
    [Test]
    public void The_noise_meets_the_target_and_a_billionth_less_does_not()
    {
        foreach (
            var (epsilon, rate, steps) in new[] { (1.0, 0.05, 1000L), (3, 0.01, 1000), (0.5, 1, 10), (8, 1e-4, 5),
                (100, 0.3, 1) })
        {
            double Spent(double noise) =>
                RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(rate, noise, steps)).Spent(1e-6).Epsilon;
            var (found, spent) = Calibration.Noise(RdpAccountant.Standard, epsilon, 1e-6, rate, steps);

            Assert.That(spent.Epsilon, Is.LessThanOrEqualTo(epsilon).And.EqualTo(Spent(found)));
            Assert.That(Spent(found * (1 - 2e-9)), Is.GreaterThan(epsilon));
        }
    }

    [Test]
    public void Every_noise_of_the_renyi_reference_is_met_or_bettered()
    {
        foreach (var row in ReferenceTable.Of("i_calibrated_sigma_rdp"))
            Assert.That(
                Calibration.Noise(RdpAccountant.Standard, row["target_eps"], row["delta"], row["q"],
                    row.Steps).NoiseMultiplier,
                Is.LessThanOrEqualTo(row["sigma_dp_accounting_tol1e-6"] * (1 + 1e-5)), row.Line);
    }

    [Test]
    public void Every_noise_of_the_privacy_loss_reference_is_met_or_bettered()
    {
        foreach (var row in ReferenceTable.Of("i_calibrated_sigma_pld"))
        {
            var (noise, spent) =
                Calibration.Noise(PldAccountant.Empty, row["target_eps"], row["delta"], row["q"], row.Steps);
            Assert.That(noise,
                Is.InRange(row["sigma_dp_accounting_tol1e-4"] * 0.99, row["sigma_dp_accounting_tol1e-4"] * (1 + 2e-4)),
                row.Line);
            Assert.That(spent.Epsilon, Is.LessThanOrEqualTo(row["target_eps"]));
        }
    }

    [Test]
    public void The_steps_are_the_most_that_fit()
    {
        double Spent(long steps) =>
            RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(0.02, 1.4, steps)).Spent(1e-6).Epsilon;
        var (steps, _) = Calibration.Steps(RdpAccountant.Standard, 2, 1e-6, 0.02, 1.4);

        Assert.That(Spent(steps), Is.LessThanOrEqualTo(2));
        Assert.That(Spent(steps + 1), Is.GreaterThan(2));
    }

    [Test]
    public void The_rate_is_the_largest_that_fits()
    {
        double Spent(double rate) =>
            RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(rate, 1.4, 500)).Spent(1e-6).Epsilon;
        var (rate, _) = Calibration.SamplingRate(RdpAccountant.Standard, 2, 1e-6, 1.4, 500);

        Assert.That(Spent(rate), Is.LessThanOrEqualTo(2));
        Assert.That(Spent(rate * 1.0000001), Is.GreaterThan(2));
        Assert.That(Calibration.SamplingRate(RdpAccountant.Standard, 1000, 1e-6, 1.4, 5).SamplingRate, Is.EqualTo(1));
    }

    [Test]
    public void What_was_already_spent_counts()
    {
        var spent = RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(0.02, 1.4, 500));

        Assert.That(
            Calibration.Noise(spent, 3, 1e-6, 0.02, 500).NoiseMultiplier,
            Is.GreaterThan(Calibration.Noise(RdpAccountant.Standard, 3, 1e-6, 0.02, 500).NoiseMultiplier));
        Assert.That(
            Assert.Throws<FaultException>(() => Calibration.Steps(spent, 0.5, 1e-6, 0.02, 1.4))!.Faults.Single().Number,
            Is.EqualTo(FaultNumber.BudgetOutOfReach));
    }

    [Test]
    public void Where_no_noise_is_needed_the_least_is_given() =>
        Assert.That(Calibration.Noise(RdpAccountant.Standard, 1e6, 1e-3, 0.5, 1).NoiseMultiplier,
            Is.EqualTo(PrivacyRange.LeastNoiseMultiplier));

    [Test]
    public void Every_bad_argument_is_told() =>
        Assert.That(
            Assert.Throws<FaultException>(() =>
                Calibration.Noise(RdpAccountant.Standard, 0, 1, 2, 0))!.Faults.Select(fault => fault.Number),
            Is.EqualTo((FaultNumber[])
            [
                FaultNumber.EpsilonOutOfRange, FaultNumber.DeltaOutOfRange, FaultNumber.SamplingRateOutOfRange,
                FaultNumber.StepsOutOfRange,
            ]));
}
