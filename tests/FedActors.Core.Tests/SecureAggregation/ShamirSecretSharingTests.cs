using CsCheck;
using FedActors.Core.Numerics;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class ShamirSecretSharingTests
{
    private const int Size = ShamirSecretSharing.Size;

    [Test]
    public void Shares_of_an_independent_implementation_combine_here()
    {
        var lines = 0;
        foreach (var line in File.ReadLines(Path.Combine(TestContext.CurrentContext.TestDirectory, "SecureAggregation", "ShamirShares.txt")))
        {
            if (line.StartsWith('#'))
                continue;
            var fields = line.Split(' ');
            var (threshold, secret) = (int.Parse(fields[0]), Convert.FromHexString(fields[1]));
            var shares = fields[2..].Select(Convert.FromHexString).ToArray();
            foreach (var positions in new[] { FirstOf(threshold), LastOf(threshold, shares.Length) })
                Assert.That(Combine(positions, shares), Is.EqualTo(secret), line[..40]);
            lines++;
        }
        Assert.That(lines, Is.EqualTo(10));
    }

    [Test]
    public void Any_threshold_of_shares_gives_the_secret_back() =>
        Gen.Select(Gen.Int[1, 40], Gen.Long, Gen.Byte.Array[Size]).Sample((n, seed, secret) =>
        {
            var random = new TestRandom(seed);
            var threshold = 1 + random.Below(n);
            var shares = Split(secret, threshold, n, random);
            return Combine(Some(threshold, n, random), shares).AsSpan().SequenceEqual(secret);
        }, iter: 300);

    [Test]
    public void Fewer_shares_are_consistent_with_every_secret()
    {
        // For any t - 1 shares and any secret there is a polynomial of degree t - 1 through them: the secret interpolated as a
        // share at a further position, together with the t - 1, gives back that very secret. So they rule nothing out.
        Gen.Select(Gen.Int[2, 20], Gen.Long, Gen.Byte.Array[Size]).Sample((n, seed, other) =>
        {
            var random = new TestRandom(seed);
            var threshold = 2 + random.Below(n - 1);
            var shares = Split(random.Next(Size), threshold, n, random);
            var positions = Some(threshold, n, random);
            // Change only the last share of the t so that `other` comes out: the t - 1 stay as they were.
            var before = Combine(positions, shares);
            var last = positions[^1] - 1;
            var unit = new byte[Size];
            unit[15] = unit[31] = 1;                                            // the element 1, twice
            var probe = shares.Select(share => (byte[])share.Clone()).ToArray();
            probe[last] = Xor(probe[last], unit);
            var slope = Xor(Combine(positions, probe), before);                 // the last share's Lagrange coefficient, twice
            var inverse = BinaryField128.Inverse(BinaryField128.Read(slope));
            var wanted = Xor(other, before);
            var change = new byte[Size];
            for (var half = 0; half < Size; half += 16)
                BinaryField128.Write(change.AsSpan(half), BinaryField128.Multiply(BinaryField128.Read(wanted.AsSpan(half)), inverse));
            probe[last] = Xor(shares[last], change);
            return Combine(positions, probe).AsSpan().SequenceEqual(other);
        }, iter: 200);
    }

    [Test]
    public void One_share_too_few_does_not_give_the_secret()
    {
        var random = new TestRandom(5);
        var secret = random.Next(Size);
        var shares = Split(secret, 5, 8, random);
        Assert.That(Combine(FirstOf(4), shares), Is.Not.EqualTo(secret));
    }

    [Test]
    public void Each_bit_of_one_share_is_as_often_0_as_1()
    {
        var secret = new byte[Size];
        var ones = new int[Size * 8];
        const int Splits = 4000;
        for (var i = 0; i < Splits; i++)
        {
            var share = Split(secret, 2, 2, new TestRandom(i))[0];
            for (var bit = 0; bit < ones.Length; bit++)
                ones[bit] += share[bit / 8] >> bit % 8 & 1;
        }
        // 256 binomials of 4000: six standard deviations are 190.
        Assert.That(ones, Has.All.InRange(Splits / 2 - 190, Splits / 2 + 190));
    }

    [TestCase(0)]
    [TestCase(6)]
    public void A_threshold_nobody_can_meet_or_everybody_meets_is_refused(int threshold) =>
        Assert.That(() => Split(new byte[Size], threshold, 5, new TestRandom(1)), Throws.InstanceOf<ArgumentException>());

    [Test]
    public void Positions_that_repeat_or_are_zero_are_refused()
    {
        Assert.That(() => new ShareCombiner([1, 2, 1]), Throws.ArgumentException);
        Assert.That(() => new ShareCombiner([1, 0]), Throws.ArgumentException);
    }

    [Test]
    public void Wrong_shares_within_the_radius_are_found_and_corrected() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[0, 5], Gen.Int[0, 1], Gen.Long).Sample((threshold, errors, spare, seed) =>
        {
            var random = new TestRandom(seed);
            var m = threshold + 2 * errors + spare;
            var secret = random.Next(Size);
            var shares = Split(secret, threshold, m, random);
            var guilty = Some(errors, m, random);
            foreach (var position in guilty)
                shares[position - 1][random.Below(Size)] ^= (byte)(1 + random.Below(255));
            var found = new byte[Size];
            var wrong = new bool[m];
            var decoded = ShareDecoder.TryDecode(FirstOf(m), shares.SelectMany(share => share).ToArray(), threshold, found, wrong);
            return decoded && found.AsSpan().SequenceEqual(secret)
                && Enumerable.Range(0, m).All(i => wrong[i] == guilty.Contains((ushort)(i + 1)));
        }, iter: 300);

    [Test]
    public void Beyond_the_radius_the_decoder_does_not_claim_the_secret()
    {
        var random = new TestRandom(11);
        for (var i = 0; i < 50; i++)
        {
            var secret = random.Next(Size);
            var shares = Split(secret, 4, 8, random);
            foreach (var position in new[] { 0, 3, 5 })
                shares[position] = random.Next(Size);
            var found = new byte[Size];
            var decoded = ShareDecoder.TryDecode(FirstOf(8), shares.SelectMany(share => share).ToArray(), 4, found, new bool[8]);
            Assert.That(decoded && found.AsSpan().SequenceEqual(secret), Is.False);
        }
    }

    private static byte[][] Split(byte[] secret, int threshold, int holders, IRandomSource random)
    {
        var shares = new byte[holders * Size];
        ShamirSecretSharing.Split(secret, threshold, random, shares);
        return [.. shares.Chunk(Size)];
    }

    private static byte[] Combine(ushort[] positions, byte[][] shares)
    {
        var secret = new byte[Size];
        new ShareCombiner(positions).Combine(positions.SelectMany(position => shares[position - 1]).ToArray(), secret);
        return secret;
    }

    private static ushort[] FirstOf(int count) => [.. Enumerable.Range(1, count).Select(i => (ushort)i)];

    private static ushort[] LastOf(int count, int n) => [.. Enumerable.Range(n - count + 1, count).Select(i => (ushort)i)];

    private static ushort[] Some(int count, int n, TestRandom random) =>
        [.. Enumerable.Range(1, n).Select(i => (ushort)i).OrderBy(_ => random.Below(int.MaxValue)).Take(count)];

    private static byte[] Xor(byte[] a, byte[] b) => [.. a.Zip(b, (x, y) => (byte)(x ^ y))];
}
