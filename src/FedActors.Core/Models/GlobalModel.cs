using System.Buffers.Binary;
using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Models;

/// <summary>A model's parameters, named by the SHA-256 of their little-endian binary64 bytes. Shared by reference, never changed.</summary>
/// <param name="Hash">Names <paramref name="Parameters"/>.</param>
/// <param name="Parameters">Length d; all finite.</param>
public sealed record GlobalModel(Digest Hash, ImmutableArray<double> Parameters)
{
    /// <summary>Names the parameters.</summary>
    public static GlobalModel Of(ImmutableArray<double> parameters) => new(Digest.Of(Write(parameters).AsSpan()), parameters);

    /// <summary>The model's bytes: 8·d, little-endian binary64.</summary>
    public ImmutableArray<byte> ToBytes() => Write(Parameters);

    /// <summary>Reads a model back.</summary>
    /// <exception cref="ArgumentException">The bytes are not whole numbers of 8.</exception>
    public static GlobalModel FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % sizeof(double) != 0)
            throw new ArgumentException($"{bytes.Length} bytes are not a model.", nameof(bytes));
        var parameters = ImmutableArray.CreateBuilder<double>(bytes.Length / sizeof(double));
        for (var at = 0; at < bytes.Length; at += sizeof(double))
            parameters.Add(BinaryPrimitives.ReadDoubleLittleEndian(bytes[at..]));
        return new GlobalModel(Digest.Of(bytes), parameters.MoveToImmutable());
    }

    private static ImmutableArray<byte> Write(ImmutableArray<double> parameters)
    {
        var bytes = new byte[parameters.Length * sizeof(double)];
        for (var i = 0; i < parameters.Length; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * sizeof(double)), parameters[i]);
        return [.. bytes];
    }
}
