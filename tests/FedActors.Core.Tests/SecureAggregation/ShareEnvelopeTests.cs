using System.Security.Cryptography;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class ShareEnvelopeTests
{
    private static readonly byte[] Key = new TestRandom(1).Next(32);
    private static readonly byte[] Plain = new TestRandom(2).Next(64);
    private static readonly EnvelopeContext Context = new(
        Digest.Of("sid"u8), Digest.Of("u1"u8), new HospitalId("dealer"), new HospitalId("holder"), 3, 4, 7);

    [Test]
    public void The_cipher_is_the_AES_256_GCM_of_its_published_test_with_associated_data()
    {
        // McGrew and Viega, test case 16, the vectors that SP 800-38D refers to.
        using var cipher = new AesGcm(Convert.FromHexString("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"), 16);
        var plain = Convert.FromHexString(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        var (sealedBytes, tag) = (new byte[plain.Length], new byte[16]);
        cipher.Encrypt(Convert.FromHexString("cafebabefacedbaddecaf888"), plain, sealedBytes, tag,
            Convert.FromHexString("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
        Assert.That(Convert.ToHexStringLower(sealedBytes), Is.EqualTo(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"));
        Assert.That(Convert.ToHexStringLower(tag), Is.EqualTo("76fc6ece0f4e1768cddf8853bb2d551b"));
    }

    [Test]
    public void An_envelope_opens_for_its_context()
    {
        var envelope = ShareEnvelope.Seal(Key, Context, Plain, new TestRandom(3));
        var shares = new byte[64];
        Assert.That(envelope.Length, Is.EqualTo(92));
        Assert.That(ShareEnvelope.TryOpen(Key, Context, envelope, shares), Is.True);
        Assert.That(shares, Is.EqualTo(Plain));
    }

    [Test]
    public void An_envelope_opens_in_no_other_context()
    {
        var envelope = ShareEnvelope.Seal(Key, Context, Plain, new TestRandom(3));
        EnvelopeContext[] others =
        [
            Context with { Session = Digest.Of("other"u8) }, Context with { U1 = Digest.Of("other"u8) },
            Context with { Dealer = new HospitalId("holder") }, Context with { Holder = new HospitalId("dealer") },
            Context with { Position = 4 }, Context with { Threshold = 3 }, Context with { Holders = 8 },
        ];
        foreach (var other in others)
            Assert.That(ShareEnvelope.TryOpen(Key, other, envelope, new byte[64]), Is.False, other.ToString());
        Assert.That(ShareEnvelope.TryOpen(new TestRandom(4).Next(32), Context, envelope, new byte[64]), Is.False, "another key");
    }

    [Test]
    public void A_flipped_bit_or_a_missing_byte_is_noticed_and_nothing_comes_out()
    {
        var envelope = ShareEnvelope.Seal(Key, Context, Plain, new TestRandom(3)).Span.ToArray();
        var shares = new byte[64];
        for (var i = 0; i < envelope.Length; i++)
        {
            var changed = (byte[])envelope.Clone();
            changed[i] ^= 0x40;
            Assert.That(ShareEnvelope.TryOpen(Key, Context, new ByteString(changed), shares), Is.False, $"byte {i}");
            Assert.That(shares, Is.All.Zero);
        }
        Assert.That(ShareEnvelope.TryOpen(Key, Context, new ByteString(envelope.AsSpan(0, 91)), shares), Is.False, "truncated");
        Assert.That(ShareEnvelope.TryOpen(Key, Context, new ByteString([.. envelope, 0]), shares), Is.False, "extended");
        Assert.That(ShareEnvelope.TryOpen(Key, Context, default, shares), Is.False, "empty");
    }
}
