using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>
/// A hospital's line to its hub, dialled from here: nobody ever calls a hospital. Brings the hub's messages to the
/// agent and its answers back, fetches a model before the offer that needs it goes on, and after a cut continues where
/// it was. Parent: the site. Children: a relay for each of the hub's actors that asked something. Waits for the disk.
/// </summary>
public sealed class Uplink : ReceiveActor, IWithTimers
{
    /// <summary>Who this hospital is, and whom it calls.</summary>
    /// <param name="Doors">Where the hub's door may be: at the node that leads it. They are called in turn.</param>
    /// <param name="Rhythm">From one sign of life to the next; after eight without an answer the line is dialled
    /// anew.</param>
    public sealed record Settings(
        HospitalId Hospital, SiteKey Key, SitePublicKey Hub, ImmutableArray<IActorRef> Doors, TimeSpan Rhythm,
        IRandomSource Random,
        TimeProvider Clock)
    {
        /// <summary>Fetches large models beside the line; null where they come over it too.</summary>
        public ModelFetch? Streams { get; init; }
    }

    /// <summary>Most bytes of one message from the hub: an open sum of a hundred million coordinates.</summary>
    public const int MessageBytes = 1 << 30;

    private const int SilentBeats = 8;

    // More than a handshake may last, which Edge says.
    private static readonly TimeSpan RedialAfter = TimeSpan.FromSeconds(20);

    private const int Relays = 64;
    private const int OutboxLimit = 4096;

    // Chunks of a model on their way at a time, and how many are asked for at once.
    private const int WindowChunks = 32;
    private const int GrantChunks = 16;

    // Between two calls while nobody has answered; no longer than the rhythm.
    private static readonly TimeSpan CallPause = TimeSpan.FromMilliseconds(500);

    // Where nothing came from the hub's port for models, until it is tried again on the same line.
    private static readonly TimeSpan PortPause = TimeSpan.FromMinutes(10);

    private sealed record Beat : INoSerializationVerificationNeeded
    {
        public static Beat Instance { get; } = new();
    }

    /// <param name="Trouble">Why not all of it came; null where it did.</param>
    private sealed record StreamEnded(Fetch Fetch, string? Trouble) : INoSerializationVerificationNeeded;

    private sealed record Answer(long Conversation, IWireMessage Message) : INoSerializationVerificationNeeded;

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Settings _settings;
    private readonly IActorRef _agent;
    private readonly ModelCache _models;
    private readonly ModelSpool _spool;
    private readonly Outbox _outbox = new(keepsLast: false, OutboxLimit);
    private readonly Dictionary<long, IActorRef> _relays = [];
    private readonly Queue<(long Conversation, IWireMessage Message)> _waiting = new();
    private readonly Redial _redial = new(RedialAfter);
    private Digest _nonce;
    private Digest? _hubNonce;
    private long _epoch;
    private IActorRef _door;
    private int _calls;
    private LineEnd? _end;
    private DateTimeOffset _lastHeard;
    private DateTimeOffset _portAgain;
    private Fetch? _fetch;

    public Uplink(Settings settings, IActorRef agent, ModelCache models, ModelSpool spool)
    {
        (_settings, _agent, _models, _spool, _door) = (settings, agent, models, spool, settings.Doors[0]);
        Receive<Beat>(_ => OnBeat());
        Receive<LineProtocol.Challenge>(Attach);
        Receive<LineProtocol.Envelope>(Take);
        Receive<LineProtocol.Broken>(broken =>
        {
            if (broken.Session == _end?.Session)
                Dial("The hub does not know the session any more.");
        });
        Receive<StreamEnded>(OnStreamEnded);
        Receive<Answer>(answer =>
            _outbox.Add(answer.Conversation, answer.Message,
                _end is null ? null : Send(answer.Conversation, answer.Message)));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(Settings settings, IActorRef agent, ModelCache models, ModelSpool spool) =>
        Akka.Actor.Props.Create<Uplink>(settings, agent, models, spool).WithDispatcher("fedactors.storage-dispatcher");

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(nameof(Beat), Beat.Instance, _settings.Rhythm);
        Dial(null);
    }

