//  Random bits from a key
//      AES-256 in counter mode, keyed once from another source. Each 8 KiB of it begin with the next key, so that what
//      was given out before the present 8 KiB can be computed from nothing that is still in memory.
//  Source:   the stream is MaskStream's; the change of keys: Bernstein, "Fast-key-erasure random-number generators",
//            2017; the same construction as the CTR_DRBG of SP 800-90A that operating systems run.
//  Size:     8 KiB, pinned and wiped.
//  Proof:    CounterSource.md

using FedActors.Core.Numerics;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Privacy;

/// <summary>As many random bytes as noise needs, for 32 of the operating system's. For one thread.</summary>
public sealed class CounterSource : IRandomSource, IDisposable
{
    private const int Size = 8 * 1024;

    private readonly SecretBuffer _key = new(MaskStream.KeySize);
    private readonly SecretBuffer _stream = new(Size);
    private int _next = Size;

    /// <param name="source">The operating system's generator: 32 bytes of it are taken, once.</param>
    public CounterSource(IRandomSource source) => source.Fill(_key.Span);

    /// <inheritdoc />
    /// <exception cref="ObjectDisposedException">Already wiped.</exception>
    public void Fill(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_next == Size)
                Refill();
            var given = _stream.Span.Slice(_next, Math.Min(bytes.Length, Size - _next));
            given.CopyTo(bytes);
            bytes = bytes[given.Length..];
            _next += given.Length;
        }
    }

    /// <summary>Wipes key and stream.</summary>
    public void Dispose()
    {
        _key.Dispose();
        _stream.Dispose();
    }

    private void Refill()
    {
        MaskStream.Generate(_stream.Span, _key.Span);
        _stream[..MaskStream.KeySize].CopyTo(_key.Span);
        _stream[..MaskStream.KeySize].Clear();
        _next = MaskStream.KeySize;
    }
}
