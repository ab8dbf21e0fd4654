//  SplitMix64
//      A small seeded generator for what must repeat on every machine: splits, batch orders, initial weights. Never for
//      keys, masks or noise.
//  Source:   Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with the mixing
//            constants of Stafford's variant 13; Box and Muller 1958 for normals; Fisher-Yates (Durstenfeld 1964).
//  State:    64 bits; period 2^64.

namespace FedActors.Core.Numerics;

/// <summary>A seeded, repeatable stream of numbers. Not secure, not for several threads.</summary>
public sealed class SplitMix64(ulong seed)
{
    private ulong _state = seed;
    private double? _spareNormal;

    /// <summary>Uniform over all 64-bit numbers.</summary>
    public ulong NextUInt64()
    {
        unchecked
        {
            _state += 0x9E3779B97F4A7C15;
            var mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
            return mixed ^ (mixed >> 31);
        }
    }

    /// <summary>Uniform in [0, 1): a multiple of 2^-53.</summary>
    public double NextUniform() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Standard normal. Takes two uniforms u, v for two values: sqrt(-2 log(1-u)) times cos, then sin, of
    /// 2πv.</summary>
    public double NextNormal()
    {
        if (_spareNormal is { } spare)
        {
            _spareNormal = null;
            return spare;
        }
        var radius = Math.Sqrt(-2 * Math.Log(1 - NextUniform()));
        var (sin, cos) = Math.SinCos(2 * Math.PI * NextUniform());
        _spareNormal = radius * sin;
        return radius * cos;
    }

    /// <summary>The numbers 0 to <paramref name="count"/> - 1, shuffled.</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        Permute(order);
        return order;
    }

    /// <summary>Overwrites <paramref name="order"/> with 0 to its length - 1, shuffled: i from the last down to 1
    /// changes places with floor(u × (i + 1)), one uniform each.</summary>
    public void Permute(Span<int> order)
    {
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = (int)(NextUniform() * (i + 1));
            (order[i], order[j]) = (order[j], order[i]);
        }
    }
}