    protected override void PostStop() => _fetch?.Stream?.Cancel();

    private void OnBeat()
    {
        if (_end is null)
            Dial(null);
        else if (_settings.Clock.GetUtcNow() - _lastHeard > SilentBeats * _settings.Rhythm)
            Dial("The hub does not answer.");
        else
            Send(0, new LineProtocol.Pulse(_end.Heard));
    }

    private void Dial(string? reason)
    {
        if (reason is not null)
            _log.Warning("{Hospital} dials its hub anew: {Reason}", _settings.Hospital, reason);
        // One nonce until somebody answers: a door that took longer than the pause is heard too.
        if (_end is not null || _nonce == default)
        {
            Span<byte> bytes = stackalloc byte[Digest.Size];
            _settings.Random.Fill(bytes);
            (_nonce, _end) = (new Digest(bytes), null);
        }
        Timers.StartSingleTimer(
            nameof(Dial), Beat.Instance, _settings.Rhythm < CallPause ? _settings.Rhythm : CallPause);
        var door = _calls++ % _settings.Doors.Length;
        _door = _settings.Doors[door];
        if (_redial.NeedsNewConnection(door, _settings.Clock.GetUtcNow()))
            Edge.HangUp(Context.System, _door.Path.Address);
        _door.Tell(new LineProtocol.Hello(_settings.Hospital, _nonce), Self);
    }

    private void Attach(LineProtocol.Challenge challenge)
    {
        if (_end is not null || challenge.Hospital != _settings.Hospital || challenge.Nonce != _nonce)
            return;
        if (!_settings.Hub.Verifies(challenge.Statement(), challenge.Signature))
        {
            _log.Warning("Who answers is not the hub of this federation: its signature is another's");
            return;
        }
        if (challenge.Epoch < _epoch)
        {
            _log.Warning("Who answers led the hub before another did: epoch {Old} is over, {Epoch} was heard",
                challenge.Epoch, _epoch);
            return;
        }
        Timers.Cancel(nameof(Dial));
        _redial.Answered();
        _epoch = challenge.Epoch;
        // Not the sender itself, which is one start of the door: the next one is to be heard at the same place.
        var address = Sender.Path.Address;
        _door = _settings.Doors.FirstOrDefault(door => door.Path.Address == address, _door);
        if (_hubNonce != challenge.HubNonce)
            Forget();
        _hubNonce = challenge.HubNonce;
        _end = new LineEnd(
            LineProtocol.SessionOf(_settings.Hospital, _nonce, challenge.HubNonce), _settings.Hospital,
            isHospital: true, _settings.Key, _settings.Hub,
            MessageBytes);
        _lastHeard = _settings.Clock.GetUtcNow();
        _log.Info("{Hospital} is attached to its hub", _settings.Hospital);
        Send(0, new LineProtocol.Attach(_nonce));
        _outbox.Resend(Send);
        _portAgain = default;
        if (_fetch is { Stream: null } fetch)
            Ask(fetch, WindowChunks);
    }

    // Another start of the hub: whoever asked is gone, and asks again.
    private void Forget()
    {
        _outbox.Heard(long.MaxValue);
        foreach (var relay in _relays.Values)
            Context.Stop(relay);
        _relays.Clear();
        _waiting.Clear();
        // One that writes to the spool ends first.
        if (_fetch?.Stream is { } stream)
            stream.Cancel();
        else
            _fetch = null;
    }

