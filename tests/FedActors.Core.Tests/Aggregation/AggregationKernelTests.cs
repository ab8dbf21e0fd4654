using System.Runtime.InteropServices;
using FedActors.Core.Aggregation;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Aggregation;

/// <summary>Each kernel beside a plain loop in binary64, on sizes that fill no vector, and its three forms beside one another.</summary>
public class AggregationKernelTests
{
    private static readonly SimdForm[] Forms = Enum.GetValues<SimdForm>();
    private static readonly int[] Counts = [1, 2, 3, 4, 5, 8, 9, 33, 100];
    private static readonly int[] Lengths = [1, 7, 31, 32, 33, 255, 256, 257, 1023, 1025, 2049];

    [Test]
    public void The_median_is_that_of_a_sort_whatever_the_form(
        [ValueSource(nameof(Counts))] int count, [ValueSource(nameof(Lengths))] int length)
    {
        var updates = MadeUp(count, length);
        var network = SortingNetwork.For(count, (count - 1) / 2, count - 2 * ((count - 1) / 2));
        foreach (var form in Forms)
        {
            var means = new double[length];
            CoordinateRanks.Mean(Single(updates), network, means, form);
            for (var k = 0; k < length; k++)
            {
                var column = updates.Select(update => (double)update[k]).Order().ToArray();
                Assert.That(means[k], Is.EqualTo((column[(count - 1) / 2] + column[count / 2]) / 2), $"{form}, coordinate {k}");
            }
        }
    }

    [Test]
    public void A_trimmed_mean_is_that_of_a_sort_and_has_the_same_bits_in_every_form(
        [Values(5, 8, 33, 100)] int count, [ValueSource(nameof(Lengths))] int length)
    {
        var (updates, trim) = (MadeUp(count, length), count / 5);
        var network = SortingNetwork.For(count, trim, count - 2 * trim);
        double[]? first = null;
        foreach (var form in Forms)
        {
            var means = new double[length];
            CoordinateRanks.Mean(Single(updates), network, means, form);
            for (var k = 0; k < length; k++)
                Assert.That(means[k], Is.EqualTo(updates.Select(update => (double)update[k]).Order().Skip(trim).SkipLast(trim).Average()).Within(1e-13));
            AssertSameBits(first ??= means, means);
        }
    }

    [Test]
    public void A_signed_zero_ranks_the_same_in_every_form()
    {
        float[][] updates = [[-0f, 0f], [0f, -0f], [-0f, -0f]];
        foreach (var form in Forms)
        {
            var means = new double[2];
            CoordinateRanks.Mean(Single(updates), SortingNetwork.For(3, 1, 1), means, form);
            AssertSameBits([0, 0], means);
        }
    }

    [Test]
    public void Distances_are_those_of_a_double_loop_and_have_the_same_bits_in_every_form(
        [ValueSource(nameof(Counts))] int count, [ValueSource(nameof(Lengths))] int length)
    {
        var updates = MadeUp(count, length);
        double[]? first = null;
        foreach (var form in Forms)
        {
            var distances = SquaredDistances.AllPairs(Single(updates), form);
            for (var i = 0; i < count; i++)
            {
                for (var j = 0; j < count; j++)
                {
                    var exact = Distance(updates[i], updates[j]);
                    Assert.That(distances[i * count + j], Is.EqualTo(exact).Within(34 * Math.ScaleB(1, -24) * exact));
                }
            }
            AssertSameBits(first ??= distances, distances);
        }
    }

    [Test]
    public void Distances_lose_no_more_than_their_bound()
    {
        // Far from the origin the form |a|² + |b|² - 2ab would have no digit left.
        var updates = MadeUp(9, 4000);
        foreach (var update in updates)
            update.AsSpan()[..2000].Fill(1e4f);
        var distances = SquaredDistances.AllPairs(Single(updates), SimdForms.Best);
        for (var i = 0; i < 9; i++)
        {
            for (var j = 0; j < 9; j++)
            {
                var exact = Distance(updates[i], updates[j]);
                Assert.That(Math.Abs(distances[i * 9 + j] - exact), Is.LessThanOrEqualTo(34 * Math.ScaleB(1, -24) * exact));
            }
        }
    }

