//  Code for single updates
//      d values as binary32, then two whole numbers of 32 bits: the hospital's weight, and how many coordinates it
//      saturated.
//  Size:     4 (d + 2) bytes, little-endian.
//  Error:    relative, 2^-24 a value.
//  Refuses:  on receipt, every value that is not finite and every weight that was not agreed.

using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace FedActors.Core.Aggregation;

/// <summary>How one hospital's update travels where a robust rule must see it, and how a round's result is
/// kept.</summary>
/// <param name="Values">d: those of the update, with the training loss behind them.</param>
/// <param name="WeightCap">The largest weight of a hospital.</param>
public sealed record SingleUpdateCode(int Values, int WeightCap)
{
    /// <summary>Bytes of an encoded update.</summary>
    public int Bytes => sizeof(float) * (Values + 2);

    /// <summary>Encodes one hospital's update.</summary>
    /// <param name="update">Length <see cref="Values"/>, all finite and within binary32's range.</param>
    /// <param name="encoded">Length <see cref="Bytes"/>; overwritten.</param>
    public void Encode(ReadOnlySpan<double> update, long weight, int saturated, Span<byte> encoded)
    {
        if (update.Length != Values || encoded.Length != Bytes)
            throw new ArgumentException(
                $"{update.Length} values into {encoded.Length} bytes: the code has {Values} and {Bytes}.");
        TensorPrimitives.ConvertTruncating(update, MemoryMarshal.Cast<byte, float>(encoded)[..Values]);
        var tail = MemoryMarshal.Cast<byte, int>(encoded)[Values..];
        (tail[0], tail[1]) = (checked((int)weight), saturated);
    }

    /// <summary>What is wrong with an update that came in, or null.</summary>
    /// <param name="encoded">Length <see cref="Bytes"/>.</param>
    public string? FaultOf(ReadOnlySpan<byte> encoded)
    {
        if (!TensorPrimitives.IsFiniteAll(ValuesOf(encoded)))
            return "The update holds a value that is not finite.";
        var (weight, saturated) = TailOf(encoded);
        return weight < 1 || weight > WeightCap || saturated < 0 || saturated > Values
            ? $"The update claims a weight of {weight}, or {saturated} saturated coordinates: not what the plan allows."
            : null;
    }

    /// <summary>The values of an encoded update.</summary>
    public ReadOnlySpan<float> ValuesOf(ReadOnlySpan<byte> encoded) =>
        MemoryMarshal.Cast<byte, float>(encoded)[..Values];

    /// <summary>Its weight, and how many of its coordinates were saturated.</summary>
    public (int Weight, int Saturated) TailOf(ReadOnlySpan<byte> encoded)
    {
        var tail = MemoryMarshal.Cast<byte, int>(encoded)[Values..];
        return (tail[0], tail[1]);
    }

    /// <summary>A round's result as bytes: d binary64, then total weight, hospitals and saturated coordinates in 64
    /// bits each.</summary>
    public byte[] Write(DecodedSum result)
    {
        var bytes = new byte[sizeof(double) * (Values + 3)];
        result.Mean.CopyTo(MemoryMarshal.Cast<byte, double>(bytes.AsSpan()));
        var tail = MemoryMarshal.Cast<byte, long>(bytes.AsSpan())[Values..];
        (tail[0], tail[1], tail[2]) = (result.TotalWeight, result.Parties, result.Saturated);
        return bytes;
    }

    /// <summary>Reads a result back; null where the bytes are none of so many hospitals.</summary>
    public DecodedSum? Read(ReadOnlySpan<byte> bytes, int parties)
    {
        if (bytes.Length != sizeof(double) * (Values + 3))
            return null;
        var tail = MemoryMarshal.Cast<byte, long>(bytes)[Values..];
        return tail[1] == parties
            ? new DecodedSum([.. MemoryMarshal.Cast<byte, double>(bytes)[..Values]], tail[0], parties, tail[2])
            : null;
    }
}
