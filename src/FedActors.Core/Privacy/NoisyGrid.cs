//  Noisy sums on a grid
//      A sum of clipped contributions becomes whole numbers, in units of clip / 2^bits; exact discrete Gaussian noise
//      is added to
//      them, or this party's share of it; only then are they turned into doubles again.
//  Source:   Abadi et al., CCS 2016 (clip, add, noise); integers against the gaps of floating point: Mironov, CCS 2012;
//            Canonne, Kamath, Steinke, NeurIPS 2020. Shares: Kairouz, Liu, Steinke, ICML 2021.
//  Size:     one 64-bit integer a coordinate.
//  Error:    rounding to the grid, at most half a unit a coordinate; the sensitivity it costs is charged (see L2).
//  Proof:    NoisyGrid.md

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>What one release of sums is made with. Immutable; may be shared by threads.</summary>
public sealed class NoisyGrid
{
    /// <summary>A share of the noise below so many grid units is refused: sums of shares are then as good as one
    /// draw.</summary>
    public const double LeastShare = 8;

    /// <summary>The finest grid that is used: finer ones cost range and gain nothing.</summary>
    public const int MostBits = 20;

    private const int MostSigmaBits = 34;

    private readonly DiscreteGaussian _noise;
    private readonly double _unitsPerOne;

    /// <param name="dimension">Coordinates, at least 1.</param>
    /// <param name="clip">Norm of one unit's contribution at most, above 0.</param>
    /// <param name="noiseMultiplier">z: standard deviation of the whole noise over how far one unit moves the
    /// sum.</param>
    /// <param name="shares">Parties that add a share each; 1 where this party adds all of it.</param>
    /// <param name="bits">The clip is 2^bits grid units.</param>
    /// <param name="mostUnits">Units in a sum at most: a public bound.</param>
    /// <exception cref="FaultException">FA-6050: the share of the noise would be below <see cref="LeastShare"/> grid
    /// units.</exception>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    public NoisyGrid(int dimension, double clip, double noiseMultiplier, int shares, int bits, int mostUnits)
    {
        PrivacyRange.Require(PrivacyRange.NoiseMultiplier(noiseMultiplier));
        ArgumentOutOfRangeException.ThrowIfLessThan(shares, 1);
        if (bits is < 0 or > MostBits)
            throw new ArgumentOutOfRangeException(nameof(bits), bits, $"A grid has 0 to {MostBits} bits.");
        (Dimension, Clip, NoiseMultiplier, Shares, Bits) = (dimension, clip, noiseMultiplier, shares, bits);
        _unitsPerOne = Math.ScaleB(1, bits) / clip;
        // Whole, so that z times it is exact: sigma^2 is then a fraction that only ever was rounded up.
        L2 =
            Math.Ceiling(GridSensitivity.RoundedL2(GridSensitivity.Summed(Math.ScaleB(1, bits), mostUnits), dimension));
        var sigma = Rational.Of(noiseMultiplier) * Rational.Of(L2);
        var variance = sigma * sigma * new Rational(1, shares);
        ShareSigma = noiseMultiplier * L2 / Math.Sqrt(shares);
        if (ShareSigma < LeastShare)
            throw new FaultException(new Fault(FaultNumber.NoiseShareTooSmall,
                FormattableString.Invariant(
                    $"A share of the noise of {ShareSigma:0.##} grid units is below {LeastShare}."), "noise-multiplier",
                "Give more noise, fewer honest survivors, or a finer grid: ring-bits = 64, a smaller weight-cap."));
        _noise = new DiscreteGaussian(variance.CeilingTo(1 << 20));
    }

    /// <summary>Coordinates.</summary>
    public int Dimension { get; }

    /// <summary>Norm of one unit's contribution at most, in the contribution's units.</summary>
    public double Clip { get; }

    /// <summary>z.</summary>
    public double NoiseMultiplier { get; }

    /// <summary>Parties whose noise the promise counts.</summary>
    public int Shares { get; }

    /// <summary>The clip is 2^Bits grid units.</summary>
    public int Bits { get; }

    /// <summary>How far one unit can move the whole-number sum, in grid units: what the noise is measured by.</summary>
    public double L2 { get; }

    /// <summary>Standard deviation of what this party adds to a coordinate, in grid units.</summary>
    public double ShareSigma { get; }

    /// <summary>What a release on this grid is, for an accountant.</summary>
    /// <param name="rate">With which units were drawn.</param>
    /// <param name="steps">How many releases.</param>
    public DpEvent Event(double rate, long steps) => Shares == 1
        ? new DpEvent.SampledGaussian(rate, NoiseMultiplier, steps)
        : new DpEvent.DistributedDiscreteGaussian(
            rate, L2, GridSensitivity.L1(L2, Dimension), NoiseMultiplier * L2, Shares, Dimension, steps);

    /// <summary>The finest grid on which noise of this multiplier still fits the sampler.</summary>
    public static int BitsFor(double noiseMultiplier) =>
        (int)Math.Clamp(MostSigmaBits - Math.Ceiling(Math.Log2(Math.Max(1, noiseMultiplier))), 0, MostBits);

    /// <summary>Rounds to the grid and adds this party's noise.</summary>
    /// <param name="sum">Of contributions of norm at most <see cref="Clip"/>; length <see cref="Dimension"/>. One that
    /// is not a number, or beyond <paramref name="mostUnits"/> clips, is brought into that range: no two neighbours
    /// come further apart by it.</param>
    /// <param name="mostUnits">Clips that a coordinate can hold, at least 1.</param>
    /// <param name="random">Fair bits: the operating system's.</param>
    /// <param name="released">Length <see cref="Dimension"/>; overwritten with whole numbers, noise included.</param>
    public void Release(ReadOnlySpan<double> sum, int mostUnits, IRandomSource random, Span<long> released)
    {
        using var noise = Open(random);
        Release(sum, mostUnits, noise, released);
    }

