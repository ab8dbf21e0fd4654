using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>
/// Meets hospitals at the hub's edge: the one path that is trusted there. Knows who speaks by signature, lets in only
/// what the roster's hospitals may say and only under their own name, and brings each answer to whoever asked. Hands
/// out models by hash. Parent: the edge. Children: none.
/// </summary>
public sealed class Door : ReceiveActor
{
    /// <summary>A hub's actor → door. Say this to a hospital; its answers go to the sender.</summary>
    public sealed record Say(HospitalId Hospital, IWireMessage Message) : INoSerializationVerificationNeeded;

    /// <summary>
    /// Hub → door. This node leads from now on: let hospitals in. Until then, and after <see cref="Close"/>, there is
    /// nobody here.
    /// </summary>
    /// <param name="Nonce">Random, of this lead.</param>
    /// <param name="Epoch">Of this lead.</param>
    public sealed record Open(RemoteHospitals Hospitals, ModelCache Models, Digest Nonce, long Epoch)
        : INoSerializationVerificationNeeded;

    /// <summary>Hub → door. This node does not lead any more. Answered by <see cref="Closed"/>.</summary>
    public sealed record Close : INoSerializationVerificationNeeded
    {
        public static Close Instance { get; } = new();
    }

    /// <summary>Door → hub.</summary>
    public sealed record Closed : INoSerializationVerificationNeeded
    {
        public static Closed Instance { get; } = new();
    }

    /// <summary>Most bytes of one message from a hospital: its shares for a cohort of many thousands.</summary>
    public const int MessageBytes = 16 << 20;

    // Of a hospital that stays away.
    private const int OutboxLimit = 256;

    // Pieces that may come before the other end is told that they did.
    private const int PulseEvery = 16;

    // Of a model on its way over the line to one hospital at a time, whatever it asks for.
    private const int MostChunks = 64;

    // Calls without an attachment for this long: the answers do not arrive.
    private static readonly TimeSpan DeafAfter = TimeSpan.FromSeconds(3);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HubIdentity _identity;
    private readonly TimeProvider _clock;
    private readonly ModelShelf _shelf;
    private readonly Dictionary<HospitalId, Line> _lines = [];
    private readonly Dictionary<IActorRef, long> _conversations = [];
    private readonly Dictionary<HospitalId, (Address Address, DateTimeOffset Since)> _calls = [];
    private readonly Dictionary<long, IActorRef> _askers = [];
    private long _lastConversation;
    private Open? _open;
    private Reception? _reception;

    public Door(HubIdentity identity, TimeProvider clock, ModelShelf shelf)
    {
        (_identity, _clock, _shelf) = (identity, clock, shelf);
        Receive<Open>(open =>
        {
            Forget();
            (_open, _reception) = (open, new Reception(identity.Key, open.Nonce, open.Epoch));
            shelf.Open(open.Models);
        });
        Receive<Close>(_ =>
        {
            // So that they call another node at once.
            foreach (var line in _lines.Values)
            {
                if (line.End is { } end)
                    line.Uplink?.Tell(new LineProtocol.Broken(end.Session));
            }
            Forget();
            (_open, _reception) = (null, null);
            Sender.Tell(Closed.Instance);
        });
        Receive<LineProtocol.Hello>(Answer);
        Receive<LineProtocol.Envelope>(Take);
        Receive<Say>(say => Tell(say.Hospital, ConversationOf(Sender), say.Message));
        Receive<Terminated>(ended => End(ended.ActorRef));
    }

    /// <param name="shelf">Filled from here; null where large models come over the line too.</param>
    public static Props Props(HubIdentity identity, TimeProvider clock, ModelShelf? shelf = null) =>
        Akka.Actor.Props.Create<Door>(identity, clock, shelf ?? new ModelShelf());

    // It is there from the edge's start: what is said to a name that nobody has yet, Akka may take to nobody for good.
    private RemoteHospitals Hospitals => _open!.Hospitals;

    private void Forget()
    {
        foreach (var asker in _conversations.Keys)
            Context.Unwatch(asker);
        _conversations.Clear();
        _askers.Clear();
        _lines.Clear();
        _calls.Clear();
        _shelf.Close();
    }

    private void Answer(LineProtocol.Hello hello)
    {
        if (_reception is null)
            return;
        if (!_identity.Roster.Contains(hello.Hospital))
        {
            _log.Warning("'{Hospital}' calls, which is not in the roster", hello.Hospital);
            return;
        }
        HangUpIfDeaf(hello.Hospital);
        Sender.Tell(_reception.Answer(hello));
    }

    // Answers ride the connection that the hospital made. Where it made a second one before the end of the first was
    // noticed, Akka reads from the second and writes to the first for good, by calling a name that leads nowhere:
    // whoever keeps calling is not heard. Both connections are ended, and the next one is good.
    private void HangUpIfDeaf(HospitalId hospital)
    {
        var (address, now) = (Sender.Path.Address, _clock.GetUtcNow());
        if (!_calls.TryGetValue(hospital, out var call) || call.Address != address)
        {
            _calls[hospital] = (address, now);
        }
        else if (now - call.Since > DeafAfter)
        {
            _calls.Remove(hospital);
            _log.Warning("{Hospital} does not hear the hub's answers: its connection is ended", hospital);
            Edge.HangUp(Context.System, address);
        }
    }

