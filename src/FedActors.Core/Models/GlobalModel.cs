using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FedActors.Core.Identity;

namespace FedActors.Core.Models;

/// <summary>
/// A model's parameters and what the strategy remembers with them, named by the SHA-256 of their little-endian binary64
/// bytes: the parameters, then the state. Where a strategy keeps no state these are the parameters' bytes and nothing
/// else. Shared by reference, never changed.
/// </summary>
/// <param name="Hash">Names both.</param>
/// <param name="Parameters">Length d; all finite.</param>
/// <param name="State">The strategy's: momentum, second moments, a control. All finite; empty for most.</param>
public sealed record GlobalModel(Digest Hash, ImmutableArray<double> Parameters, ImmutableArray<double> State)
{
    /// <summary>Names the parameters of a strategy that keeps no state.</summary>
    public static GlobalModel Of(ImmutableArray<double> parameters) => Of(parameters, []);

    /// <summary>Names parameters and state.</summary>
    public static GlobalModel Of(ImmutableArray<double> parameters, ImmutableArray<double> state) =>
        new(HashOf(parameters, state), parameters, state);

    /// <summary>Length of <see cref="ToBytes()"/>: what a hospital fetches.</summary>
    public int Bytes => sizeof(double) * (Parameters.Length + State.Length);

    /// <summary>The model's bytes: little-endian binary64, parameters first.</summary>
    public ImmutableArray<byte> ToBytes() => ImmutableCollectionsMarshal.AsImmutableArray(ToBytes(0, Bytes));

    /// <summary>A part of the model's bytes, without making all of them.</summary>
    /// <param name="offset">From 0; any, not only whole numbers of 8.</param>
    /// <param name="length">At most what follows the offset.</param>
    public byte[] ToBytes(int offset, int length)
    {
        var bytes = new byte[length];
        CopyTo(offset, bytes);
        return bytes;
    }

    /// <summary>Writes a part of the model's bytes.</summary>
    /// <param name="offset">From 0; any, not only whole numbers of 8.</param>
    /// <param name="bytes">At most as long as what follows the offset; overwritten.</param>
    public void CopyTo(int offset, Span<byte> bytes)
    {
        var split = sizeof(double) * Parameters.Length;
        var first = Math.Clamp(split - offset, 0, bytes.Length);
        Copy(Parameters, Math.Min(offset, split), bytes[..first]);
        Copy(State, Math.Max(0, offset - split), bytes[first..]);

        static void Copy(ImmutableArray<double> numbers, int offset, Span<byte> bytes)
        {
            if (BitConverter.IsLittleEndian)
            {
                MemoryMarshal.AsBytes(numbers.AsSpan()).Slice(offset, bytes.Length).CopyTo(bytes);
                return;
            }
            Span<byte> number = stackalloc byte[sizeof(double)];
            for (var i = 0; i < bytes.Length; i++)
            {
                BinaryPrimitives.WriteDoubleLittleEndian(number, numbers[(offset + i) / sizeof(double)]);
                bytes[i] = number[(offset + i) % sizeof(double)];
            }
        }
    }

    /// <summary>Reads a model back.</summary>
    /// <param name="parameters">d: what follows the first d numbers is the strategy's state.</param>
    /// <exception cref="ArgumentException">The bytes are not whole numbers of 8, or fewer than d of them.</exception>
    public static GlobalModel FromBytes(ReadOnlySpan<byte> bytes, int parameters)
    {
        if (bytes.Length % sizeof(double) != 0 || bytes.Length < (long)sizeof(double) * parameters)
            throw new ArgumentException($"{bytes.Length} bytes are not a model of {parameters} parameters.",
                nameof(bytes));
        var split = parameters * sizeof(double);
        return new GlobalModel(Digest.Of(bytes), Numbers(bytes[..split]), Numbers(bytes[split..]));

        static ImmutableArray<double> Numbers(ReadOnlySpan<byte> bytes)
        {
            var numbers = new double[bytes.Length / sizeof(double)];
            for (var i = 0; i < numbers.Length; i++)
                numbers[i] = BinaryPrimitives.ReadDoubleLittleEndian(bytes[(i * sizeof(double))..]);
            return ImmutableCollectionsMarshal.AsImmutableArray(numbers);
        }
    }

    private static Digest HashOf(ImmutableArray<double> parameters, ImmutableArray<double> state)
    {
        if (!BitConverter.IsLittleEndian)
            return Digest.Of(new GlobalModel(default, parameters, state).ToBytes().AsSpan());
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(parameters.AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(state.AsSpan()));
        return new Digest(hash.GetCurrentHash());
    }
}
