using System.Numerics;

namespace FedActors.Core.Numerics;

/// <summary>A fraction of whole numbers: what exact samplers take their parameters as.</summary>
/// <param name="Numerator">Any.</param>
/// <param name="Denominator">Above 0.</param>
public readonly record struct Rational(BigInteger Numerator, BigInteger Denominator)
{
    /// <summary>The very value of <paramref name="value"/>: a double is a whole number times a power of two.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not finite.</exception>
    public static Rational Of(double value)
    {
        if (!double.IsFinite(value))
            throw new ArgumentOutOfRangeException(nameof(value), value, "A finite number is needed.");
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52 & 0x7ff);
        var fraction = bits & 0xfffffffffffff;
        BigInteger mantissa = exponent == 0 ? fraction : fraction | 1L << 52;
        var shift = Math.Max(exponent, 1) - 1075;
        if (bits < 0)
            mantissa = -mantissa;
        return (shift >= 0
            ? new Rational(mantissa << shift, BigInteger.One)
            : new Rational(mantissa, BigInteger.One << -shift)).Reduced();
    }

    /// <summary>The least multiple of 1/<paramref name="denominator"/> that is not below this.</summary>
    public Rational CeilingTo(BigInteger denominator)
    {
        var quotient = BigInteger.DivRem(Numerator * denominator, Denominator, out var remainder);
        return new Rational(remainder.Sign > 0 ? quotient + 1 : quotient, denominator).Reduced();
    }

    /// <summary>In lowest terms.</summary>
    public Rational Reduced()
    {
        var divisor = BigInteger.GreatestCommonDivisor(Numerator, Denominator);
        return new Rational(Numerator / divisor, Denominator / divisor);
    }

    public static Rational operator *(Rational left, Rational right) =>
        new Rational(left.Numerator * right.Numerator, left.Denominator * right.Denominator).Reduced();
}