    [Test]
    public void Distances_from_a_point_are_those_of_a_double_loop([ValueSource(nameof(Lengths))] int length)
    {
        var updates = MadeUp(5, length);
        var point = MadeUpPatients.Normals(new SplitMix64(3), length);
        var distances = new double[5];
        SquaredDistances.From(Single(updates), point, distances);
        for (var i = 0; i < 5; i++)
        {
            var exact = point.Zip(updates[i], (a, b) => (a - b) * (a - b)).Sum();
            Assert.That(distances[i], Is.EqualTo(exact).Within(1e-12 * exact));
        }
    }

    [Test]
    public void A_weighted_mean_is_that_of_a_double_loop_and_has_the_same_bits_in_every_form(
        [ValueSource(nameof(Counts))] int count, [ValueSource(nameof(Lengths))] int length)
    {
        var updates = MadeUp(count, length);
        var weights = MadeUpPatients.Normals(new SplitMix64(5), count);
        weights[count / 2] = 0;
        double[]? first = null;
        foreach (var form in Forms)
        {
            var sum = new double[length];
            WeightedMean.Of(Single(updates), weights, sum, form);
            for (var k = 0; k < length; k++)
                Assert.That(sum[k], Is.EqualTo(weights.Select((weight, u) => weight * updates[u][k]).Sum()).Within(1e-13));
            AssertSameBits(first ??= sum, sum);
        }
    }

    [Test]
    public void Updates_in_a_stream_give_the_same_bits_as_in_memory()
    {
        // Longer than a window, and not in the order they are read.
        var updates = MadeUp(4, 70_001);
        using var stream = new MemoryStream();
        var places = new long[4];
        foreach (var u in (int[])[2, 0, 3, 1])
        {
            places[u] = stream.Position;
            stream.Write(MemoryMarshal.AsBytes(updates[u].AsSpan()));
            stream.Write(new byte[12]);
        }
        var streamed = new SingleUpdates(stream, [.. places], 70_001);
        foreach (var rule in (IRobustRule[])[new TrimmedMean(null), new TrimmedMean(1), new Krum(0, 1), new GeometricMedian(), new NormBound(null)])
        {
            var (a, b) = (new double[70_001], new double[70_001]);
            rule.Aggregate(Single(updates), a, SimdForms.Best);
            rule.Aggregate(streamed, b, SimdForms.Best);
            AssertSameBits(a, b);
        }
    }

    [Test]
    public void Lengths_that_do_not_fit_are_refused()
    {
        var updates = Single(MadeUp(3, 5));
        Assert.That(() => new SingleUpdates([new float[2], new float[3]]), Throws.ArgumentException);
        Assert.That(() => new SingleUpdates([]), Throws.ArgumentException);
        Assert.That(() => CoordinateRanks.Mean(updates, SortingNetwork.For(4, 1, 2), new double[5], SimdForms.Best), Throws.ArgumentException);
        Assert.That(() => CoordinateRanks.Mean(updates, SortingNetwork.For(3, 1, 1), new double[4], SimdForms.Best), Throws.ArgumentException);
        Assert.That(() => WeightedMean.Of(updates, [1, 1], new double[5], SimdForms.Best), Throws.ArgumentException);
    }

    internal static SingleUpdates Single(float[][] updates) => new([.. updates.Select(update => (ReadOnlyMemory<float>)update)]);

    internal static float[][] MadeUp(int count, int length, ulong seed = 1)
    {
        var source = new SplitMix64(seed);
        return [.. Enumerable.Range(0, count).Select(_ => MadeUpPatients.Normals(source, length).Select(x => (float)x).ToArray())];
    }

    private static double Distance(float[] a, float[] b) => a.Zip(b, (x, y) => ((double)x - y) * ((double)x - y)).Sum();

    private static void AssertSameBits(double[] expected, double[] actual) => Assert.That(
        actual.Select(BitConverter.DoubleToInt64Bits), Is.EqualTo(expected.Select(BitConverter.DoubleToInt64Bits)));
}
