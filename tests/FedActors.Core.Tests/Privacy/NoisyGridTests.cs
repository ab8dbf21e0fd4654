using CsCheck;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class NoisyGridTests
{
    private const ulong Seed = 11;

    /// <summary>How many patients were drawn decides whether sums come in single or in double precision: no weight may
    /// tell.</summary>
    [Test]
    public void The_same_sums_in_single_and_double_precision_make_the_same_weights_bit_for_bit()
    {
        const int Count = 1003;
        var grid = new NoisyGrid(Count, clip: 0.7, noiseMultiplier: 1.3, shares: 1, bits: 20, mostUnits: 64);
        var random = new SplitMix64(Seed);
        float[] sums = [.. Enumerable.Range(0, Count).Select(_ => (float)(300 * random.NextUniform() - 150) / 64)];
        float[] start = [.. Enumerable.Range(0, Count).Select(_ => (float)random.NextNormal())];
        var (single, @double) = (start.ToArray(), start.ToArray());
        using (var noise = grid.Open(new SeededSource(Seed)))
            grid.Step(sums, mostUnits: 3, noise, single, keep: 0.999, rate: 0.01);
        using (var noise = grid.Open(new SeededSource(Seed)))
            grid.Step([.. sums.Select(sum => (double)sum)], mostUnits: 3, noise, @double, keep: 0.999, rate: 0.01);
        Assert.That(@double, Is.EqualTo(single));
        Assert.That(single, Is.Not.EqualTo(start));
    }

    [Test]
    public void One_unit_more_never_moves_the_whole_number_sum_further_than_the_noise_is_measured_by() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[0, 60], Gen.Double[0.01, 100], Gen.Int[0, 20], Gen.ULong)
        .Sample((dimension, others, clip, bits, seed) =>
        {
            // At 0 bits the clip is one unit, and the rounding of coordinates is all there is.
            var grid = new NoisyGrid(dimension, clip, 100, 1, bits, mostUnits: 64);
            var random = new SplitMix64(seed);
            var with = new double[dimension];
            for (var unit = 0; unit < others; unit++)
                Add(with, Contribution(random, dimension, clip));
            var without = with.ToArray();
            Add(with, Contribution(random, dimension, clip));
            return Distance(Whole(grid, with), Whole(grid, without)) <= grid.L2;
        });

    [Test]
    public void Sums_that_meet_the_end_of_the_range_come_no_further_apart_by_it()
    {
        var grid = new NoisyGrid(3, clip: 1, noiseMultiplier: 20, shares: 1, bits: 10, mostUnits: 4);
        Assert.That(Distance(Whole(grid, [4.9, -6, 1], 4), Whole(grid, [4.2, -5.5, 1.4], 4)),
            Is.LessThanOrEqualTo(grid.L2));
        Assert.That(Whole(grid, [4.9, -6, 1], 4), Is.EqualTo((long[])[4096, -4096, 1024]));
    }

    [Test]
    public void What_is_not_a_number_counts_as_nothing_and_what_is_infinite_as_the_end_of_the_range()
    {
        var grid = new NoisyGrid(3, 1, 20, 1, 10, 4);
        Assert.That(Whole(grid, [double.NaN, double.PositiveInfinity, double.NegativeInfinity], 4),
            Is.EqualTo((long[])[0, 4096, -4096]));
    }

    [TestCase(1)]
    [TestCase(7)]
    public void The_shares_of_the_noise_add_up_to_at_least_what_is_promised(int shares)
    {
        const int Draws = 4000;
        var grid = new NoisyGrid(25, clip: 2, noiseMultiplier: 1.5, shares, bits: 12, mostUnits: 100);
        var source = new SeededSource(Seed);
        var squares = 0.0;
        for (var draw = 0; draw < Draws; draw++)
        {
            var sum = new long[25];
            for (var share = 0; share < shares; share++)
                sum = [.. sum.Zip(Released(grid, new double[25], source), (a, b) => a + b)];
            squares += sum.Sum(x => (double)x * x);
        }
        var promised = grid.NoiseMultiplier * grid.L2;
        Assert.That(squares / (Draws * 25.0) / (promised * promised),
            Is.EqualTo(1).Within(5 * Math.Sqrt(2.0 / (Draws * 25))), $"seed {Seed}");
    }

    [Test]
    public void An_empty_sum_releases_noise_alone_around_nothing_and_another_one_each_time()
    {
        var grid = new NoisyGrid(40, 1, 2, 1, 16, 10);
        var first = Released(grid, new double[40], SecureRandomSource.Instance);
        var second = Released(grid, new double[40], SecureRandomSource.Instance);
        Assert.That(first.Count(x => x != 0), Is.GreaterThan(30));
        Assert.That(first, Is.Not.EqualTo(second));
    }

    /// <summary>
    /// Mironov 2012: noise in floating point leaves gaps that depend on the true value. Whole numbers have none: the
    /// low bits of a release are fair, and the sets of them the same, whatever was summed.
    /// </summary>
    [Test]
    public void No_low_bit_of_a_release_depends_on_what_was_summed()
    {
        var grid = new NoisyGrid(1, 1, 1, 1, 16, 10);
        foreach (var value in (double[])[0, 1, 0.3333333333333333, 1e-9])
        {
            var counts = new long[8];
            var source = new SeededSource(Seed);
            for (var draw = 0; draw < 100_000; draw++)
                counts[Released(grid, [value], source)[0] & 7]++;
            ChiSquare.Fits(
                Enumerable.Range(0, 8).ToDictionary(i => (long)i, i => counts[i]),
                Enumerable.Range(0, 8).ToDictionary(i => (long)i, _ => 1.0),
                100_000, $"value {value}, seed {Seed}");
        }
    }

    [Test]
    public void Two_values_a_unit_apart_differ_in_a_release_by_that_unit_and_no_more()
    {
        var grid = new NoisyGrid(2, 1, 3, 1, 8, 10);
        var (zero, one) =
            (Released(grid, [0, 0], new SeededSource(5)), Released(grid, [1 / 256.0, -2 / 256.0], new SeededSource(5)));
        Assert.That(one.Zip(zero, (a, b) => a - b), Is.EqualTo((long[])[1, -2]));
    }

    [Test]
    public void The_real_values_of_a_release_are_clips_over_the_grids_units()
    {
        var grid = new NoisyGrid(2, clip: 0.5, noiseMultiplier: 3, shares: 1, bits: 4, mostUnits: 10);
        var values = new double[2];
        grid.ToReals([16, -1], values);
        Assert.That(values, Is.EqualTo((double[])[0.5, -0.03125]));
    }

    [Test]
    public void Shares_too_small_to_add_up_to_one_discrete_gaussian_are_refused()
    {
        var refusal = Assert.Throws<FaultException>(() => new NoisyGrid(10, 1, 1, shares: 50, bits: 4, mostUnits: 10));
        Assert.That(refusal!.Faults.Single().Number, Is.EqualTo(FaultNumber.NoiseShareTooSmall));
    }

    [Test]
    public void The_event_of_shared_noise_costs_what_one_draw_of_it_costs_at_every_rate()
    {
        foreach (var (rate, noise) in new[] { (1.0, 12.0), (0.2, 1.4), (0.01, 0.9) })
        {
            var shared = Spent(new NoisyGrid(500, 1, noise, shares: 44, bits: 12, mostUnits: 4096).Event(rate, 300));
            var whole = Spent(new NoisyGrid(500, 1, noise, shares: 1, bits: 12, mostUnits: 4096).Event(rate, 300));
            Assert.That(shared / whole - 1, Is.InRange(-1e-9, 1e-9), $"rate {rate}");
        }

        static double Spent(DpEvent @event) => RdpAccountant.Integer.Compose(@event).Spent(1e-5).Epsilon;
    }

    [Test]
    public void The_sum_of_doubles_is_charged_more_the_more_roundings_it_may_hold()
    {
        Assert.That(GridSensitivity.Summed(1, 4096), Is.GreaterThan(1).And.LessThan(1 + Math.ScaleB(1, -27)));
        Assert.That(GridSensitivity.Summed(1, 1 << 24), Is.LessThan(1.07));
        Assert.Throws<ArgumentException>(() => GridSensitivity.Summed(0, 10));
        Assert.Throws<ArgumentException>(() => GridSensitivity.Summed(1, 0));
    }

    [TestCase(0.5, 20)]
    [TestCase(1000, 20)]
    [TestCase(1e6, 14)]
    [TestCase(1e9, 4)]
    public void The_grid_is_as_fine_as_the_sampler_can_follow(double noise, int bits)
    {
        Assert.That(NoisyGrid.BitsFor(noise), Is.EqualTo(bits));
        Assert.DoesNotThrow(() => new NoisyGrid(3, 1, noise, 1, bits, 10));
    }

    private static double[] Contribution(SplitMix64 random, int dimension, double clip)
    {
        // As long as the clip allows, or far beyond it before clipping.
        var values = MadeUpPatients.Normals(random, dimension);
        var size = Math.Pow(10, 6 * random.NextUniform() - 3);
        for (var i = 0; i < dimension; i++)
            values[i] *= size * clip;
        NormClipping.Clip(values, clip);
        return values;
    }

    private static void Add(double[] sum, double[] contribution)
    {
        for (var i = 0; i < sum.Length; i++)
            sum[i] += contribution[i];
    }

    /// <summary>What is released, less the noise: that of the same bits around nothing.</summary>
    private static long[] Whole(NoisyGrid grid, double[] sum, int mostUnits = 64) =>
        [.. Released(grid, sum, new SeededSource(Seed), mostUnits)
            .Zip(Released(grid, new double[sum.Length], new SeededSource(Seed)), (a, b) => a - b)];

    private static long[] Released(NoisyGrid grid, double[] sum, IRandomSource random, int mostUnits = 64)
    {
        var released = new long[sum.Length];
        grid.Release(sum, mostUnits, random, released);
        return released;
    }

    private static double Distance(long[] left, long[] right) =>
        Math.Sqrt(left.Zip(right, (a, b) => (double)(a - b) * (a - b)).Sum());
}
