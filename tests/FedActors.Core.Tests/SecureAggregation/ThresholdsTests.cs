using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class ThresholdsTests
{
    [TestCase(3, 1, 3, 3, 0)]
    [TestCase(4, 1, 3, 3, 1)]
    [TestCase(5, 1, 4, 4, 1)]
    [TestCase(7, 2, 5, 5, 2)]
    [TestCase(10, 3, 7, 7, 3)]
    [TestCase(20, 6, 14, 14, 6)]
    [TestCase(50, 16, 34, 34, 16)]
    [TestCase(100, 33, 67, 67, 33)]
    [TestCase(256, 85, 171, 171, 85)]
    [TestCase(1000, 333, 667, 667, 333)]
    public void The_table_holds(int n, int corrupt, int quorum, int survivors, int dropouts)
    {
        var thresholds = Thresholds.For(n);
        Assert.That(thresholds, Is.EqualTo(new Thresholds(n, corrupt, quorum, survivors)));
        Assert.That(thresholds.ToleratedDropouts, Is.EqualTo(dropouts));
    }

    [Test]
    public void Two_quorums_always_share_an_honest_hospital()
    {
        for (var n = 3; n <= 300; n++)
            for (var corrupt = 1; corrupt <= n - 2; corrupt++)
            {
                var thresholds = Thresholds.For(n, corrupt);
                Assert.That(2 * thresholds.Quorum, Is.GreaterThan(n + corrupt));
                Assert.That(thresholds.Quorum, Is.LessThanOrEqualTo(n).And.GreaterThan(corrupt));
                Assert.That(thresholds.MinSurvivors, Is.GreaterThanOrEqualTo(corrupt + 2).And.LessThanOrEqualTo(n));
                Assert.That(thresholds.AtLeast(thresholds), Is.True);
            }
    }

    [Test]
    public void Numbers_out_of_range_are_refused()
    {
        Assert.That(() => Thresholds.For(2), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Thresholds.For(5, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Thresholds.For(5, 4), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Thresholds.For(5, 1, 6), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Any_weaker_number_is_weaker()
    {
        var own = Thresholds.For(10);
        Assert.That((own with { Corrupt = 2 }).AtLeast(own), Is.False);
        Assert.That((own with { Quorum = 6 }).AtLeast(own), Is.False);
        Assert.That((own with { MinSurvivors = 6 }).AtLeast(own), Is.False);
        Assert.That((own with { Hospitals = 11 }).AtLeast(own), Is.False);
        Assert.That((own with { MinSurvivors = 11 }).AtLeast(own), Is.False, "can never be met");
        Assert.That((own with { Quorum = 8, MinSurvivors = 8 }).AtLeast(own), Is.True);
    }
}
