using Akka.Actor;
using FedActors.Core.Links;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>
/// One end of a line between two nodes of a hub. What is said goes out in pieces, a window of them at a time: a long
/// vector must not delay the cluster's heartbeats, which go the same way.
/// </summary>
internal sealed class PacedLine(LineEnd end, IActorRef peer, IActorRef self)
{
    private const int WindowPieces = 32;
    private const int PulseEvery = 8;

    private readonly Queue<LineProtocol.Envelope> _due = new();
    private long _heardThere;
    private long _pulsed;

    public void Say(long conversation, IWireMessage message)
    {
        foreach (
            var piece in end.Seal(conversation, WireSerializer.ManifestOf(message), WireSerializer.Write(message)))
            _due.Enqueue(piece);
        Flow();
    }

    public LineStep Open(LineProtocol.Envelope piece)
    {
        var step = end.Open(piece);
        if (end.Heard - _pulsed >= PulseEvery)
            Pulse();
        return step;
    }

    /// <summary>Says how much has come, in clear: who forges it can but hurry the other end.</summary>
    public void Pulse()
    {
        _pulsed = end.Heard;
        peer.Tell(new LineProtocol.Pulse(end.Heard), self);
    }

    public void Heard(LineProtocol.Pulse pulse)
    {
        _heardThere = Math.Max(_heardThere, pulse.Heard);
        Flow();
    }

    private void Flow()
    {
        while (_due.TryPeek(out var next) && next.Number <= _heardThere + WindowPieces)
            peer.Tell(_due.Dequeue(), self);
    }
}
