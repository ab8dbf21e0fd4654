using System.Buffers;
using FedActors.Core.Identity;
using static FedActors.Core.Protocol.LineProtocol;

namespace FedActors.Core.Links;

/// <summary>
/// One end of a line within one session: cuts messages into pieces, numbers and signs them; checks what comes, and puts
/// it together again. Of what is not signed by the other end, nothing is kept.
/// </summary>
public sealed class LineEnd
{
    private readonly Digest _session;
    private readonly HospitalId _hospital;
    private readonly bool _isHospital;
    private readonly SiteKey _key;
    private readonly SitePublicKey _peer;
    private readonly int _cap;
    private readonly ArrayBufferWriter<byte> _whole = new();
    private int _nextPart;

    /// <param name="isHospital">Which end this is.</param>
    /// <param name="cap">Most bytes of a message from the other end.</param>
    public LineEnd(Digest session, HospitalId hospital, bool isHospital, SiteKey key, SitePublicKey peer, int cap) =>
        (_session, _hospital, _isHospital, _key, _peer, _cap) = (session, hospital, isHospital, key, peer, cap);

    public Digest Session => _session;

    /// <summary>Number of the last piece that was sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Number of the last piece that came.</summary>
    public long Heard { get; private set; }

    /// <summary>The message in signed pieces, to be sent in this order.</summary>
    public IReadOnlyList<Envelope> Seal(long conversation, string manifest, byte[] message)
    {
        var parts = Math.Max(1, (message.Length + PieceBytes - 1) / PieceBytes);
        var pieces = new Envelope[parts];
        for (var part = 0; part < parts; part++)
        {
            var bytes = parts == 1
                ? ByteString.Own(message)
                : new ByteString(
                    message.AsSpan(part * PieceBytes, Math.Min(PieceBytes, message.Length - part * PieceBytes)));
            var piece =
                new Envelope(_session, _hospital, _isHospital, ++Sent, conversation, manifest, part, parts, bytes);
            pieces[part] = piece with { Signature = _key.Sign(piece.Statement()) };
        }
        return pieces;
    }

    /// <summary>What a piece that came adds.</summary>
    public LineStep Open(Envelope piece)
    {
        if (piece.Session != _session || piece.Hospital != _hospital || piece.IsUp == _isHospital)
            return new LineStep.Refused("It belongs to another session.");
        if (!_peer.Verifies(piece.Statement(), piece.Signature))
            return new LineStep.Refused("Its signature is not that of the other end.");
        if (piece.Number <= Heard)
            return LineStep.Known.Instance;
        if (piece.Number != Heard + 1)
            return new LineStep.Broken($"Pieces {Heard + 1} to {piece.Number - 1} did not arrive.");
        Heard = piece.Number;
        if (piece.Part != _nextPart || piece.Part >= piece.Parts || piece.Bytes.Length > PieceBytes)
            return new LineStep.Broken($"Piece {piece.Part} of {piece.Parts} came where piece {_nextPart} was due.");
        if (_whole.WrittenCount + piece.Bytes.Length > _cap)
            return new LineStep.Broken($"The message is longer than {_cap} bytes.");
        if (piece.Parts == 1)
            return new LineStep.Whole(piece.Conversation, piece.Manifest, piece.Bytes.Span.ToArray());
        _whole.Write(piece.Bytes.Span);
        if (++_nextPart < piece.Parts)
            return LineStep.Known.Instance;
        var bytes = _whole.WrittenSpan.ToArray();
        _whole.ResetWrittenCount();
        _nextPart = 0;
        return new LineStep.Whole(piece.Conversation, piece.Manifest, bytes);
    }
}

/// <summary>What follows from a piece.</summary>
public abstract record LineStep
{
    private LineStep() { }

    /// <summary>A message is whole.</summary>
    public sealed record Whole(long Conversation, string Manifest, byte[] Bytes) : LineStep;

    /// <summary>Known already, or more pieces are to come.</summary>
    public sealed record Known : LineStep
    {
        public static Known Instance { get; } = new();
    }

    /// <summary>Not from the other end of this session: dropped, and nothing else changes.</summary>
    public sealed record Refused(string Reason) : LineStep;

    /// <summary>From the other end, but not what was due: only a new session mends that.</summary>
    public sealed record Broken(string Reason) : LineStep;
}
