using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

//  Sum of masked vectors
//      Whole vectors wait until there are four and are then added in one pass, chunk by chunk: the sum, longer than a
//      cache, is read and written once for four vectors.
//  Size:     the sum; vectors that wait, at most three and at most WaitingBytes together. One that is longer, or that
//            lies in a file, does not wait.
//  Order:    addition mod 2^w commutes: neither the order of vectors nor how they are grouped changes a bit.

/// <summary>The running sum of one session, and the whole vectors that are not in it yet.</summary>
/// <param name="words">The sum so far, little-endian words; changed in place.</param>
/// <param name="wordBits">32 or 64.</param>
/// <param name="waitingBytes">Most bytes of vectors that wait.</param>
internal sealed class MaskedSum(byte[] words, int wordBits, long waitingBytes = MaskedSum.WaitingBytes)
{
    /// <summary>Most bytes of vectors that wait, where nothing else is said: four of a million parameters.</summary>
    public const int WaitingBytes = 16 << 20;

    private const int Together = 4;
    private const int Ahead = 1024;                                             // bytes that are asked for beforehand

    private readonly List<IReadOnlyList<ByteString>> _waiting = new(Together);

    /// <summary>The sum of all vectors taken, which no longer wait then.</summary>
    public byte[] Words
    {
        get
        {
            AddWaiting();
            return words;
        }
    }

    /// <summary>Takes a whole vector, and its memory with it.</summary>
    /// <exception cref="EndOfStreamException">The spool lost bytes: the sum is spoiled.</exception>
    public void Add(MaskedUpload upload)
    {
        if (upload.IsSpooled)
        {
            upload.AddTo(words, wordBits);
            return;
        }
        _waiting.Add(upload.HandOver());
        if (_waiting.Count == Together || (_waiting.Count + 1L) * words.Length > waitingBytes)
            AddWaiting();
    }

    private void AddWaiting()
    {
        if (_waiting.Count == 0)
            return;
        var at = 0;
        for (var chunk = 0; at < words.Length; chunk++)
        {
            var part = words.AsSpan(at, _waiting[0][chunk].Length);
            if (_waiting.Count == Together && BitConverter.IsLittleEndian)
                AddFour(part, chunk);
            else
                foreach (var vector in _waiting)
                    MaskStream.Add(part, vector[chunk].Span, wordBits);
            at += part.Length;
        }
        _waiting.Clear();
    }

    private void AddFour(Span<byte> part, int chunk)
    {
        if (wordBits == 32)
            AddFour<uint>(part, _waiting[0][chunk].Span, _waiting[1][chunk].Span, _waiting[2][chunk].Span,
                _waiting[3][chunk].Span);
        else
            AddFour<ulong>(part, _waiting[0][chunk].Span, _waiting[1][chunk].Span, _waiting[2][chunk].Span,
                _waiting[3][chunk].Span);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void AddFour<TWord>(
        Span<byte> sum, ReadOnlySpan<byte> one, ReadOnlySpan<byte> two, ReadOnlySpan<byte> three,
        ReadOnlySpan<byte> four)
        where TWord : unmanaged, IBinaryInteger<TWord>
    {
        var done = 0;
        fixed (byte* s = sum, a = one, b = two, c = three, d = four)
        {
            for (; done + Vector512<byte>.Count <= sum.Length; done += Vector512<byte>.Count)
            {
                if (Sse.IsSupported)
                {
                    // Only hints: at the end they ask for what is behind it.
                    Sse.Prefetch0(a + done + Ahead);
                    Sse.Prefetch0(b + done + Ahead);
                    Sse.Prefetch0(c + done + Ahead);
                    Sse.Prefetch0(d + done + Ahead);
                }
                var words = Vector512.Load((TWord*)(s + done));
                words += Vector512.Load((TWord*)(a + done)) + Vector512.Load((TWord*)(b + done));
                words += Vector512.Load((TWord*)(c + done)) + Vector512.Load((TWord*)(d + done));
                words.Store((TWord*)(s + done));
            }
        }
        MaskStream.Add(sum[done..], one[done..], 8 * sizeof(TWord));
        MaskStream.Add(sum[done..], two[done..], 8 * sizeof(TWord));
        MaskStream.Add(sum[done..], three[done..], 8 * sizeof(TWord));
        MaskStream.Add(sum[done..], four[done..], 8 * sizeof(TWord));
    }
}
