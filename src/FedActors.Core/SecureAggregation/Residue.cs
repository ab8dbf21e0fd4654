using System.Buffers.Binary;

namespace FedActors.Core.SecureAggregation;

/// <summary>Reads single words of a vector of residues.</summary>
internal static class Residue
{
    /// <param name="vector">Little-endian words.</param>
    public static ulong At(ReadOnlySpan<byte> vector, int index, int wordBits) => wordBits == 32
        ? BinaryPrimitives.ReadUInt32LittleEndian(vector[(index * 4)..])
        : BinaryPrimitives.ReadUInt64LittleEndian(vector[(index * 8)..]);
}
