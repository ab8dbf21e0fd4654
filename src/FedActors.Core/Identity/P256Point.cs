using System.Numerics;
using System.Security.Cryptography;

namespace FedActors.Core.Identity;

/// <summary>
/// A public point of NIST P-256 in affine coordinates, X || Y, 64 bytes. Every value made by <see cref="TryParse"/> lies on
/// the curve; infinity has no such form. P-256 has cofactor 1, so a point on the curve is in the right group (SP 800-56A
/// 5.6.2.3.3). Compares by value.
/// </summary>
public readonly record struct P256Point
{
    public const int Size = 64;

    private static readonly BigInteger P = Unsigned("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    private static readonly BigInteger B = Unsigned("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");

    private readonly ByteString _bytes;

    private P256Point(ReadOnlySpan<byte> bytes) => _bytes = new ByteString(bytes);

    /// <summary>64 bytes; none for the default value, which is no point.</summary>
    public ReadOnlySpan<byte> Span => _bytes.Span;

    /// <summary>False for a wrong length, a coordinate not below p, or a point off the curve.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out P256Point point)
    {
        point = default;
        if (bytes.Length != Size)
            return false;
        var x = new BigInteger(bytes[..32], isUnsigned: true, isBigEndian: true);
        var y = new BigInteger(bytes[32..], isUnsigned: true, isBigEndian: true);
        if (x >= P || y >= P || !((y * y - (x * x * x - 3 * x + B)) % P).IsZero)
            return false;
        point = new P256Point(bytes);
        return true;
    }

    /// <exception cref="ArgumentException">Not the public half of a P-256 key.</exception>
    internal static P256Point Of(ECParameters key)
    {
        Span<byte> bytes = stackalloc byte[Size];
        key.Q.X.CopyTo(bytes);
        key.Q.Y.CopyTo(bytes[32..]);
        return TryParse(bytes, out var point) ? point : throw new ArgumentException("Not a key of P-256.", nameof(key));
    }

    internal ECParameters ToParameters() => new()
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Span[..32].ToArray(), Y = Span[32..].ToArray() },
    };

    public override string ToString() => "P-256 point";

    private static BigInteger Unsigned(string hex) => new(Convert.FromHexString(hex), isUnsigned: true, isBigEndian: true);
}
