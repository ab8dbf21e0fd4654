using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Numerics;

public sealed class FastFourierTransformTests
{
    [Test]
    public void Each_frequency_is_its_sum_within_the_stated_error([Values(2, 4, 64, 512)] int length)
    {
        var random = new SplitMix64(1);
        var input = Enumerable.Range(0, length).Select(_ => new Complex(random.NextNormal(), random.NextNormal()))
            .ToArray();
        var transformed = input.ToArray();
        var transform = new FastFourierTransform(length);
        transform.Forward(transformed);

        var bound = transform.Error * input.Sum(value => value.Magnitude);
        for (var k = 0; k < length; k++)
        {
            var sum = Complex.Zero;
            for (var j = 0; j < length; j++)
                sum += input[j] * Complex.FromPolarCoordinates(1, -2 * Math.PI * ((long)j * k % length) / length);
            Assert.That((transformed[k] - sum).Magnitude, Is.LessThan(bound + 1e-14 * length));
        }
        transform.Inverse(transformed);
        for (var j = 0; j < length; j++)
            Assert.That((transformed[j] - input[j]).Magnitude, Is.LessThan(2 * bound));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(48)]
    public void A_length_that_is_no_power_of_two_is_refused(int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FastFourierTransform(length));
}
