using System.Security.Cryptography;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.Privacy;

public sealed class CounterSourceTests
{
    private const int Block = 8192;

    [Test]
    public void The_bits_are_counter_mode_and_each_block_begins_with_the_key_of_the_next()
    {
        var expected = new List<byte>();
        var key = Bytes(0, 32);
        for (var block = 0; block < 3; block++)
        {
            var stream = Counters(key);
            expected.AddRange(stream[32..]);
            key = stream[..32];
        }
        using var source = new CounterSource(new Given(Bytes(0, 32)));
        var bytes = new byte[expected.Count];
        // In pieces of unlike lengths, across the ends of blocks.
        for (var (at, length) = (0, 1); at < bytes.Length; at += length, length = length * 3 % 9973)
            source.Fill(bytes.AsSpan(at, Math.Min(length, bytes.Length - at)));
        Assert.That(bytes, Is.EqualTo(expected));
    }

    [Test]
    public void Both_paths_give_the_same_stream([Values(128, 1024, Block)] int length)
    {
        Assume.That(MaskStream.IsAccelerated);
        var (fast, reference) = (Bytes(7, length), Bytes(9, length));
        MaskStream.Generate(fast, Bytes(3, 32), accelerated: true);
        MaskStream.Generate(reference, Bytes(3, 32), accelerated: false);
        Assert.That(fast, Is.EqualTo(reference));
        Assert.That(reference, Is.EqualTo(Counters(Bytes(3, 32))[..length]));
    }

    [TestCase(100, 32)]
    [TestCase(128, 31)]
    public void A_length_that_is_no_whole_number_of_blocks_is_refused(int length, int keyLength) =>
        Assert.Throws<ArgumentException>(() => MaskStream.Generate(new byte[length], new byte[keyLength]));

    [Test]
    public void The_systems_generator_is_asked_for_one_key_and_never_again()
    {
        var given = new Given(Bytes(1, 32));
        using var source = new CounterSource(given);
        source.Fill(new byte[5 * Block]);
        Assert.That(given.Asked, Is.EqualTo(32));
    }

    [Test]
    public void What_was_wiped_gives_nothing_more()
    {
        var source = new CounterSource(new Given(Bytes(1, 32)));
        source.Fill(new byte[10]);
        source.Dispose();
        Assert.Throws<ObjectDisposedException>(() => source.Fill(new byte[1]));
    }

    private static byte[] Bytes(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(i => (byte)i)];

    private static byte[] Counters(byte[] key)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        var counters = new byte[Block];
        for (var at = 0; at < Block; at += 16)
            (counters[at + 14], counters[at + 15]) = ((byte)(at / 16 >> 8), (byte)(at / 16));
        return aes.EncryptEcb(counters, PaddingMode.None);
    }

    private sealed class Given(byte[] key) : IRandomSource
    {
        public int Asked { get; private set; }

        public void Fill(Span<byte> bytes)
        {
            Asked += bytes.Length;
            key.CopyTo(bytes);
        }
    }
}
