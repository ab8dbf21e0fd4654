using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class MembershipBoundTests
{
    // Rate 0.05, 1,000 steps, delta 1e-6: dp_accounting's get_true_positive_rates, for enforced epsilons of 1, 2 and 3.
    [TestCase(7.26, 0.018)]
    [TestCase(3.90, 0.028)]
    [TestCase(2.75, 0.042)]
    public void At_one_false_alarm_in_a_hundred_it_is_what_the_reference_finds(double noise, double found) =>
        Assert.That(
            MembershipBound.Found(PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(0.05, noise, 1000)), 0.01),
            Is.EqualTo(found).Within(0.0006));

    [TestCase(0.5, 0.01)]
    [TestCase(1, 0.01)]
    [TestCase(2, 0.05)]
    [TestCase(1, 0.5)]
    public void Without_sampling_it_is_the_power_of_the_likelihood_test_of_two_gaussians(double mu, double alarms)
    {
        var found =
            MembershipBound.Found(PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(1, 1 / mu, 1)), alarms);
        var exact =
            MathNet.Numerics.Distributions.Normal.CDF(0, 1,
                MathNet.Numerics.Distributions.Normal.InvCDF(0, 1, alarms) + mu);
        Assert.That(found / exact, Is.InRange(1, 1.001));
    }

    [Test]
    public void Where_nothing_is_released_blind_guessing_is_all_there_is() =>
        Assert.That(MembershipBound.Found(PldAccountant.Empty, 0.01), Is.EqualTo(0.01).Within(1e-15));

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(double.NaN)]
    public void A_share_of_alarms_that_is_none_is_refused(double alarms) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MembershipBound.Found(PldAccountant.Empty, alarms));
}
