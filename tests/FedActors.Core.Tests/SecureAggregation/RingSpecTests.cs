using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class RingSpecTests
{
    private static readonly RingSpec Ring = new(32, 10, 9, 16, 1.0, 1024, 0);

    // n * (1024 * 1 * 2^f + 1) < 2^31, the examples of the design: and their last fitting exponents.
    [TestCase(10, 16, false)]
    [TestCase(10, 17, false)]
    [TestCase(10, 18, true)]
    [TestCase(100, 13, false)]
    [TestCase(100, 14, false)]
    [TestCase(100, 15, true)]
    [TestCase(1000, 10, false)]
    [TestCase(1000, 11, false)]
    [TestCase(1000, 12, true)]
    public void The_overflow_inequality_decides(int n, int fractionBits, bool overflows) =>
        Assert.That((Ring with { FractionBits = fractionBits }).Overflows(n), Is.EqualTo(overflows));

    [Test]
    public void The_edge_is_exact()
    {
        // 2 * (2^30 - 2 + 1) = 2^31 - 2 fits; with 2^30 - 1 it is 2^31, which does not.
        var ring = new RingSpec(32, 2, 1, 0, Math.Pow(2, 30) - 2, 1, 0);
        Assert.That(ring.Overflows(2), Is.False);
        Assert.That((ring with { Range = Math.Pow(2, 30) - 1 }).Overflows(2), Is.True);
        Assert.That((ring with { NoiseTail = 0.5 }).Overflows(2), Is.False, "2 * (2^30 - 0.5) = 2^31 - 1");
        Assert.That((ring with { NoiseTail = 1 }).Overflows(2), Is.True);
        Assert.That((ring with { WordBits = 64, Range = Math.Pow(2, 62) - 512 }).Overflows(2), Is.False);
        Assert.That((ring with { WordBits = 64, Range = Math.Pow(2, 62) }).Overflows(2), Is.True);
    }

    [TestCase(16, 10, 9, 16, 1.0, 1024)]
    [TestCase(32, 0, 0, 16, 1.0, 1024)]
    [TestCase(32, 10, 10, 16, 1.0, 1024)]
    [TestCase(32, 10, -1, 16, 1.0, 1024)]
    [TestCase(32, 10, 9, -1, 1.0, 1024)]
    [TestCase(32, 10, 9, 63, 1.0, 1024)]
    [TestCase(32, 10, 9, 16, double.NaN, 1024)]
    [TestCase(32, 10, 9, 16, 0.0, 1024)]
    [TestCase(32, 10, 9, 16, 1.0, 0)]
    [TestCase(32, int.MaxValue, 9, 16, 1.0, 1024)]
    public void Nonsense_is_named(int bits, int coordinates, int one, int fraction, double range, long cap) =>
        Assert.That(new RingSpec(bits, coordinates, one, fraction, range, cap, 0).Fault(3), Is.Not.Null);
}
