using CsCheck;
using FedActors.Core.Aggregation;

namespace FedActors.Core.Tests.Aggregation;

public sealed class FixedPointCodeTests
{
    private static readonly Gen<int> RingBits = Gen.Bool.Select(wide => wide ? 64 : 32);

    private static readonly Gen<(int Bits, int Parties, int Cap, double Range)> Codes =
        Gen.Select(RingBits, Gen.Int[1, 300], Gen.Int[1, 4096], Gen.Double[0.1, 10]);

    [Test]
    public void The_largest_sum_of_all_parties_stays_inside_the_ring() => Codes.Sample(c =>
    {
        var code = new FixedPointCode(c.Bits, c.Parties, c.Cap, c.Range, 1);
        return (double)c.Parties * (c.Cap * c.Range * code.Scale + 1) < Math.ScaleB(1, c.Bits - 1);
    });

    [Test]
    public void The_decoded_mean_is_within_the_stated_error_of_the_true_one() =>
        Gen.Select(Codes, Gen.Int[1, 12], Gen.ULong).Sample((c, length, seed) =>
        {
            var code = new FixedPointCode(c.Bits, c.Parties, c.Cap, c.Range, length);
            var random = new Core.Numerics.SplitMix64(seed);
            var sum = new ModularSum(c.Bits, code.Bytes);
            var (truth, total) = (new double[length], 0L);
            for (var party = 0; party < c.Parties; party++)
            {
                var weight = 1 + (long)(random.NextUniform() * (c.Cap - 1));
                var update = Enumerable.Range(0, length).Select(_ => c.Range * (2 * random.NextUniform() - 1))
                    .ToArray();
                var residues = new byte[code.Bytes];
                code.Encode(update, weight, 0, residues);
                sum.Add(residues);
                total += weight;
                for (var i = 0; i < length; i++)
                    truth[i] += weight * update[i];
            }
            var decoded = code.Decode(sum.Words, c.Parties)!;
            var bound = c.Parties / (2 * code.Scale * total) + 1e-12 * c.Range;
            return decoded.TotalWeight == total
                && decoded.Mean.Zip(truth, (mean, t) => Math.Abs(mean - t / total)).All(error => error <= bound);
        }, iter: 300);

    [Test]
    public void The_sum_does_not_depend_on_the_order_of_arrival() =>
        Gen.Select(RingBits, Gen.Byte.Array[64].Array[1, 9], Gen.Int).Sample((bits, updates, seed) =>
        {
            var (forth, shuffled) = (new ModularSum(bits, 64), new ModularSum(bits, 64));
            foreach (var update in updates)
                forth.Add(update);
            foreach (var index in new Core.Numerics.SplitMix64((ulong)seed).Permutation(updates.Length))
                shuffled.Add(updates[index]);
            return forth.Words.SequenceEqual(shuffled.Words);
        });

    [Test]
    public void Every_word_is_its_value_rounded_to_the_nearest_with_ties_to_even_however_many_are_rounded_together(
        [Range(1, 40)] int length)
    {
        var code = new FixedPointCode(32, 4, 16, 8, length);
        var random = new Core.Numerics.SplitMix64((ulong)length);
        // Every third lies on a tie.
        var update = Enumerable.Range(0, length).Select(i => i % 3 == 0
            ? (Math.Floor(random.NextNormal() * 1000) + 0.5) / (5 * code.Scale)
            : Math.Clamp(3 * random.NextNormal(), -8, 8)).ToArray();
        var residues = new byte[code.Bytes];
        code.Encode(update, 5, 0, residues);
        for (var i = 0; i < length; i++)
            Assert.That(BitConverter.ToInt32(residues, 4 * i),
                Is.EqualTo((int)Math.Round(update[i] * (5 * code.Scale), MidpointRounding.ToEven)));
    }

    [Test]
    public void Every_coordinate_beyond_the_range_is_found_wherever_it_stands([Range(0, 19)] int place)
    {
        var code = new FixedPointCode(32, 4, 16, 8, 20);
        var update = Enumerable.Repeat(8.0, 20).ToArray();
        update[place] = -8.5;
        Assert.That(() => code.Encode(update, 1, 0, new byte[code.Bytes]), Throws.ArgumentException);
        Assert.That(code.Saturate(update), Is.EqualTo(1));
        Assert.That(update[place], Is.EqualTo(-8));
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    [TestCase(8.0000001)]
    [TestCase(-9)]
    public void A_coordinate_that_is_not_finite_or_beyond_the_range_is_refused(double bad)
    {
        var code = new FixedPointCode(32, 5, 100, 8, 2);
        Assert.Throws<ArgumentException>(() => code.Encode([1, bad], 10, 0, new byte[code.Bytes]));
    }

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(101)]
    public void A_weight_outside_the_agreed_range_is_refused(long weight)
    {
        var code = new FixedPointCode(32, 5, 100, 8, 1);
        Assert.Throws<ArgumentException>(() => code.Encode([1], weight, 0, new byte[code.Bytes]));
    }

