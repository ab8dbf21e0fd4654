using System.Security.Cryptography;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

public class KeyAgreementTests
{
    private static readonly HospitalId A = new("a"), B = new("b"), C = new("c");
    private static readonly Digest Session = Digest.Of("session"u8);

    [Test]
    public void Both_sides_get_the_secret_of_RFC_5903()
    {
        using var i = Key("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433");
        using var r = Key("C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53");
        Assert.That(Convert.ToHexString(i.Public.Span), Is.EqualTo(
            "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
            + "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3"));
        Assert.That(Convert.ToHexString(r.Public.Span), Is.EqualTo(
            "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
            + "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB"));
        const string Shared = "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE";
        Assert.That(Convert.ToHexString(Agree(i, r.Public)), Is.EqualTo(Shared));
        Assert.That(Convert.ToHexString(Agree(r, i.Public)), Is.EqualTo(Shared));
    }

    [Test]
    public void A_key_from_the_cache_agrees_as_a_fresh_import_does_and_old_ones_go()
    {
        var cache = new PeerKeyCache();
        using var mine = EphemeralKey.Draw(new TestRandom(1));
        using var theirs = EphemeralKey.Draw(new TestRandom(2));
        var point = new ByteString(theirs.Public.Span);
        Assert.That(cache.TryTake(point), Is.Null);
        cache.Return(point, PeerKey.Import(theirs.Public)!);
        var known = cache.TryTake(point)!;
        var secret = new byte[32];
        mine.Agree(known, secret);
        Assert.That(secret, Is.EqualTo(Agree(mine, theirs.Public)));
        Assert.That(cache.TryTake(point), Is.Null, "with one thread at a time");
        cache.Return(point, known);

        for (var i = 0; i < 4096; i++)
            cache.Return(new ByteString(BitConverter.GetBytes(i)), PeerKey.Import(theirs.Public)!);
        Assert.That(cache.TryTake(point), Is.Null, "keys of past rounds are let go");
    }

    [Test]
    public void The_key_derivation_is_the_HKDF_of_RFC_5869()
    {
        var okm = HKDF.DeriveKey(HashAlgorithmName.SHA256, Enumerable.Repeat((byte)0x0b, 22).ToArray(), 42,
            Convert.FromHexString("000102030405060708090a0b0c"), Convert.FromHexString("f0f1f2f3f4f5f6f7f8f9"));
        Assert.That(Convert.ToHexStringLower(okm), Is.EqualTo(
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"), "A.1");

        var secret = new TestRandom(1).Next(32);
        using var info = new CanonicalWriter("FA/enc/v1", keep: true);
        info.Hospital(A).Hospital(B).Digest(Digest.Of("u1"u8));
        Assert.That(Derive(secret, (extracted, key) => KeySchedule.Envelope(extracted, A, B, Digest.Of("u1"u8), key)),
            Is.EqualTo(HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, Session.ToBytes(), info.ToArray())));
    }

    [Test]
    public void The_key_of_a_pair_is_the_same_whoever_asks_and_another_for_any_other_view()
    {
        var context = new MaskContext(32, 100, Digest.Of("u1"u8), Digest.Of("u2"u8), Digest.Of("model"u8));
        var keys = new List<byte[]>
        {
            Pair(Session, A, B, context),
            Pair(Session, A, C, context),
            Pair(Digest.Of("other"u8), A, B, context),
            Pair(Session, A, B, context with { WordBits = 64 }),
            Pair(Session, A, B, context with { Coordinates = 101 }),
            Pair(Session, A, B, context with { U1 = Digest.Of("other"u8) }),
            Pair(Session, A, B, context with { U2 = Digest.Of("other"u8) }),
            Pair(Session, A, B, context with { Model = Digest.Of("other"u8) }),
        };
        Assert.That(Pair(Session, B, A, context), Is.EqualTo(keys[0]));
        Assert.That(keys.Select(Convert.ToHexString), Is.Unique);
    }

    [Test]
    public void Envelope_keys_differ_by_direction_and_from_every_mask_key()
    {
        var context = new MaskContext(32, 100, Digest.Of("u1"u8), Digest.Of("u2"u8), Digest.Of("model"u8));
        var secret = new TestRandom(1).Next(32);
        var self = new byte[32];
        KeySchedule.Self(Session, secret, A, context, self);
        Assert.That(new[]
        {
            Derive(secret, (extracted, key) => KeySchedule.Envelope(extracted, A, B, context.U1, key)),
            Derive(secret, (extracted, key) => KeySchedule.Envelope(extracted, B, A, context.U1, key)),
            Derive(secret, (extracted, key) => KeySchedule.Pair(extracted, A, B, context, key)),
            self,
        }.Select(Convert.ToHexString), Is.Unique);
    }

    [Test]
    public void A_peer_imported_once_agrees_as_often_as_asked()
    {
        using var mine = EphemeralKey.Draw(new TestRandom(1));
        using var other = EphemeralKey.Draw(new TestRandom(2));
        using var theirs = EphemeralKey.Draw(new TestRandom(3));
        using var peer = PeerKey.Import(theirs.Public)!;
        var (first, second, third) = (new byte[32], new byte[32], new byte[32]);
        mine.Agree(peer, first);
        other.Agree(peer, second);
        mine.Agree(peer, third);
        Assert.That(third, Is.EqualTo(first));
        Assert.That(second, Is.EqualTo(Agree(theirs, other.Public)));
    }

    [Test]
    public void Bytes_that_are_no_private_key_give_none()
    {
        Assert.That(EphemeralKey.FromScalar(new byte[32]), Is.Null);
        Assert.That(EphemeralKey.FromScalar(Enumerable.Repeat((byte)0xFF, 32).ToArray()), Is.Null);
        Assert.That(EphemeralKey.FromScalar(new byte[31]), Is.Null);
    }

    private static EphemeralKey Key(string scalar) => EphemeralKey.FromScalar(Convert.FromHexString(scalar))!;

    private static byte[] Agree(EphemeralKey mine, P256Point theirs)
    {
        using var peer = PeerKey.Import(theirs)!;
        var secret = new byte[32];
        mine.Agree(peer, secret);
        return secret;
    }

    private static byte[] Pair(Digest session, HospitalId one, HospitalId other, MaskContext context)
    {
        var extracted = new byte[32];
        KeySchedule.Extract(session, new TestRandom(9).Next(32), extracted);
        var key = new byte[32];
        KeySchedule.Pair(extracted, one, other, context, key);
        return key;
    }

    private static byte[] Derive(byte[] secret, Action<byte[], byte[]> expand)
    {
        var extracted = new byte[32];
        KeySchedule.Extract(Session, secret, extracted);
        var key = new byte[32];
        expand(extracted, key);
        return key;
    }
}
