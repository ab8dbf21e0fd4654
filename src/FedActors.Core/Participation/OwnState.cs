using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace FedActors.Core.Participation;

/// <summary>
/// What a hospital keeps of its own while a job trains: SCAFFOLD's control, or its local layers. What it trained for a
/// round is pending, written before the update leaves, until the hub says in its next offer which round was the last
/// with this hospital's update in it. So both sides agree wherever either was killed.
/// </summary>
/// <param name="Round">The last round that counted; 0 before any did.</param>
/// <param name="Kept">The values after it; empty before any did.</param>
/// <param name="PendingRound">The round trained for since; 0 where none was.</param>
/// <param name="Pending">The values if that round counts.</param>
public sealed record OwnState(int Round, ImmutableArray<double> Kept, int PendingRound, ImmutableArray<double> Pending)
{
    private const int HeaderBytes = 3 * sizeof(int);

    public static OwnState Empty { get; } = new(0, [], 0, []);

    /// <summary>The state that the hub's word implies. Where it names a round this hospital does not know, it starts
    /// anew.</summary>
    /// <param name="lastIncluded">The last committed round that holds this hospital's update; 0 where none
    /// does.</param>
    public OwnState Settle(int lastIncluded) =>
        lastIncluded == 0 ? Empty
        : lastIncluded == PendingRound ? new OwnState(PendingRound, Pending, 0, [])
        : lastIncluded == Round ? this with { PendingRound = 0, Pending = [] }
        : Empty;

    /// <summary>The round was trained for; whether it counts is not known yet.</summary>
    public OwnState Trained(int round, ReadOnlySpan<double> values) =>
        this with { PendingRound = round, Pending = [.. values] };

    /// <summary>Rounds and length of <see cref="Kept"/> (three 32-bit numbers), then both vectors; all
    /// little-endian.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[HeaderBytes + sizeof(double) * (Kept.Length + Pending.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Round);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), PendingRound);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Kept.Length);
        MemoryMarshal.AsBytes(Kept.AsSpan()).CopyTo(bytes.AsSpan(HeaderBytes));
        MemoryMarshal.AsBytes(Pending.AsSpan()).CopyTo(bytes.AsSpan(HeaderBytes + sizeof(double) * Kept.Length));
        return bytes;
    }

    /// <summary>Reads a state back.</summary>
    /// <param name="length">Numbers that each vector must have, where it is there.</param>
    /// <returns>Null where the bytes are no such state.</returns>
    public static OwnState? FromBytes(ReadOnlySpan<byte> bytes, int length)
    {
        if (bytes.Length < HeaderBytes || (bytes.Length - HeaderBytes) % sizeof(double) != 0)
            return null;
        var kept = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        var values = MemoryMarshal.Cast<byte, double>(bytes[HeaderBytes..]);
        return (kept == 0 || kept == length) && (values.Length == kept || values.Length == kept + length)
            ? new OwnState(
                BinaryPrimitives.ReadInt32LittleEndian(bytes), [.. values[..kept]],
                BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
                [.. values[kept..]])
            : null;
    }
}
