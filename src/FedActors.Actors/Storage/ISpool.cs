using FedActors.Core.Identity;

namespace FedActors.Actors.Storage;

/// <summary>
/// A hospital's own small store, by digest. One keeps masked vectors until the hub's receipt, by session: what a session has
/// masked once, it sends again byte for byte. Another keeps what a job lets the hospital remember, by plan, and nothing of it leaves.
/// </summary>
public interface ISpool
{
    /// <summary>Returns when the bytes are kept, in the place of any before them.</summary>
    void Write(Digest name, ReadOnlySpan<byte> bytes);

    /// <summary>The bytes, or null where there are none.</summary>
    byte[]? Read(Digest name);

    void Remove(Digest name);
}

/// <summary>A folder, one file a digest.</summary>
/// <param name="isFlushed">Whether a write waits for the disk: a node's does, a simulation's need not.</param>
/// <param name="extension">Of its files: tells one spool of a folder from another.</param>
public sealed class FileSpool(string folder, bool isFlushed, string extension = "masked") : ISpool
{
    public void Write(Digest name, ReadOnlySpan<byte> bytes)
    {
        Directory.CreateDirectory(folder);
        var temporary = PathOf(name) + ".tmp";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: isFlushed);
        }
        File.Move(temporary, PathOf(name), overwrite: true);
    }

    public byte[]? Read(Digest name) => File.Exists(PathOf(name)) ? File.ReadAllBytes(PathOf(name)) : null;

    public void Remove(Digest name) => File.Delete(PathOf(name));

    private string PathOf(Digest name) => Path.Combine(folder, $"{name}.{extension}");
}

/// <summary>This process's memory, for benchmarks and tests that have nothing to resume.</summary>
public sealed class MemorySpool : ISpool
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Digest, byte[]> _kept = new();

    public void Write(Digest name, ReadOnlySpan<byte> bytes) => _kept[name] = bytes.ToArray();

    public byte[]? Read(Digest name) => _kept.GetValueOrDefault(name);

    public void Remove(Digest name) => _kept.TryRemove(name, out _);
}