    [TestCase(32)]
    [TestCase(64)]
    public void Counts_add_beside_the_values_without_weight_and_one_that_could_wrap_is_refused(int bits)
    {
        var code = new FixedPointCode(bits, 2, 100, 8, 1, counts: 2);
        var sum = new ModularSum(bits, code.Bytes);
        foreach (var weight in (int[])[1, 100])
        {
            var residues = new byte[code.Bytes];
            code.Encode([1], weight, 0, residues, [weight, code.CountCap]);
            sum.Add(residues);
        }
        var decoded = code.Decode(sum.Words, 2)!;
        Assert.That(decoded.Counts, Is.EqualTo(new[] { 101, 2 * code.CountCap }));
        Assert.That(decoded.Mean.Single(), Is.EqualTo(1));

        Assert.Throws<ArgumentException>(() => code.Encode([1], 1, 0, new byte[code.Bytes], [0, code.CountCap + 1]));
        Assert.Throws<ArgumentException>(() => code.Encode([1], 1, 0, new byte[code.Bytes], [-1, 0]));
        Assert.Throws<ArgumentException>(() => code.Encode([1], 1, 0, new byte[code.Bytes], [0]));
        Assert.Throws<ArgumentException>(() => code.Encode([1], 1, 0, new byte[code.Bytes]));
    }

    [Test]
    public void Saturating_brings_every_coordinate_into_range_and_counts_them()
    {
        var code = new FixedPointCode(32, 5, 100, 8, 4);
        double[] update = [9, -7, -80, 8];

        Assert.That(code.Saturate(update), Is.EqualTo(2));
        Assert.That(update, Is.EqualTo(new double[] { 8, -7, -8, 8 }));
    }

    [Test]
    public void The_count_of_saturated_coordinates_is_in_the_sum()
    {
        var code = new FixedPointCode(32, 2, 100, 8, 1);
        var sum = new ModularSum(32, code.Bytes);
        foreach (var saturated in (int[])[3, 4])
        {
            var residues = new byte[code.Bytes];
            code.Encode([1], 10, saturated, residues);
            sum.Add(residues);
        }

        Assert.That(code.Decode(sum.Words, 2)!.Saturated, Is.EqualTo(7));
    }

    [Test]
    public void A_sum_that_holds_another_number_of_updates_is_not_decoded()
    {
        var code = new FixedPointCode(64, 3, 100, 8, 2);
        var sum = new ModularSum(64, code.Bytes);
        var residues = new byte[code.Bytes];
        code.Encode([1, -2], 10, 0, residues);
        sum.Add(residues);
        sum.Add(residues);

        Assert.That(code.Decode(sum.Words, 3), Is.Null);
        Assert.That(code.Decode(sum.Words, 2), Is.Not.Null);
    }

    [Test]
    public void A_ring_without_room_is_refused() =>
        Assert.Throws<ArgumentException>(() => _ = new FixedPointCode(32, 1000, 1 << 22, 8, 1));

    [TestCase(32)]
    [TestCase(64)]
    public void Whole_numbers_with_their_noise_add_up_and_are_read_as_shares_of_the_scale(int bits)
    {
        var code = new FixedPointCode(bits, 3, weightCap: 100, range: 1, values: 3, mostScaleBits: 12);
        var sum = new ModularSum(bits, code.Bytes);
        foreach (var (whole, weight) in (((long, long), long)[])[((5000, -70), 40), ((-9000, 1), 60), ((1, 2), 100)])
        {
            var residues = new byte[code.Bytes];
            code.EncodeWhole([whole.Item1, whole.Item2], weight, residues);
            sum.Add(residues);
        }
        var decoded = code.Decode(sum.Words, 3)!;
        Assert.That(code.ScaleBits, Is.EqualTo(12));
        Assert.That(decoded.Mean, Is.EqualTo((double[])[-3999 / (4096.0 * 200), -67 / (4096.0 * 200), 0]));
        Assert.That((decoded.TotalWeight, decoded.Saturated), Is.EqualTo((200, 0)));
    }

    [Test]
    public void Whole_numbers_that_do_not_fit_the_code_are_refused()
    {
        var code = new FixedPointCode(32, 3, 100, 1, 2);
        Assert.Throws<ArgumentException>(() => code.EncodeWhole([1, 2, 3], 10, new byte[code.Bytes]));
        Assert.Throws<ArgumentException>(() => code.EncodeWhole([1, 2], 10, new byte[code.Bytes - 4]));
        Assert.Throws<ArgumentException>(() => code.EncodeWhole([1, 2], 101, new byte[code.Bytes]));
        Assert.Throws<ArgumentException>(() => code.EncodeWhole([1, 2], 0, new byte[code.Bytes]));
    }
}