    /// <summary>The randomness of one charge, for as many releases as it covers.</summary>
    internal NoiseStream Open(IRandomSource random) => new(_noise, random, Dimension);

    internal void Release(ReadOnlySpan<double> sum, int mostUnits, NoiseStream noise, Span<long> released)
    {
        if (sum.Length != Dimension || released.Length != Dimension)
            throw new ArgumentException($"{sum.Length} and {released.Length} coordinates; the grid has {Dimension}.",
                nameof(sum));
        var most = (double)mostUnits * (1L << Bits);
        for (var at = 0; at < sum.Length;)
        {
            var own = noise.Next(sum.Length - at);
            Add(sum.Slice(at, own.Length), most, own, released.Slice(at, own.Length));
            at += own.Length;
        }
    }

    private void Add(ReadOnlySpan<double> sum, double most, ReadOnlySpan<long> noise, Span<long> released)
    {
        const int Lanes = EightLanes.Count;
        var i = 0;
        for (; i <= sum.Length - Lanes; i += Lanes)
        {
            var whole = Vector512.ConvertToInt64(Whole(Vector512.Create(sum.Slice(i, Lanes)), most));
            (whole + Vector512.Create(noise.Slice(i, Lanes))).CopyTo(released[i..]);
        }
        for (; i < sum.Length; i++)
            released[i] = (long)Whole(sum[i], most) + noise[i];
    }

    // Grid units, within a range whose sum with any noise is far from the ends of 64 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<double> Whole(Vector512<double> sum, double most)
    {
        var units = Vector512.Round(sum * _unitsPerOne);
        var within = Vector512.MinNative(
            Vector512.MaxNative(units, Vector512.Create(-most)), Vector512.Create(most));
        return within & Vector512.Equals(units, units);
    }

    private double Whole(double sum, double most)
    {
        var units = Math.Round(sum * _unitsPerOne, MidpointRounding.ToEven);
        return double.IsNaN(units) ? 0 : Math.Clamp(units, -most, most);
    }

    /// <summary>
    /// weights = keep weights - rate released, where released is <paramref name="sums"/> rounded to the grid with this
    /// party's noise, in the contribution's units: one pass, in which nothing else is written.
    /// </summary>
    /// <param name="sums">Coordinates of a sum that <see cref="ExactSums"/> made.</param>
    /// <param name="mostUnits">As in a release: the same sum gives the same release here as there.</param>
    /// <param name="weights">As many.</param>
    internal void Step(
        ReadOnlySpan<float> sums, int mostUnits, NoiseStream noise, Span<float> weights, double keep, double rate)
    {
        var (most, perUnit) = ((double)mostUnits * (1L << Bits), -rate / _unitsPerOne);
        while (!sums.IsEmpty)
        {
            var own = noise.Next(sums.Length);
            Step(sums[..own.Length], most, own, weights[..own.Length], keep, perUnit);
            sums = sums[own.Length..];
            weights = weights[own.Length..];
        }
    }

    private void Step(
        ReadOnlySpan<float> sums, double most, ReadOnlySpan<long> noise, Span<float> weights, double keep,
        double perUnit)
    {
        const int Lanes = EightLanes.Count;
        ref var sum = ref MemoryMarshal.GetReference(sums);
        ref var own = ref MemoryMarshal.GetReference(noise);
        ref var weight = ref MemoryMarshal.GetReference(weights);
        nuint i = 0;
        for (; i + Lanes <= (nuint)sums.Length; i += Lanes)
        {
            // Whole numbers below 2^53: their sum is exact in doubles too.
            var released = Whole(Widen(ref sum, i), most)
                + Vector512.ConvertToDouble(Vector512.LoadUnsafe(ref own, i));
            var moved = Vector512.FusedMultiplyAdd(
                released, Vector512.Create(perUnit), Widen(ref weight, i) * keep);
            EightLanes.Narrow(moved).StoreUnsafe(ref weight, i);
        }
        for (var rest = (int)i; rest < sums.Length; rest++)
            weights[rest] = Moved(Whole(sums[rest], most) + noise[rest], weights[rest], keep, perUnit);
    }

    /// <summary>The same of sums in double precision: the same numbers make the same weights, bit for bit.</summary>
    internal void Step(
        ReadOnlySpan<double> sums, int mostUnits, NoiseStream noise, Span<float> weights, double keep, double rate)
    {
        var (most, perUnit) = ((double)mostUnits * (1L << Bits), -rate / _unitsPerOne);
        for (var i = 0; i < sums.Length;)
        {
            foreach (var own in noise.Next(sums.Length - i))
            {
                weights[i] = Moved(Whole(sums[i], most) + own, weights[i], keep, perUnit);
                i++;
            }
        }
    }

    private static float Moved(double released, float weight, double keep, double perUnit) =>
        (float)Math.FusedMultiplyAdd(released, perUnit, weight * keep);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Widen(ref float from, nuint at) =>
        EightLanes.Widen(Vector256.LoadUnsafe(ref from, at));

    /// <summary>What was released, in the contribution's units.</summary>
    /// <param name="values">Length of <paramref name="released"/>; overwritten.</param>
    public void ToReals(ReadOnlySpan<long> released, Span<double> values)
    {
        const int Lanes = EightLanes.Count;
        var i = 0;
        for (; i <= released.Length - Lanes; i += Lanes)
            (Vector512.ConvertToDouble(Vector512.Create(released.Slice(i, Lanes))) / Vector512.Create(_unitsPerOne))
                .CopyTo(values[i..]);
        for (; i < released.Length; i++)
            values[i] = released[i] / _unitsPerOne;
    }
}
