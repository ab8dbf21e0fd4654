using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace FedActors.Actors.Hosting;

/// <summary>
/// Lends the memory of long updates. A new array of megabytes for every hospital and round would make the collector
/// walk the whole heap again and again; a few that go round do not.
/// </summary>
public static class UpdateBuffers
{
    // Shorter ones travel whole inside a message, which keeps them.
    private const int LeastBytes = 1 << 17;
    private const int MostKept = 64;

    private static readonly ConcurrentDictionary<int, ConcurrentBag<byte[]>> Free = new();

    /// <summary>An array of exactly this length, the borrower's own until it is returned. What is in it has no
    /// meaning.</summary>
    public static byte[] Rent(int length) =>
        length >= LeastBytes && Free.TryGetValue(length, out var kept) && kept.TryTake(out var buffer)
            ? buffer
            : GC.AllocateUninitializedArray<byte>(length);

    /// <summary>Wipes an array, and keeps it for the next borrower if it is a long one. Nobody may use it any
    /// more.</summary>
    public static void Return(byte[] buffer)
    {
        CryptographicOperations.ZeroMemory(buffer);
        if (buffer.Length >= LeastBytes && Free.GetOrAdd(buffer.Length, _ => []) is { Count: < MostKept } kept)
            kept.Add(buffer);
    }
}
