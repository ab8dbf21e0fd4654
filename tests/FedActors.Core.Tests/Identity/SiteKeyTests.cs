using System.Security.Cryptography;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Identity;

public class SiteKeyTests
{
    // RFC 6979 A.2.5, P-256 with SHA-256, message "sample".
    private const string PrivateKey = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
    private const string PublicX = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6";
    private const string PublicY = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
    private const string R = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716";
    private const string S = "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";

    [Test]
    public void The_signature_of_RFC_6979_verifies()
    {
        Assert.That(SitePublicKey.TryParse(Convert.FromHexString(PublicX + PublicY), out var key), Is.True);
        var signature = new Signature(Convert.FromHexString(R + S));

        Assert.That(key!.Verifies(Digest.Of("sample"u8), signature), Is.True);
        Assert.That(key.Verifies(Digest.Of("simple"u8), signature), Is.False);
    }

    [Test]
    public void A_private_key_has_the_public_key_of_RFC_6979()
    {
        using var key = SiteKey.FromScalar(Convert.FromHexString(PrivateKey));
        Assert.That(Convert.ToHexString(key.Public.Point.Span), Is.EqualTo(PublicX + PublicY));
        Assert.That(key.Public.Verifies(Digest.Of("x"u8), key.Sign(Digest.Of("x"u8))), Is.True);
    }

    [Test]
    public void A_flipped_bit_anywhere_in_a_signature_is_refused()
    {
        using var key = SiteKey.Create(SecureRandomSource.Instance);
        var statement = Digest.Of("statement"u8);
        var signature = key.Sign(statement).Span.ToArray();
        for (var bit = 0; bit < signature.Length * 8; bit += 7)
        {
            var changed = (byte[])signature.Clone();
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.That(key.Public.Verifies(statement, new Signature(changed)), Is.False, $"bit {bit}");
        }
        Assert.That(key.Public.Verifies(statement, default), Is.False, "no signature at all");
    }

    [TestCase("0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", Description = "the order itself")]
    [TestCase("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")]
    [TestCase("01")]
    public void A_number_outside_the_group_is_no_key(string scalar) =>
        Assert.That(() => SiteKey.FromScalar(Convert.FromHexString(scalar)), Throws.ArgumentException);

    [TestCase("0000000000000000000000000000000000000000000000000000000000000001")]
    [TestCase("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550", Description = "order - 1")]
    public void The_ends_of_the_range_are_keys(string scalar)
    {
        using var key = SiteKey.FromScalar(Convert.FromHexString(scalar));
        Assert.That(key.Public.Verifies(Digest.Of("x"u8), key.Sign(Digest.Of("x"u8))), Is.True);
    }

    [Test]
    public void One_public_key_verifies_from_many_threads()
    {
        using var key = SiteKey.Create(SecureRandomSource.Instance);
        var statement = Digest.Of("statement"u8);
        var signature = key.Sign(statement);
        var failures = 0;
        Parallel.For(0, 200, _ =>
        {
            if (!key.Public.Verifies(statement, signature) || !key.Public.Verifies(statement, key.Sign(statement)))
                Interlocked.Increment(ref failures);
        });
        Assert.That(failures, Is.Zero);
    }

    [Test]
    public void A_key_shows_nothing_of_its_private_half()
    {
        using var key = SiteKey.FromScalar(Convert.FromHexString(PrivateKey));
        Assert.That(key.ToString(), Does.Not.Contain(PrivateKey[..8]).IgnoreCase);
        Assert.That(typeof(SiteKey).GetProperties().Select(property => property.Name), Is.EqualTo(new[] { "Public" }));
    }

    [Test]
    public void A_key_of_another_curve_is_refused()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.That(() => SiteKey.Own(other), Throws.ArgumentException);
    }
}
