using FedActors.Core.Federation;

namespace FedActors.Core.Tests.Federation;

public class RealCountsTests
{
    [Test]
    public void Errors_are_told_in_the_units_of_the_column([Values(10.0, -10.0)] double unit)
    {
        var figures = Figures([1, 2, 3], [1.5, 1.5, 3.5], unit, bits: 20);
        Assert.That(figures.Rmse, Is.EqualTo(10 * 0.5).Within(figures.RmseError));
        Assert.That(figures.RmseError, Is.InRange(1e-9, 1e-5));
    }

    [Test]
    public void An_error_too_large_to_count_makes_the_figure_a_lower_bound_and_says_so(
        [Values(100, double.NaN)] double answer)
    {
        var figures = Figures([0, answer], [0, 0], unit: 1, bits: 20);
        Assert.That((figures.Beyond, figures.Rmse, figures.RmseError, figures.RSquared),
            Is.EqualTo(
                (1L, Math.Sqrt(RealCounts.Largest * RealCounts.Largest / 2), double.PositiveInfinity, double.NaN)));
    }

    [Test]
    public void Labels_that_all_agree_have_no_share_of_variance() =>
        Assert.That(Figures([1, 2], [3, 3], unit: 1, bits: 4).RSquared, Is.NaN);

    [Test]
    public void The_stated_errors_are_those_of_the_coarsest_rounding()
    {
        // 0.49 rounds to 0: all but half a step off in the sum of squared errors.
        var figures = Figures([0.7, 4], [0, 4], unit: 1, bits: 0);
        Assert.That(figures.Rmse, Is.Zero);
        Assert.That(figures.RmseError, Is.EqualTo(0.5).Within(1e-15), "the root of half a step over two patients");
    }

    private static FederatedRealFigures Figures(double[] answers, double[] labels, double unit, int bits)
    {
        var counting = new RealCounts(unit);
        var counts = new long[counting.Length];
        RealCounts.Count(answers, labels, bits, counts);
        return (FederatedRealFigures)counting.Of(counts, bits)!;
    }
}
