using CsCheck;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class BinaryField128Tests
{
    private static readonly Gen<UInt128> Element = Gen.Select(Gen.ULong, Gen.ULong, (high, low) => new UInt128(high, low));

    [Test]
    public void Products_equal_the_schoolbook_on_every_path() =>
        Gen.Select(Element, Element).Sample((a, b) =>
        {
            var expected = Schoolbook(a, b);
            return BinaryField128.MultiplyPortable(a, b) == expected
                && (!BinaryField128.IsAccelerated || BinaryField128.MultiplyAccelerated(a, b) == expected)
                && BinaryField128.MultiplySmall(a, (ushort)b) == Schoolbook(a, (ushort)b);
        });

    [Test]
    public void An_element_times_its_inverse_is_one() =>
        Element.Where(a => a != 0).Sample(a => BinaryField128.Multiply(a, BinaryField128.Inverse(a)) == 1, iter: 200);

    [Test]
    public void Many_inverses_at_once_are_the_inverses() =>
        Element.Where(a => a != 0).Array[1, 20].Sample(elements =>
        {
            var inverses = (UInt128[])elements.Clone();
            BinaryField128.InvertAll(inverses);
            return elements.Zip(inverses).All(pair => BinaryField128.Multiply(pair.First, pair.Second) == 1);
        }, iter: 100);

    [Test]
    public void Two_polynomials_have_the_values_that_powers_give() =>
        Gen.Select(Element.Array[2, 12].Where(c => c.Length % 2 == 0), Gen.UShort).Sample((coefficients, x) =>
        {
            UInt128 first = 0, second = 0, power = 1;
            for (var i = coefficients.Length - 2; i >= 0; i -= 2)
            {
                first ^= Schoolbook(coefficients[i], power);
                second ^= Schoolbook(coefficients[i + 1], power);
                power = Schoolbook(power, x);
            }
            return BinaryField128.Evaluate(coefficients, x) == (first, second);
        }, iter: 300);

    [Test]
    public void The_edges_fold_back_by_the_polynomial()
    {
        var top = UInt128.One << 127;
        Assert.That(BinaryField128.Multiply(top, 2), Is.EqualTo((UInt128)0x87), "x^128 = x^7 + x^2 + x + 1");
        Assert.That(BinaryField128.MultiplyPortable(UInt128.MaxValue, UInt128.MaxValue), Is.EqualTo(Schoolbook(UInt128.MaxValue, UInt128.MaxValue)));
        Assert.That(BinaryField128.MultiplySmall(UInt128.MaxValue, ushort.MaxValue), Is.EqualTo(Schoolbook(UInt128.MaxValue, ushort.MaxValue)));
    }

    private static UInt128 Schoolbook(UInt128 a, UInt128 b)
    {
        UInt128 product = 0;
        for (; b != 0; b >>= 1)
        {
            if ((b & 1) != 0)
                product ^= a;
            a = a << 1 ^ (a >> 127 != 0 ? 0x87u : UInt128.Zero);
        }
        return product;
    }
}
