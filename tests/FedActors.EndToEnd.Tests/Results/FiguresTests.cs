using CsCheck;
using FedActors.Core.Models;
using FedActors.Simulation.Results;

namespace FedActors.EndToEnd.Tests.Results;

public sealed class FiguresTests
{
    [Test]
    public void The_mean_of_figures_is_the_mean_of_each()
    {
        var mean = Figures.Mean([
            new Figures(new BinaryMetrics(.8, .5, 1, 0, 1, 10, 5, 0)),
            new Figures(new BinaryMetrics(.9, .7, 2, 1, .5, 10, 0, 3)),
        ]);
        Assert.That(mean.Auroc, Is.EqualTo(.85).Within(1e-15));
        Assert.That((mean.Accuracy, mean.LogLoss, mean.Sensitivity, mean.Specificity), Is.EqualTo((.6, 1.5, .5, .75)));
        Assert.That((mean.N, mean.Missed, mean.FalseAlarms), Is.EqualTo((10, 2.5, 1.5)));
    }

    [Test]
    public void Figures_over_different_patients_or_none_have_no_mean()
    {
        var one = new Figures(new BinaryMetrics(.8, .5, 1, 0, 1, 10, 5, 0));
        Assert.That(() => Figures.Mean([]), Throws.ArgumentException);
        Assert.That(() => Figures.Mean([one, one with { N = 11 }]), Throws.ArgumentException);
    }

    [TestCase(double.NaN, "–")]
    [TestCase(0.98765, "98.8 %")]
    [TestCase(1, "100.0 %")]
    public void A_share_is_shown_in_percent(double share, string expected) =>
        Assert.That(FigureText.Percent(share), Is.EqualTo(expected));

    [TestCase(28, "28")]
    [TestCase(28.44, "28.4")]
    [TestCase(12345, "12,345")]
    [TestCase(0, "0")]
    public void A_count_has_a_decimal_only_where_it_is_a_mean(double count, string expected) =>
        Assert.That(FigureText.Count(count), Is.EqualTo(expected));

    [TestCase(0, "0 B")]
    [TestCase(999, "999 B")]
    [TestCase(1000, "1.0 kB")]
    [TestCase(123_456, "123 kB")]
    [TestCase(999_600, "1.0 MB")]
    [TestCase(4.2e15, "4200 TB")]
    public void Bytes_are_shown_in_the_unit_that_suits_them(double bytes, string expected) =>
        Assert.That(FigureText.Bytes(bytes), Is.EqualTo(expected));

    [TestCase(0.04, "0.0 s")]
    [TestCase(9.94, "9.9 s")]
    [TestCase(9.96, "10 s")]
    [TestCase(59.6, "1 min 00 s")]
    [TestCase(61, "1 min 01 s")]
    [TestCase(3599.9, "1 h 00 min")]
    [TestCase(7260, "2 h 01 min")]
    public void A_duration_is_shown_as_a_person_would_say_it(double seconds, string expected) =>
        Assert.That(FigureText.Duration(TimeSpan.FromSeconds(seconds)), Is.EqualTo(expected));

    [Test]
    public void A_printed_privacy_bound_is_never_below_the_bound_and_at_most_a_thousandth_above() =>
        Gen.Double[1e-12, 1e6].Sample(bound =>
        {
            var printed = double.Parse(FigureText.Bound(bound), System.Globalization.CultureInfo.InvariantCulture);
            Assert.That(printed, Is.GreaterThanOrEqualTo(bound).And.LessThanOrEqualTo(bound * 1.001001));
        });

    [TestCase(0, "0")]
    [TestCase(1, "1")]
    [TestCase(2.00001, "2.001")]
    [TestCase(1e-5, "1e-5")]
    [TestCase(double.PositiveInfinity, "unbounded")]
    [TestCase(double.NaN, "unbounded")]
    public void A_privacy_bound_is_shown_rounded_up(double bound, string expected) =>
        Assert.That(FigureText.Bound(bound), Is.EqualTo(expected));
}
