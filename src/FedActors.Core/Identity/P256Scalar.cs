using System.Security.Cryptography;
using FedActors.Core.Numerics;

namespace FedActors.Core.Identity;

/// <summary>Draws private keys of P-256 from a random source, so that a test can repeat them.</summary>
internal static class P256Scalar
{
    public const int Size = 32;

    private static ReadOnlySpan<byte> Order =>
    [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    /// <summary>Uniform in [1, order): candidates outside are drawn again (FIPS 186-5 A.2.2), fewer than one in 2^32.</summary>
    /// <param name="scalar">32 bytes, big-endian; overwritten.</param>
    public static void Draw(IRandomSource random, Span<byte> scalar)
    {
        do
            random.Fill(scalar);
        while (!IsValid(scalar));
    }

    /// <summary>1 &lt;= scalar &lt; order, in a time that does not depend on its value.</summary>
    public static bool IsValid(ReadOnlySpan<byte> scalar)
    {
        if (scalar.Length != Size)
            return false;
        int borrow = 0, any = 0;
        for (var i = Size - 1; i >= 0; i--)
        {
            borrow = (scalar[i] - Order[i] - borrow) >> 31 & 1;
            any |= scalar[i];
        }
        return borrow == 1 & any != 0;
    }

    /// <summary>The key as the platform takes it. The caller wipes <c>D</c> with <see cref="Wipe"/>.</summary>
    public static ECParameters ToParameters(ReadOnlySpan<byte> scalar)
    {
        var d = GC.AllocateUninitializedArray<byte>(Size, pinned: true);
        scalar.CopyTo(d);
        return new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = d };
    }

    public static void Wipe(ECParameters parameters) => CryptographicOperations.ZeroMemory(parameters.D);
}
