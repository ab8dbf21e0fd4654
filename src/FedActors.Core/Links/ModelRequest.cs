using System.Buffers.Binary;
using FedActors.Core.Identity;

namespace FedActors.Core.Links;

/// <summary>
/// What a hospital says first on a connection for one model, and all that it says there. The hub answers with a number
/// of four bytes, 0 or that of a fault, and after a 0 with the bytes that were asked for; then it ends the connection.
/// Numbers are little-endian.
/// </summary>
/// <param name="Model">Names it.</param>
/// <param name="From">The first byte that is wanted.</param>
/// <param name="Length">How many are.</param>
public readonly record struct ModelRequest(Digest Model, long From, long Length)
{
    /// <summary>Bytes of a request.</summary>
    public const int Size = 8 + Digest.Size + 2 * sizeof(long);

    /// <summary>Bytes of the number that answers it.</summary>
    public const int AnswerSize = sizeof(int);

    private static ReadOnlySpan<byte> Mark => "FAMODEL1"u8;

    /// <param name="bytes">At least <see cref="Size"/>; the first of them are overwritten.</param>
    public void CopyTo(Span<byte> bytes)
    {
        Mark.CopyTo(bytes);
        Model.CopyTo(bytes[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[(8 + Digest.Size)..], From);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[(16 + Digest.Size)..], Length);
    }

    /// <summary>False where the bytes are no request.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ModelRequest request)
    {
        request = default;
        if (bytes.Length != Size || !bytes.StartsWith(Mark))
            return false;
        request = new ModelRequest(
            new Digest(bytes.Slice(8, Digest.Size)), BinaryPrimitives.ReadInt64LittleEndian(bytes[(8 + Digest.Size)..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[(16 + Digest.Size)..]));
        return true;
    }

    /// <summary>Whether a model of <paramref name="total"/> bytes has those that are asked for, at least one.</summary>
    public bool IsWithin(long total) => From >= 0 && Length > 0 && From < total && Length <= total - From;
}