    private void Take(LineProtocol.Envelope piece)
    {
        if (_end is not { } end)
            return;
        switch (end.Open(piece))
        {
            case LineStep.Whole whole:
                _lastHeard = _settings.Clock.GetUtcNow();
                Read(whole);
                break;
            case LineStep.Known:
                _lastHeard = _settings.Clock.GetUtcNow();
                break;
            case LineStep.Refused refused:
                _log.Warning("A message is refused: {Reason}", refused.Reason);
                break;
            case LineStep.Broken broken:
                Dial(broken.Reason);
                return;
        }
        if (end.Heard % GrantChunks == 0 && _end == end)
            Send(0, new LineProtocol.Pulse(end.Heard));
    }

    private void Read(LineStep.Whole whole)
    {
        if (!WireSerializer.TryRead(whole, out var message, out var reason))
        {
            _log.Warning("A message of the hub cannot be read: {Reason}", reason);
            return;
        }
        switch (message)
        {
            case LineProtocol.Pulse pulse:
                _outbox.Heard(pulse.Heard);
                break;
            case ModelProtocol.ModelChunk chunk:
                Store(chunk);
                break;
            case ModelProtocol.ModelStreamed streamed:
                BeginStream(streamed);
                break;
            case ModelProtocol.ModelMissing missing when _fetch is { Stream: null } && missing.Model == _fetch.Model:
                _log.Warning("The hub does not hold the model {Model}", missing.Model);
                EndFetch();
                break;
            default:
                _waiting.Enqueue((whole.Conversation, message));
                GoOn();
                break;
        }
    }

    // In the order in which they came, but for a model that has to be here first.
    private void GoOn()
    {
        while (_fetch is null && _waiting.TryPeek(out var next))
        {
            if (next.Message is RoundProtocol.RoundOffered offer && !_models.TryGet(offer.Model, out _)
                && BeginFetch(offer))
                return;
            _waiting.Dequeue();
            _agent.Tell(next.Message, RelayOf(next.Conversation));
        }
    }

    // False where the model arrived before a restart, and only has to be read.
    private bool BeginFetch(RoundProtocol.RoundOffered offer)
    {
        var (model, parameters) = (offer.Model, ModelCatalog.Create(offer.Plan.Model).ParameterCount);
        var received = _spool.LengthOf(model);
        if (received > 0 && _spool.Read(model, parameters) is { } whole)
        {
            _models.Add(whole);
            _spool.Remove(model);
            return false;
        }
        _fetch = new Fetch(model, parameters, received);
        Ask(_fetch, WindowChunks);
        return true;
    }

    private void Ask(Fetch fetch, int chunks)
    {
        if (_end is null)
            return;
        if (chunks == WindowChunks)
            fetch.Granted = fetch.Received;
        var isByStream = _settings.Streams is not null && _settings.Clock.GetUtcNow() >= _portAgain;
        Send(0, new ModelProtocol.ModelWanted(fetch.Model, fetch.Granted, chunks, isByStream));
        fetch.Granted += (long)chunks * RoundProtocol.ChunkBytes;
    }

    private void Store(ModelProtocol.ModelChunk chunk)
    {
        if (_fetch is not { Stream: null } fetch || chunk.Model != fetch.Model || chunk.Offset != fetch.Received)
            return;
        try
        {
            _spool.Append(fetch.Model, chunk.Bytes.Span);
        }
        catch (IOException e)
        {
            _log.Error("The model {Model} cannot be kept: {Reason}", fetch.Model, e.Message);
            EndFetch();
            return;
        }
        fetch.Received += chunk.Bytes.Length;
        if (fetch.Received >= chunk.Total)
            Complete(fetch);
        else if (fetch.Granted - fetch.Received <= (long)(WindowChunks - GrantChunks) * RoundProtocol.ChunkBytes)
            Ask(fetch, GrantChunks);
    }

