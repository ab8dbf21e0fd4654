using System.Security.Cryptography;

namespace FedActors.Core.Numerics;

/// <summary>Where random bytes come from. Secure by default; a seeded source exists only in Simulation and in
/// tests.</summary>
public interface IRandomSource
{
    /// <summary>Overwrites all of <paramref name="bytes"/>.</summary>
    void Fill(Span<byte> bytes);
}

/// <summary>The operating system's generator.</summary>
public sealed class SecureRandomSource : IRandomSource
{
    public static SecureRandomSource Instance { get; } = new();

    public void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
