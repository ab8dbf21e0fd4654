using System.Numerics;

namespace FedActors.Core.Numerics;

/// <summary>
/// A real number at least 0 known to lie in [Low, High] / 2^bits: arithmetic rounds outward, so the number never
/// escapes.
/// </summary>
internal readonly record struct FixedPointEnclosure(BigInteger Low, BigInteger High)
{
    /// <summary>exp(-<paramref name="exponent"/>) for an exponent at least 0.</summary>
    public static FixedPointEnclosure ExpMinus(Rational exponent, int bits)
    {
        // exp(-x) = exp(-x/2^k)^(2^k) with x/2^k at most 1/2; the series of exp(+y) has only positive terms.
        var halvings = 0;
        while (2 * exponent.Numerator > exponent.Denominator << halvings)
            halvings++;
        var (numerator, denominator) = (exponent.Numerator, exponent.Denominator << halvings);
        var one = BigInteger.One << bits;
        var (low, high) = (one, one);
        var (termLow, termHigh) = (one, one);
        for (var k = 1; termLow > 0; k++)
        {
            termLow = termLow * numerator / (denominator * k);
            termHigh = termHigh * numerator / (denominator * k) + 1;
            (low, high) = (low + termLow, high + termHigh);
        }
        // The first term left out is below one unit and its successors halve: two units cover the rest.
        var result = new FixedPointEnclosure((one << bits) / (high + 2), (one << bits) / low + 1);
        for (; halvings > 0; halvings--)
            result = result.Times(result, bits);
        return result;
    }

    public FixedPointEnclosure Times(FixedPointEnclosure other, int bits) =>
        new(Low * other.Low >> bits, (High * other.High >> bits) + 1);

    public FixedPointEnclosure Times(Rational factor) =>
        new(Low * factor.Numerator / factor.Denominator, High * factor.Numerator / factor.Denominator + 1);

    public FixedPointEnclosure Plus(FixedPointEnclosure other) => new(Low + other.Low, High + other.High);
}
