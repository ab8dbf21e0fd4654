using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace FedActors.Actors.Hosting;

/// <summary>
/// Lends the memory of updates. A new array for every hospital and round, held until the hub has it, would make the
/// collector copy it or walk the whole heap, again and again; a few that go round do not.
/// </summary>
public static class UpdateBuffers
{
    // What is shorter costs the collector less than a lock.
    private const int LeastBytes = 1 << 10;

    // Of one length so many are kept, or so many bytes of them where that is more.
    private const int MostKept = 64;
    private const int MostBytes = 1 << 25;

    private static readonly ConcurrentDictionary<int, Stack<byte[]>> Free = new();

    /// <summary>An array of exactly this length, the borrower's own until it is returned. What is in it has no
    /// meaning.</summary>
    public static byte[] Rent(int length)
    {
        if (length >= LeastBytes && Free.TryGetValue(length, out var kept))
        {
            lock (kept)
            {
                if (kept.TryPop(out var buffer))
                    return buffer;
            }
        }
        return GC.AllocateUninitializedArray<byte>(length);
    }

    /// <summary>
    /// Wipes an array, and keeps it for the next borrower unless it is a short one. Nobody may use it any more; a
    /// message that still holds it must be one that nobody takes, as of a round that is over.
    /// </summary>
    public static void Return(byte[] buffer)
    {
        CryptographicOperations.ZeroMemory(buffer);
        if (buffer.Length < LeastBytes)
            return;
        var kept = Free.GetOrAdd(buffer.Length, _ => new Stack<byte[]>());
        lock (kept)
        {
            if (kept.Count < Math.Max(MostKept, MostBytes / buffer.Length))
                kept.Push(buffer);
        }
    }
}