    private void BeginStream(ModelProtocol.ModelStreamed streamed)
    {
        if (_fetch is not { Stream: null } fetch || streamed.Model != fetch.Model || _settings.Streams is null
            || _door.Path.Address.Host is not { } host)
            return;
        if (fetch.Received >= streamed.Total)
        {
            Complete(fetch);
            return;
        }
        fetch.Stream = new CancellationTokenSource();
        fetch.Total = streamed.Total;
        _settings.Streams.RunAsync(
            new HostPort(host, streamed.Port),
            new ModelRequest(fetch.Model, fetch.Received, streamed.Total - fetch.Received), _spool, fetch.Stream.Token)
            .PipeTo(Self, success: () => new StreamEnded(fetch, null),
                failure: e =>
                    new StreamEnded(fetch, e is OperationCanceledException ? "Nothing came in time." : e.Message));
    }

    private void OnStreamEnded(StreamEnded ended)
    {
        var (fetch, received) = (ended.Fetch, _spool.LengthOf(ended.Fetch.Model));
        if (fetch.Stream!.IsCancellationRequested)
        {
            _fetch = null;
            GoOn();
            return;
        }
        var isCutOff = received > fetch.Received;
        (fetch.Stream, fetch.Received) = (null, received);
        if (received >= fetch.Total)
        {
            Complete(fetch);
            return;
        }
        if (isCutOff)
        {
            _log.Warning("The model {Model} was cut off after {Received} of {Total} bytes, and goes on: {Reason}",
                fetch.Model, received, fetch.Total, ended.Trouble);
        }
        else
        {
            _portAgain = _settings.Clock.GetUtcNow() + PortPause;
            _log.Warning("{Number}: the model {Model} cannot be had at the hub's port for models and comes over the "
                + "line, which is slow: {Reason}", FaultNumber.ModelPortUnusable.Code(), fetch.Model, ended.Trouble);
        }
        Ask(fetch, WindowChunks);
    }

    private void Complete(Fetch fetch)
    {
        if (_spool.Read(fetch.Model, fetch.Parameters) is { } model)
            _models.Add(model);
        else
            _log.Warning("The model {Model} arrived damaged", fetch.Model);
        _spool.Remove(fetch.Model);
        EndFetch();
    }

    // Where the model could not be had, the agent says so to whoever offered.
    private void EndFetch()
    {
        _fetch = null;
        var (conversation, message) = _waiting.Dequeue();
        _agent.Tell(message, RelayOf(conversation));
        GoOn();
    }

    private long Send(long conversation, IWireMessage message)
    {
        foreach (
            var piece in _end!.Seal(conversation, WireSerializer.ManifestOf(message), WireSerializer.Write(message)))
            _door.Tell(piece, Self);
        return _end.Sent;
    }

    private IActorRef RelayOf(long conversation)
    {
        if (_relays.TryGetValue(conversation, out var known))
            return known;
        if (_relays.Count >= Relays)
        {
            var oldest = _relays.Keys.Min();
            Context.Stop(_relays[oldest]);
            _relays.Remove(oldest);
        }
        return _relays[conversation] = Context.ActorOf(Akka.Actor.Props.Create<Relay>(conversation));
    }

    /// <summary>Stands at the hospital for one of the hub's actors. Parent: the uplink. Children: none.</summary>
    private sealed class Relay : ReceiveActor
    {
        public Relay(long conversation)
        {
            var uplink = Context.Parent;
            Receive<RoundProtocol.UpdateChunk>(chunk => uplink.Tell(new Answer(conversation, chunk.Announced())));
            Receive<IWireMessage>(message => uplink.Tell(new Answer(conversation, message)));
        }
    }

    private sealed class Fetch(Digest model, int parameters, long received)
    {
        public Digest Model => model;

        public int Parameters => parameters;

        public long Received { get; set; } = received;

        /// <summary>Up to here pieces were asked for.</summary>
        public long Granted { get; set; } = received;

        /// <summary>Ends the connection that brings it now; null where none does.</summary>
        public CancellationTokenSource? Stream { get; set; }

        /// <summary>Bytes of the whole model, once a stream was offered.</summary>
        public long Total { get; set; }
    }
}
