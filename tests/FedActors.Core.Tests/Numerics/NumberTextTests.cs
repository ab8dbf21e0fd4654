using CsCheck;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Numerics;

public sealed class NumberTextTests
{
    [TestCase(1e-5, "1e-5")]
    [TestCase(1.25e-13, "1.25e-13")]
    [TestCase(0.05, "0.05")]
    [TestCase(88, "88")]
    [TestCase(1e300, "1e300")]
    public void A_number_is_written_as_a_person_writes_it(double value, string text) =>
        Assert.That(NumberText.Of(value), Is.EqualTo(text));

    [Test]
    public void What_is_written_in_full_reads_back_and_what_is_rounded_up_is_never_below() =>
        Gen.Double[1e-300, 1e300].Sample(value =>
        {
            Assert.That(double.Parse(NumberText.Of(value)), Is.EqualTo(value));
            Assert.That(double.Parse(NumberText.Above(value, 4)), Is.InRange(value, value * 1.001001));
        });
}
