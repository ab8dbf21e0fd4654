using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>64-bit words of a random source, fetched in blocks and wiped: they tell the noise.</summary>
internal sealed class RandomWords : IDisposable
{
    /// <summary>Words that <see cref="Take"/> gives at most.</summary>
    public const int Least = 64;

    private const int Most = 1024;

    private readonly IRandomSource _source;
    private readonly ulong[] _words;
    private int _next;

    /// <param name="expected">About how many words will be drawn; sets the size of a block.</param>
    public RandomWords(IRandomSource source, long expected)
    {
        _source = source;
        _words = new ulong[(int)Math.Clamp(expected + expected / 8 + 8, Least, Most)];
        _next = _words.Length;
    }

    public ulong Next()
    {
        if (_next == _words.Length)
            Refill();
        return _words[_next++];
    }

    /// <summary>The bytes of so many words that lie together; fewer that were left of a block are never used. Valid
    /// until the next call.</summary>
    public ReadOnlySpan<byte> Take(int words)
    {
        if (_next + words > _words.Length)
            Refill();
        _next += words;
        return MemoryMarshal.AsBytes(_words.AsSpan(_next - words, words));
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_words.AsSpan()));

    private void Refill()
    {
        _source.Fill(MemoryMarshal.AsBytes(_words.AsSpan()));
        _next = 0;
    }
}
