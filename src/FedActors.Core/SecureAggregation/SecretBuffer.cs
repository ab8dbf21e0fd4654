using System.Security.Cryptography;

namespace FedActors.Core.SecureAggregation;

//  Secret buffer
//      Bytes that must not outlive their use: pinned, so that the collector leaves no copies behind, and zeroed on disposal.
//  Holds:    seeds, private scalars, derived keys, shares. Never on a wire, in a journal, a log or an exception.
//  Limit:    the platform's own key objects and the arrays it returns are wiped where it lets us; swap and core dumps are
//            the operator's (a hospital node disables both).

/// <summary>Pinned bytes that are zeroed when disposed. Has no public content, no text and no serialised form.</summary>
public sealed class SecretBuffer : IDisposable
{
    private readonly byte[] _bytes;
    private bool _wiped;

    internal SecretBuffer(int length) => _bytes = GC.AllocateArray<byte>(length, pinned: true);

    /// <summary>Bytes held.</summary>
    public int Length => _bytes.Length;

    /// <exception cref="ObjectDisposedException">Already wiped.</exception>
    internal Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_wiped, this);
            return _bytes;
        }
    }

    internal Span<byte> this[Range range] => Span[range];

    /// <summary>Zeroes the bytes. A second call does nothing.</summary>
    public void Dispose()
    {
        _wiped = true;
        CryptographicOperations.ZeroMemory(_bytes);
    }

    /// <summary>Says nothing of the content.</summary>
    public override string ToString() => "secret";
}
