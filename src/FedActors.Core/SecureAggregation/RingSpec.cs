using System.Numerics;

namespace FedActors.Core.SecureAggregation;

//  Ring of a secure sum
//      Residues mod 2^w of fixed-point numbers, wide enough that a sum over all hospitals cannot wrap.
//  Bound:    n * (WeightCap * Range * 2^FractionBits + 1 + NoiseTail) < 2^(w-1), decided in exact arithmetic.

/// <summary>What the vectors of a round are made of.</summary>
/// <param name="WordBits">w: 32 or 64.</param>
/// <param name="Coordinates">Words in a vector, the hidden ones behind the parameters included.</param>
/// <param name="ConstantOne">Index of the coordinate that holds 1 in every update: its sum must be the number of survivors.</param>
/// <param name="FractionBits">The scale is 2^FractionBits, 0 to 62.</param>
/// <param name="Range">Largest absolute value of a coordinate before weight and scale.</param>
/// <param name="WeightCap">Largest weight, at least 1.</param>
/// <param name="NoiseTail">What noise may add to one coordinate of one hospital, in residues; 0 without noise.</param>
public sealed record RingSpec(
    int WordBits, int Coordinates, int ConstantOne, int FractionBits, double Range, long WeightCap, double NoiseTail)
{
    /// <summary>Bytes of a vector.</summary>
    public int Bytes => checked(Coordinates * (WordBits / 8));

    /// <summary>What is wrong with these numbers for <paramref name="hospitals"/> updates; null where nothing is.</summary>
    public string? Fault(int hospitals)
    {
        if (WordBits is not (32 or 64))
            return $"words of {WordBits} bits: 32 or 64";
        if (Coordinates < 1 || (long)Coordinates * (WordBits / 8) > Array.MaxLength)
            return $"{Coordinates} coordinates do not fit one vector";
        if (ConstantOne < 0 || ConstantOne >= Coordinates)
            return $"no coordinate {ConstantOne} for the constant 1 among {Coordinates}";
        if (FractionBits is < 0 or > 62 || !double.IsFinite(Range) || Range <= 0 || WeightCap < 1
            || !double.IsFinite(NoiseTail) || NoiseTail < 0)
            return "fraction bits are 0 to 62, range is above 0, the weight cap at least 1, the noise tail not below 0";
        return null;
    }

    /// <summary>Whether a sum of <paramref name="hospitals"/> updates could leave [-2^(w-1), 2^(w-1)).</summary>
    public bool Overflows(int hospitals)
    {
        // A double is a dyadic rational: scaled by 2^1074 every one is an integer, and nothing is rounded.
        var scale = BigInteger.One << 1074;
        var each = WeightCap * Exact(Range) * (BigInteger.One << FractionBits) + scale + Exact(NoiseTail);
        return hospitals * each >= scale * (BigInteger.One << (WordBits - 1));
    }

    private static BigInteger Exact(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52 & 0x7FF);
        var mantissa = bits & 0xFFFFFFFFFFFFF;
        return exponent == 0 ? mantissa : (BigInteger)(mantissa | 1L << 52) << (exponent - 1);
    }
}