    private void Take(LineProtocol.Envelope piece)
    {
        if (_identity.Roster.KeyOf(piece.Hospital) is not { } key)
            return;
        if (_open is null)
        {
            Sender.Tell(new LineProtocol.Broken(piece.Session));
            return;
        }
        var line = LineOf(piece.Hospital);
        if (line.End?.Session != piece.Session)
        {
            if (!TryAttach(line, piece, key))
                Sender.Tell(new LineProtocol.Broken(piece.Session));
            return;
        }
        switch (line.End.Open(piece))
        {
            case LineStep.Whole whole:
                Hospitals.Hear(piece.Hospital);
                Read(piece.Hospital, line, whole);
                Pulse(line);
                break;
            case LineStep.Known:
                Hospitals.Hear(piece.Hospital);
                Pulse(line);
                break;
            case LineStep.Refused refused:
                _log.Warning("A message in the name of {Hospital} is refused: {Reason}", piece.Hospital,
                    refused.Reason);
                break;
            case LineStep.Broken broken:
                _log.Info("The line to {Hospital} begins anew: {Reason}", piece.Hospital, broken.Reason);
                line.End = null;
                Sender.Tell(new LineProtocol.Broken(piece.Session));
                break;
        }
    }

    private bool TryAttach(Line line, LineProtocol.Envelope piece, SitePublicKey key)
    {
        if (_reception!.Begin(piece, key, MessageBytes) is not { } end)
            return false;
        (line.End, line.Uplink, line.Unpulsed) = (end, Sender, 0);
        _calls.Remove(piece.Hospital);
        Hospitals.Hear(piece.Hospital);
        _log.Info("{Hospital} is attached", piece.Hospital);
        line.Outbox.Resend((conversation, message) => Send(line, conversation, message));
        return true;
    }

    private void Read(HospitalId hospital, Line line, LineStep.Whole whole)
    {
        if (!WireSerializer.TryRead(whole, out var message, out var reason))
        {
            _log.Warning("A message of {Hospital} cannot be read: {Reason}", hospital, reason);
            return;
        }
        switch (message)
        {
            case LineProtocol.Pulse pulse:
                line.Outbox.Heard(pulse.Heard);
                line.Unpulsed = PulseEvery;
                break;
            case ModelProtocol.ModelWanted wanted:
                Serve(hospital, line, wanted);
                break;
            case IFromHospital from when from.Hospital == hospital:
                if (_askers.TryGetValue(whole.Conversation, out var asker))
                    asker.Tell(message);
                break;
            default:
                _log.Warning("{Hospital} may not say {Message}", hospital, message.GetType().Name);
                break;
        }
    }

    private void Serve(HospitalId hospital, Line line, ModelProtocol.ModelWanted wanted)
    {
        if (!_shelf.TryGet(hospital, wanted.Model, out var model))
        {
            Send(line, 0, new ModelProtocol.ModelMissing(wanted.Model));
            return;
        }
        var (total, credit) = (model.Bytes, Math.Min(wanted.Credit, MostChunks));
        if (wanted.ByStream == true && _shelf.Port > 0 && total - wanted.FromOffset > ModelProtocol.LineBytes)
        {
            Send(line, 0, new ModelProtocol.ModelStreamed(wanted.Model, total, _shelf.Port));
            return;
        }
        for (var (offset, sent) = (wanted.FromOffset, 0); sent < credit && offset >= 0 && offset < total; sent++)
        {
            var chunk = model.ToBytes((int)offset, (int)Math.Min(RoundProtocol.ChunkBytes, total - offset));
            Send(line, 0,
                new ModelProtocol.ModelChunk(wanted.Model, offset, total, Core.Identity.ByteString.Own(chunk)));
            offset += chunk.Length;
        }
    }

    private void Tell(HospitalId hospital, long conversation, IWireMessage message)
    {
        if (_open is null)
            return;
        if (message is RoundProtocol.RoundOffered offer)
            _shelf.Offer(hospital, offer.Model);
        var line = LineOf(hospital);
        line.Outbox.Add(conversation, message, line.End is null ? null : Send(line, conversation, message));
    }

    private long Send(Line line, long conversation, IWireMessage message)
    {
        foreach (
            var piece in line.End!.Seal(conversation, WireSerializer.ManifestOf(message),
                WireSerializer.Write(message)))
            line.Uplink?.Tell(piece, Self);
        return line.End.Sent;
    }

    private void Pulse(Line line)
    {
        if (++line.Unpulsed < PulseEvery || line.End is null)
            return;
        line.Unpulsed = 0;
        Send(line, 0, new LineProtocol.Pulse(line.End.Heard));
    }

    private long ConversationOf(IActorRef asker)
    {
        if (_conversations.TryGetValue(asker, out var known))
            return known;
        Context.Watch(asker);
        _askers[++_lastConversation] = asker;
        return _conversations[asker] = _lastConversation;
    }

    private void End(IActorRef asker)
    {
        if (!_conversations.Remove(asker, out var conversation))
            return;
        _askers.Remove(conversation);
        foreach (var line in _lines.Values)
            line.Outbox.Close(conversation);
    }

    private Line LineOf(HospitalId hospital) =>
        _lines.TryGetValue(hospital, out var line)
        ? line
        : _lines[hospital] = new Line(new Outbox(keepsLast: true, OutboxLimit));

    private sealed class Line(Outbox outbox)
    {
        public Outbox Outbox => outbox;

        public LineEnd? End { get; set; }

        public IActorRef? Uplink { get; set; }

        public int Unpulsed { get; set; }
    }
}
