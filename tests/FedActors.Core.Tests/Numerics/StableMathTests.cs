using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Numerics;

public sealed class StableMathTests
{
    [TestCase(1e-10, 1.00000000005e-10)]
    [TestCase(-1e-10, -9.9999999995e-11)]
    [TestCase(1e-300, 1e-300)]
    [TestCase(0.5, 0.64872127070012814685)]
    [TestCase(-50, -1)]
    [TestCase(800, double.PositiveInfinity)]
    public void Expm1_keeps_its_digits(double x, double exact) =>
        Assert.That(StableMath.Expm1(x), Is.EqualTo(exact).Within(4).Ulps);

    [TestCase(1e-10, 9.9999999995e-11)]
    [TestCase(1e-300, 1e-300)]
    [TestCase(-0.5, -0.69314718055994530942)]
    [TestCase(1e300, 690.77552789821370520540)]
    [TestCase(double.PositiveInfinity, double.PositiveInfinity)]
    public void Log1p_keeps_its_digits(double x, double exact) =>
        Assert.That(StableMath.Log1p(x), Is.EqualTo(exact).Within(4).Ulps);

    // Upper tails of the standard normal to 17 digits.
    [TestCase(0, 0.5)]
    [TestCase(1, 0.15865525393145705142)]
    [TestCase(5, 2.8665157187919391167e-07)]
    [TestCase(10, 7.6198530241605260660e-24)]
    [TestCase(37, 5.7255712225245768e-300)]
    [TestCase(-3, 0.99865010196836990547)]
    public void Tails_of_the_normal_distribution_keep_their_digits(double x, double exact) =>
        Assert.That(StandardNormal.UpperTail(x) / exact - 1, Is.InRange(-4e-13, 4e-13));

    [Test]
    public void A_root_is_found_from_its_safe_side()
    {
        var root = BracketedRoot.NotAbove(x => 2 - x * x, 0, 100, 1e-15);
        Assert.That(root, Is.EqualTo(Math.Sqrt(2)).Within(1e-14));
        Assert.That(root * root, Is.GreaterThanOrEqualTo(2));
        Assert.Throws<ArgumentException>(() => BracketedRoot.NotAbove(x => x, 0, 1, 1e-15));
    }

    [Test]
    public void A_minimum_is_found_over_many_orders_of_magnitude()
    {
        foreach (var centre in new[] { 1e-3, 0.7, 55, 9e8 })
            Assert.That(LogMinimum.Of(x => x / centre + centre / x, 1e-3, 1e9).Argument / centre,
                Is.InRange(0.98, 1.02));
    }
}
