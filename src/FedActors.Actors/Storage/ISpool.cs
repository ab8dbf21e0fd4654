using FedActors.Core.Identity;

namespace FedActors.Actors.Storage;

/// <summary>
/// Keeps masked vectors until the hub's receipt: what a session has masked once, it sends again byte for byte. Holds nothing
/// that was not about to be sent.
/// </summary>
public interface ISpool
{
    /// <summary>Returns when the bytes are kept.</summary>
    void Write(Digest session, ReadOnlySpan<byte> masked);

    /// <summary>The bytes, or null where there are none.</summary>
    byte[]? Read(Digest session);

    void Remove(Digest session);
}

/// <summary>A folder, one file a session.</summary>
/// <param name="isFlushed">Whether a write waits for the disk: a node's does, a simulation's need not.</param>
public sealed class FileSpool(string folder, bool isFlushed) : ISpool
{
    public void Write(Digest session, ReadOnlySpan<byte> masked)
    {
        Directory.CreateDirectory(folder);
        var temporary = PathOf(session) + ".tmp";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(masked);
            file.Flush(flushToDisk: isFlushed);
        }
        File.Move(temporary, PathOf(session), overwrite: true);
    }

    public byte[]? Read(Digest session) => File.Exists(PathOf(session)) ? File.ReadAllBytes(PathOf(session)) : null;

    public void Remove(Digest session) => File.Delete(PathOf(session));

    private string PathOf(Digest session) => Path.Combine(folder, $"{session}.masked");
}

/// <summary>This process's memory, for benchmarks and tests that have nothing to resume.</summary>
public sealed class MemorySpool : ISpool
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Digest, byte[]> _kept = new();

    public void Write(Digest session, ReadOnlySpan<byte> masked) => _kept[session] = masked.ToArray();

    public byte[]? Read(Digest session) => _kept.GetValueOrDefault(session);

    public void Remove(Digest session) => _kept.TryRemove(session, out _);
}
