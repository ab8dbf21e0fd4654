using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
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
        new(state.IsEmpty && BitConverter.IsLittleEndian
            ? Digest.Of(MemoryMarshal.AsBytes(parameters.AsSpan()))
            : Digest.Of(Write(parameters, state)), parameters, state);

    /// <summary>Length of <see cref="ToBytes"/>: what a hospital fetches.</summary>
    public int Bytes => sizeof(double) * (Parameters.Length + State.Length);

    /// <summary>The model's bytes: little-endian binary64, parameters first.</summary>
    public ImmutableArray<byte> ToBytes() => ImmutableCollectionsMarshal.AsImmutableArray(Write(Parameters, State));

    /// <summary>Reads a model back.</summary>
    /// <param name="parameters">d: what follows the first d numbers is the strategy's state.</param>
    /// <exception cref="ArgumentException">The bytes are not whole numbers of 8, or fewer than d of them.</exception>
    public static GlobalModel FromBytes(ReadOnlySpan<byte> bytes, int parameters)
    {
        if (bytes.Length % sizeof(double) != 0 || bytes.Length < (long)sizeof(double) * parameters)
            throw new ArgumentException($"{bytes.Length} bytes are not a model of {parameters} parameters.",
                nameof(bytes));
        var numbers = new double[bytes.Length / sizeof(double)];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = BinaryPrimitives.ReadDoubleLittleEndian(bytes[(i * sizeof(double))..]);
        return new GlobalModel(Digest.Of(bytes), [.. numbers.AsSpan(0, parameters)], [.. numbers.AsSpan(parameters)]);
    }

    private static byte[] Write(ImmutableArray<double> parameters, ImmutableArray<double> state)
    {
        var bytes = new byte[(parameters.Length + state.Length) * sizeof(double)];
        Write(parameters, bytes);
        Write(state, bytes.AsSpan(parameters.Length * sizeof(double)));
        return bytes;
    }

    private static void Write(ImmutableArray<double> numbers, Span<byte> bytes)
    {
        for (var i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(bytes[(i * sizeof(double))..], numbers[i]);
    }
}
