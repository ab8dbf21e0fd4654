using System.Security.Cryptography;
using FedActors.Core.Identity;

namespace FedActors.Core.Tests.Identity;

public class P256PointTests
{
    private static byte[] Valid()
    {
        using var key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var q = key.ExportParameters(false).Q;
        return [.. q.X!, .. q.Y!];
    }

    [Test]
    public void A_point_of_the_curve_is_taken()
    {
        for (var i = 0; i < 20; i++)
            Assert.That(P256Point.TryParse(Valid(), out _), Is.True);
    }

    [Test]
    public void A_point_off_the_curve_is_refused_and_so_would_the_platform()
    {
        var point = Valid();
        point[63] ^= 1;
        Assert.That(P256Point.TryParse(point, out _), Is.False);
        var parameters = new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = point[..32], Y = point[32..] },
        };
        Assert.That(() => ECDiffieHellman.Create(parameters), Throws.InstanceOf<CryptographicException>());
    }

    [Test]
    public void Infinity_another_curve_and_coordinates_beyond_p_are_refused()
    {
        Assert.That(P256Point.TryParse(new byte[64], out _), Is.False, "0,0 stands for infinity in some encodings");
        Assert.That(P256Point.TryParse(Enumerable.Repeat((byte)0xFF, 64).ToArray(), out _), Is.False, "beyond p");
        using var other = ECDiffieHellman.Create(ECCurve.NamedCurves.brainpoolP256r1);
        var q = other.ExportParameters(false).Q;
        Assert.That(P256Point.TryParse([.. q.X!, .. q.Y!], out _), Is.False, "brainpoolP256r1");
    }

    [TestCase(0)]
    [TestCase(33, Description = "compressed")]
    [TestCase(63)]
    [TestCase(65, Description = "with its 04 in front")]
    [TestCase(96, Description = "P-384")]
    public void Another_length_is_refused(int length) =>
        Assert.That(P256Point.TryParse(new byte[length], out _), Is.False);
}
