using System.Security.Cryptography;
using FedActors.Core.Identity;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

/// <summary>
/// One masked vector on its way in: takes chunks in order, spools them, and is whole only when their SHA-256 is the one
/// its hospital signed. Independent of its session until <see cref="AggregationSession.Add"/>, so that each connection
/// can fill its own.
/// </summary>
public sealed class MaskedUpload : IDisposable
{
    private readonly Masked _announced;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Stream? _spool;
    private List<ByteString> _pieces = [];                                      // where there is no spool

    internal MaskedUpload(Masked announced, int length, Stream? spool)
    {
        (_announced, Length, _spool) = (announced, length, spool);
        spool?.SetLength(0);
    }

    /// <summary>Whose vector.</summary>
    public HospitalId Hospital => _announced.Hospital;

    /// <summary>Bytes of the whole vector.</summary>
    public int Length { get; }

    /// <summary>Bytes taken so far.</summary>
    public int Received { get; private set; }

    /// <summary>The chunk that must come next: where a transfer goes on after a cut.</summary>
    public int NextChunk => Received / ChunkSize + (Received % ChunkSize == 0 ? 0 : 1);

    /// <summary>All bytes are here and they are those that were signed.</summary>
    public bool IsWhole { get; private set; }

    internal Digest Session => _announced.Session;

    internal Digest Vector => _announced.Vector;

    /// <summary>Whether its bytes lie in the caller's stream.</summary>
    internal bool IsSpooled => _spool is not null;

    /// <summary>The chunks of a whole vector that is not spooled; they are no longer its own.</summary>
    internal IReadOnlyList<ByteString> HandOver()
    {
        (var pieces, _pieces) = (_pieces, []);
        return pieces;
    }

    /// <summary>Adds a whole vector that is spooled to a sum, mod 2^<paramref name="wordBits"/>.</summary>
    internal void AddTo(Span<byte> sum, int wordBits)
    {
        _spool!.Position = 0;
        var buffer = new byte[Math.Min(ChunkSize, Length)];
        for (var at = 0; at < Length; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, Math.Min(buffer.Length, Length - at));
            _spool.ReadExactly(part);
            MaskStream.Add(sum.Slice(at, part.Length), part, wordBits);
        }
    }

    /// <summary>Takes the next chunk. One that was taken before is agreed to and ignored.</summary>
    public SessionDecision Append(MaskedChunk chunk)
    {
        if (chunk.Session != Session || chunk.Hospital != Hospital)
            return Refuse("a chunk of another upload");
        if (chunk.Index >= 0 && chunk.Index < NextChunk)
            return SessionDecision.Accepted.Nothing;
        if (chunk.Index != NextChunk)
            return Refuse($"chunk {chunk.Index} of {Hospital} came where {NextChunk} is next");
        var due = Math.Min(ChunkSize, Length - Received);
        if (chunk.Bytes.Length != due || due == 0)
            return Refuse($"chunk {chunk.Index} of {Hospital} has {chunk.Bytes.Length} bytes, {due} are due");
        if (_spool is null)
            _pieces.Add(chunk.Bytes);
        else
            _spool.Write(chunk.Bytes.Span);
        _hash.AppendData(chunk.Bytes.Span);
        Received += chunk.Bytes.Length;
        if (Received < Length)
            return SessionDecision.Accepted.Nothing;
        IsWhole = new Digest(_hash.GetHashAndReset()) == Vector;
        return IsWhole ? SessionDecision.Accepted.Nothing : Refuse($"the bytes of {Hospital} are not those it signed");
    }

    /// <summary>Frees the hash and the pieces. The spool stays the caller's.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        _pieces.Clear();
    }

    private SessionDecision.Rejected Refuse(string sentence) =>
        new(Refusal.By(AbortCode.BadUpload, Hospital, sentence), Ends: false);
}
