using FedActors.Actors.Hosting;
using FedActors.Core.Identity;

namespace FedActors.Actors.Storage;

/// <summary>
/// A hospital's own small store, by digest. One keeps masked vectors until the hub's receipt, by session: what a
/// session has masked once, it sends again byte for byte. Another keeps what a job lets the hospital remember, by plan,
/// and nothing of it leaves.
/// </summary>
public interface ISpool
{
    /// <summary>
    /// Returns when the bytes are kept, in the place of any before them. The array is the spool's from now on: nobody
    /// may write to it.
    /// </summary>
    void Write(Digest name, byte[] bytes);

    /// <summary>The bytes, or null where there are none.</summary>
    byte[]? Read(Digest name);

    /// <summary>
    /// At most <paramref name="most"/> pieces of <paramref name="size"/> bytes from <paramref name="offset"/> on, the
    /// last one of all shorter; none where nothing is kept. Not to be read any more once the bytes are removed.
    /// </summary>
    IEnumerable<ByteString> Read(Digest name, int offset, int size, int most);

    void Remove(Digest name);
}

/// <summary>A folder, one file a digest.</summary>
/// <param name="isFlushed">Whether a write waits for the disk: a node's does, a simulation's need not.</param>
/// <param name="extension">Of its files: tells one spool of a folder from another.</param>
public sealed class FileSpool(string folder, bool isFlushed, string extension = "masked") : ISpool
{
    public void Write(Digest name, byte[] bytes)
    {
        Directory.CreateDirectory(folder);
        var temporary = PathOf(name) + ".tmp";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: isFlushed);
        }
        File.Move(temporary, PathOf(name), overwrite: true);
        UpdateBuffers.Return(bytes);
    }

    public byte[]? Read(Digest name) => File.Exists(PathOf(name)) ? File.ReadAllBytes(PathOf(name)) : null;

    public IEnumerable<ByteString> Read(Digest name, int offset, int size, int most)
    {
        if (!File.Exists(PathOf(name)))
            yield break;
        using var file = File.OpenHandle(PathOf(name));
        var length = RandomAccess.GetLength(file);
        for (var at = (long)offset; most > 0 && at < length; most--, at += size)
        {
            var piece = new byte[(int)Math.Min(size, length - at)];
            if (RandomAccess.Read(file, piece, at) != piece.Length)
                throw new IOException("The spool holds less than its file's length.");
            yield return ByteString.Own(piece);
        }
    }

    public void Remove(Digest name) => File.Delete(PathOf(name));

    private string PathOf(Digest name) => Path.Combine(folder, $"{name}.{extension}");
}

/// <summary>This process's memory, for benchmarks and tests that have nothing to resume.</summary>
public sealed class MemorySpool : ISpool
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Digest, byte[]> _kept = new();

    public void Write(Digest name, byte[] bytes) => _kept[name] = bytes;

    public byte[]? Read(Digest name) => _kept.GetValueOrDefault(name);

    public IEnumerable<ByteString> Read(Digest name, int offset, int size, int most)
    {
        if (!_kept.TryGetValue(name, out var bytes))
            yield break;
        for (var at = offset; most > 0 && at < bytes.Length; most--, at += size)
            yield return ByteString.Own(bytes.AsMemory(at, Math.Min(size, bytes.Length - at)));
    }

    public void Remove(Digest name)
    {
        if (_kept.TryRemove(name, out var bytes))
            UpdateBuffers.Return(bytes);
    }
}
