using System.Collections.Concurrent;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

/// <summary>
/// Other hospitals' public keys, imported and point-checked, for a process in which many hospitals agree with the same
/// ones: a simulation. To import one costs more than to agree with it. A hospital on its own uses each key once and
/// needs no cache. Holds public halves only. Safe to use from many threads; a key is with one thread at a time.
/// </summary>
public sealed class PeerKeyCache
{
    // Keys are new every round: when so many are held, those of past rounds are most of them.
    private const int Capacity = 4096;

    private readonly ConcurrentDictionary<ByteString, ConcurrentBag<PeerKey>> _idle = [];

    /// <summary>An imported key, the caller's until it gives it back; null where none is idle.</summary>
    /// <param name="point">X || Y, 64 bytes.</param>
    public PeerKey? TryTake(ByteString point) =>
        _idle.TryGetValue(point, out var keys) && keys.TryTake(out var key) ? key : null;

    /// <summary>Keeps a key for the next who asks.</summary>
    public void Return(ByteString point, PeerKey key)
    {
        if (_idle.Count >= Capacity)
            Clear();
        _idle.GetOrAdd(point, _ => []).Add(key);
    }

    private void Clear()
    {
        foreach (var point in _idle.Keys)
        {
            if (_idle.TryRemove(point, out var keys))
                while (keys.TryTake(out var key))
                    key.Dispose();
        }
    }
}
