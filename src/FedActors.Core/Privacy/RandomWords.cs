using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>64-bit words of a random source, fetched in blocks and wiped: they tell the noise.</summary>
internal sealed class RandomWords : IDisposable
{
    private const int Block = 8192;

    private readonly IRandomSource _source;
    private readonly ulong[] _words;
    private int _next;

    /// <param name="expected">About how many words will be drawn; sets the size of a block.</param>
    public RandomWords(IRandomSource source, long expected)
    {
        _source = source;
        _words = new ulong[(int)Math.Clamp(expected + expected / 8 + 8, 8, Block)];
        _next = _words.Length;
    }

    public ulong Next()
    {
        if (_next == _words.Length)
        {
            _source.Fill(MemoryMarshal.AsBytes(_words.AsSpan()));
            _next = 0;
        }
        return _words[_next++];
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_words.AsSpan()));
}
