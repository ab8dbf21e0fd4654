using System.Runtime.Intrinsics;
using CsCheck;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class NormClippingTests
{
    [Test]
    public void A_factor_of_eight_lanes_is_that_of_each()
    {
        double[] norms =
            [0, 0.5, 1, 1 - 1e-15, 3, 1e308, double.PositiveInfinity, double.NaN, -1, 5e-324, 1 + 1e-15, 2, 4, 7, 9,
                1e9];
        foreach (var clip in (double[])[1, 1e-300, 1e300, 3.7])
            for (var at = 0; at < norms.Length; at += 8)
            {
                var lanes = NormClipping.Factor(Vector512.Create<double>(norms.AsSpan(at, 8)), clip, 31);
                for (var lane = 0; lane < 8; lane++)
                    Assert.That(lanes[lane], Is.EqualTo(NormClipping.Factor(norms[at + lane], clip, 31)),
                        $"{norms[at + lane]} under {clip}");
            }
    }

    [Test]
    public void The_exact_norm_is_never_beyond_the_clip() =>
        Gen.Select(Gen.Double[-1e3, 1e3].Array[1, 50], Gen.Double[1e-3, 1e4], Gen.Int[-150, 150]).Sample(
            (values, clip, exponent) =>
            {
                var clipped = values.Select(value => value * Math.Pow(10, exponent)).ToArray();
                return NormClipping.Clip(clipped, clip) && Exact(clipped, clip) <= 0;
            });

    [Test]
    public void What_is_shorter_than_the_clip_stays_as_it_is()
    {
        double[] values = [0.3, -0.4, 1e-200, 5e-324];
        var clipped = values.ToArray();

        Assert.That(NormClipping.Clip(clipped, 0.51), Is.True);
        Assert.That(clipped, Is.EqualTo(values));
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    [TestCase(double.NegativeInfinity)]
    public void A_contribution_that_is_not_finite_counts_as_nothing(double bad)
    {
        double[] values = [1, bad, 3];

        Assert.That(NormClipping.Clip(values, 1), Is.False);
        Assert.That(values, Is.All.Zero);
    }

    [TestCase(1e200)]
    [TestCase(double.MaxValue)]
    [TestCase(5e-324)]
    [TestCase(0)]
    public void The_largest_and_the_smallest_numbers_are_clipped_like_others(double size)
    {
        double[] values = [size, -size, size];

        Assert.That(NormClipping.Clip(values, 1), Is.True);
        Assert.That(values, Is.All.Matches<double>(double.IsFinite));
        Assert.That(Exact(values, 1), Is.LessThanOrEqualTo(0));
        if (size > 1)
            Assert.That(values[0], Is.EqualTo(1 / Math.Sqrt(3)).Within(1e-12));
    }

    [Test]
    public void A_clip_far_below_a_contribution_leaves_nothing_or_less_than_the_clip()
    {
        double[] values = [1e300, 1e300];

        Assert.That(NormClipping.Clip(values, 1e-10), Is.True);
        Assert.That(Exact(values, 1e-10), Is.LessThanOrEqualTo(0));
    }

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    public void A_clip_that_bounds_nothing_is_refused(double clip) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => NormClipping.Clip([1.0], clip));

    [TestCase(double.NaN, 0)]
    [TestCase(double.PositiveInfinity, 0)]
    [TestCase(-1, 0)]
    [TestCase(0, 1)]
    public void A_norm_that_is_none_gives_the_factor_nought(double norm, double factor) =>
        Assert.That(NormClipping.Factor(norm, 1, 10), Is.EqualTo(factor));

    /// <summary>The sign of |values|^2 - clip^2, in whole numbers.</summary>
    private static int Exact(double[] values, double clip)
    {
        var square = values.Select(value => Rational.Of(value) * Rational.Of(value)).Aggregate(
            new Rational(0, 1),
            (sum, x) =>
                new Rational(sum.Numerator * x.Denominator + x.Numerator * sum.Denominator,
                    sum.Denominator * x.Denominator).Reduced());
        var bound = Rational.Of(clip) * Rational.Of(clip);
        return (square.Numerator * bound.Denominator).CompareTo(bound.Numerator * square.Denominator);
    }
}
