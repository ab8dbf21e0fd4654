using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using FedActors.Core.Identity;

namespace FedActors.Core.Aggregation;

/// <summary>
/// One running sum in Z_2^w, wrapping. Addition is commutative and exact, so the bytes do not depend on the order in
/// which parties arrive.
/// </summary>
public sealed class ModularSum : IUpdateSink
{
    private readonly byte[] _words;

    /// <param name="ringBits">32 or 64.</param>
    /// <param name="bytes">Length of every vector: a multiple of the word.</param>
    public ModularSum(int ringBits, int bytes) : this(ringBits, new byte[bytes]) { }

    private ModularSum(int ringBits, byte[] words)
    {
        if (ringBits is not (32 or 64) || words.Length % (ringBits / 8) != 0)
            throw new ArgumentException($"{words.Length} bytes are not whole words of {ringBits} bits.");
        (RingBits, _words) = (ringBits, words);
    }

    /// <summary>Goes on from a stored sum, whose bytes are copied.</summary>
    public static ModularSum From(int ringBits, ReadOnlySpan<byte> stored) => new(ringBits, stored.ToArray());

    /// <summary>w: 32 or 64.</summary>
    public int RingBits { get; }

    /// <summary>The sum so far, little-endian words.</summary>
    public ReadOnlySpan<byte> Words => _words;

    int IUpdateSink.UpdateBytes => _words.Length;

    ImmutableArray<byte> IUpdateSink.Total => ImmutableCollectionsMarshal.AsImmutableArray(_words);

    // Residues say nothing by themselves: every word of the ring is one that may come.
    string? IUpdateSink.Take(HospitalId hospital, ReadOnlySpan<byte> update)
    {
        Add(update);
        return null;
    }

    /// <summary>Adds a vector of the sum's own length.</summary>
    /// <exception cref="ArgumentException">The length differs.</exception>
    public void Add(ReadOnlySpan<byte> residues)
    {
        if (residues.Length != _words.Length)
            throw new ArgumentException($"{residues.Length} bytes do not add to a sum of {_words.Length}.",
                nameof(residues));
        // TensorPrimitives adds integers unchecked: it wraps, which is what the ring asks for.
        if (RingBits == 32)
            Add(MemoryMarshal.Cast<byte, uint>(residues), MemoryMarshal.Cast<byte, uint>(_words.AsSpan()));
        else
            Add(MemoryMarshal.Cast<byte, ulong>(residues), MemoryMarshal.Cast<byte, ulong>(_words.AsSpan()));
    }

    private static void Add<T>(ReadOnlySpan<T> residues, Span<T> sum) where T : System.Numerics.IBinaryInteger<T> =>
        TensorPrimitives.Add(sum, residues, sum);
}
