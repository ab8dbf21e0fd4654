using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using CsCheck;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class MaskStreamTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    [Test]
    public void The_platform_cipher_is_the_AES_256_of_FIPS_197_and_SP_800_38A()
    {
        Assert.That(Block(Key, "00112233445566778899aabbccddeeff"), Is.EqualTo("8ea2b7ca516745bfeafc49904b496089"),
            "FIPS 197 C.3");
        const string Sp = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        Assert.That(Block(Convert.FromHexString(Sp), "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
            Is.EqualTo("0bdf7df1591716335e9a8b15c860c502"), "SP 800-38A F.5.5, output block 1");
        Assert.That(Block(Convert.FromHexString(Sp), "f0f1f2f3f4f5f6f7f8f9fafbfcfdff00"),
            Is.EqualTo("5a6e699d536119065433863c8f657b94"),
                "SP 800-38A F.5.5, output block 2: the counter is big-endian");
    }

    // AESAVS, KeySbox and VarKey for 256-bit keys: the encryption of the zero block, which is our first block.
    [TestCase("c47b0294dbbbee0fec4757f22ffeee3587ca4730c3d33b691df38bab076bc558", "46f2fb342d6f0ab477476fc501242c5f")]
    [TestCase("28d46cffa158533194214a91e712fc2b45b518076675affd910edeca5f41ac64", "4bf3b0a69aeb6657794f2901b1440ad4")]
    [TestCase("8000000000000000000000000000000000000000000000000000000000000000", "e35a6dcb19b201a01ebcfa8aa22b5759")]
    public void The_first_block_is_the_published_encryption_of_zero(string key, string block)
    {
        foreach (var stream in Paths(Convert.FromHexString(key), 16))
            Assert.That(Convert.ToHexStringLower(stream), Is.EqualTo(block));
    }

    [Test]
    public void Every_path_gives_the_stream_of_counter_mode(
        [Values(4, 12, 16, 124, 128, 132, 4092, 4096, 4100, 16_380, 16_384, 16_388, 100_004)] int length)
    {
        var expected = Counter(Key, length);
        foreach (var stream in Paths(Key, length))
            Assert.That(stream.AsSpan().SequenceEqual(expected), Is.True);
    }

    [Test]
    public void The_first_words_are_these()
    {
        var words = Paths(Key, 64).First();
        Assert.That(
            Enumerable.Range(0, 16).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(words.AsSpan(4 * i))),
            Is.EqualTo(new uint[]
            {
                0xB60090F2, 0xD09F492A, 0x6A9AF3A9, 0x80772EDD, 0xAE765DF0, 0xE59FB94A, 0x319BF6A6, 0x3D36C248,
                0xDEB5BC0E, 0xBD832CB5, 0x35A9A808, 0x99912C18, 0x535643D2, 0x2F608128, 0x83B39E80, 0x565DFFC5,
            }));
    }

    [Test]
    public void The_stream_is_what_openssl_gives()
    {
        const int Length = 1_200_004;                                           // 75,001 blocks: three bytes count
        byte[] expected;
        try
        {
            var start = new ProcessStartInfo("openssl",
                $"enc -aes-256-ctr -K {Convert.ToHexStringLower(Key)} -iv {new string('0', 32)} -nosalt")
            { RedirectStandardInput = true, RedirectStandardOutput = true };
            using var process = Process.Start(start)!;
            var output = Task.Run(() =>
            {
                using var all = new MemoryStream();
                process.StandardOutput.BaseStream.CopyTo(all);
                return all.ToArray();
            });
            process.StandardInput.BaseStream.Write(new byte[Length]);
            process.StandardInput.Close();
            expected = output.GetAwaiter().GetResult();
        }
        catch (Win32Exception e)
        {
            Assert.Ignore($"openssl is not on the path: {e.Message}");
            return;
        }
        foreach (var stream in Paths(Key, Length))
            Assert.That(stream.AsSpan().SequenceEqual(expected), Is.True);
    }

    [Test]
    public void Masks_add_and_subtract_word_by_word_in_both_rings() =>
        Gen.Select(Gen.Int[1, 3000], Gen.Int[0, 70], Gen.Bool, Gen.Long).Sample((words, peers, wide, seed) =>
        {
            var random = new TestRandom(seed);
            var bits = wide ? 64 : 32;
            var vector = random.Next(words * bits / 8);
            var keys = random.Next(peers * 32);
            var subtract = random.Next(peers).Select(b => b % 2 == 1).ToArray();
            var expected = Expected(vector, bits, keys, subtract);
            return Both(vector, bits, keys, subtract).All(result => result.AsSpan().SequenceEqual(expected));
        }, iter: 60);

    [Test]
    public void A_mask_that_is_taken_off_again_leaves_nothing()
    {
        var random = new TestRandom(3);
        var vector = random.Next(40_004);
        var masked = (byte[])vector.Clone();
        MaskStream.Apply(masked, 32, Key, [false]);
        Assert.That(masked, Is.Not.EqualTo(vector));
        MaskStream.Apply(masked, 32, Key, [true]);
        Assert.That(masked, Is.EqualTo(vector));
    }

    [Test]
    public void A_masked_constant_looks_uniform()
    {
        var vector = new byte[1 << 20];
        for (var i = 0; i < vector.Length; i += 4)
            vector[i] = 1;
        MaskStream.Apply(vector, 32, Key, [false]);

        // Chi-square with 255 degrees of freedom: 1e-9 of all uniform samples exceed 400. The low bit: six standard
        // deviations.
        var counts = new int[256];
        foreach (var b in vector)
            counts[b]++;
        var mean = vector.Length / 256.0;
        Assert.That(counts.Sum(count => (count - mean) * (count - mean) / mean), Is.LessThan(400));
        var low = Enumerable.Range(0, vector.Length / 4).Count(i => (vector[4 * i] & 1) == 1);
        Assert.That(low, Is.EqualTo(vector.Length / 8).Within(6 * Math.Sqrt(vector.Length / 16.0)));
    }

    [Test]
    public void Lengths_that_are_no_words_and_keys_that_are_no_keys_are_refused()
    {
        Assert.That(() => MaskStream.Apply(new byte[6], 32, Key, [false]), Throws.ArgumentException);
        Assert.That(() => MaskStream.Apply(new byte[12], 64, Key, [false]), Throws.ArgumentException);
        Assert.That(() => MaskStream.Apply(new byte[8], 16, Key, [false]), Throws.ArgumentException);
        Assert.That(() => MaskStream.Apply(new byte[8], 32, Key.AsSpan(1), [false]), Throws.ArgumentException);
        Assert.That(() => MaskStream.Add(new byte[8], new byte[4], 32), Throws.ArgumentException);
    }

    private static string Block(byte[] key, string input)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        return Convert.ToHexStringLower(aes.EncryptEcb(Convert.FromHexString(input), PaddingMode.None));
    }

    private static byte[] Counter(byte[] key, int length)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        var counters = new byte[(length + 15) / 16 * 16];
        for (var i = 0; i < counters.Length / 16; i++)
            BinaryPrimitives.WriteInt32BigEndian(counters.AsSpan(16 * i + 12), i);
        return aes.EncryptEcb(counters, PaddingMode.None)[..length];
    }

    private static IEnumerable<byte[]> Paths(byte[] key, int length) => Both(new byte[length], 32, key, [false]);

    private static IEnumerable<byte[]> Both(byte[] vector, int bits, byte[] keys, bool[] subtract)
    {
        foreach (var accelerated in MaskStream.IsAccelerated ? new[] { false, true } : [false])
        {
            var copy = (byte[])vector.Clone();
            MaskStream.Apply(copy, bits, keys, subtract, accelerated);
            yield return copy;
        }
    }

    private static byte[] Expected(byte[] vector, int bits, byte[] keys, bool[] subtract)
    {
        var sum = (byte[])vector.Clone();
        for (var peer = 0; peer < subtract.Length; peer++)
        {
            var stream = Counter(keys[(32 * peer)..(32 * peer + 32)], vector.Length);
            for (var at = 0; at < sum.Length; at += bits / 8)
                unchecked
                {
                    var sign = subtract[peer] ? -1L : 1L;
                    if (bits == 32)
                        BinaryPrimitives.WriteInt32LittleEndian(
                            sum.AsSpan(at), BinaryPrimitives.ReadInt32LittleEndian(sum.AsSpan(at))
                            + (int)sign * BinaryPrimitives.ReadInt32LittleEndian(stream.AsSpan(at)));
                    else
                        BinaryPrimitives.WriteInt64LittleEndian(
                            sum.AsSpan(at), BinaryPrimitives.ReadInt64LittleEndian(sum.AsSpan(at))
                            + sign * BinaryPrimitives.ReadInt64LittleEndian(stream.AsSpan(at)));
                }
        }
        return sum;
    }
}
