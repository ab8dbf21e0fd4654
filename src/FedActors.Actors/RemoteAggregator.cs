using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;
using FedActors.Core.SecureAggregation;

namespace FedActors.Actors;

/// <summary>
/// Stands for the SecureAggregator of another node where the round is led: brings it what supervisor and hospitals
/// say, and them what it says. A node that is lost loses nothing but time: what the session fixed is in the
/// supervisor's journal. Parent: RoundSupervisor. Children: none.
/// <code>
///   remote aggregator                    aggregator host, seat
///      │ ── Hello ──────────────────────────▶ │
///      │ ◀──────────────────── Challenge ──── │   both ends sign with the hub's key
///      │ ── Envelope (Attach) ──────────────▶ │
///      │ ◀───────────────── Pulse (bare) ──── │   from the seat, which is spoken to from now on
///      │ ◀────────── Envelope, Pulse ───────▶ │   conversation 0: the supervisor; n: the n-th hospital of the cohort
/// </code>
/// </summary>
public sealed class RemoteAggregator : ReceiveActor, IWithTimers, IWithStash
{
    private sealed record Tick : INoSerializationVerificationNeeded
    {
        public static Tick Instance { get; } = new();
    }

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _supervisor = Context.Parent;
    private readonly HubServices _hub;
    private readonly RemoteNode _node;
    private readonly SupervisionProtocol.BeginSession _task;
    private readonly Digest _nonce;
    private LineEnd? _end;
    private PacedLine? _line;
    private ImmutableArray<HospitalId> _survivors = [];
    private int _silent;
    private bool _isOver;

    /// <param name="task">What it is for; sent when the line is there.</param>
    public RemoteAggregator(HubServices hub, RemoteNode node, SupervisionProtocol.BeginSession task)
    {
        (_hub, _node, _task) = (hub, node, task);
        Span<byte> nonce = stackalloc byte[Digest.Size];
        SecureRandomSource.Instance.Fill(nonce);
        _nonce = new Digest(nonce);
        if (task.Journal.OfType<AggregationEvent.SurvivorSetFixed>().SingleOrDefault() is { } known)
            _survivors = known.Survivors;
        Receive<LineProtocol.Challenge>(Attach);
        Receive<LineProtocol.Pulse>(Heed);
        Receive<LineProtocol.Envelope>(Take);
        Receive<Tick>(_ => Beat());
        Receive<SupervisionProtocol.OpenSum>(open => Say(new SupervisionProtocol.SessionDurable(open.Id)));
        Receive<SupervisionProtocol.ISessionMessage>(Say);
        Receive<IFromHospital>(Say);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    public static Props Props(HubServices hub, RemoteNode node, SupervisionProtocol.BeginSession task) =>
        Akka.Actor.Props.Create<RemoteAggregator>(hub, node, task).WithDispatcher("fedactors.aggregation-dispatcher");

    protected override void PreStart()
    {
        _node.Host.Tell(new LineProtocol.Hello(AggregatorHost.LineName, _nonce), Self);
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, AggregatorHost.Rhythm);
    }

    private void Attach(LineProtocol.Challenge challenge)
    {
        var key = _hub.Identity!.Key;
        if (_end is not null || challenge.Hospital != AggregatorHost.LineName || challenge.Nonce != _nonce
            || !key.Public.Verifies(challenge.Statement(), challenge.Signature))
            return;
        var session = LineProtocol.SessionOf(AggregatorHost.LineName, _nonce, challenge.HubNonce);
        _end = new LineEnd(
            session, AggregatorHost.LineName, isHospital: true, key, key.Public, AggregatorHost.MessageBytes);
        var attach = new LineProtocol.Attach(_nonce);
        foreach (var piece in _end.Seal(0, WireSerializer.ManifestOf(attach), WireSerializer.Write(attach)))
            _node.Host.Tell(piece, Self);
    }

    private void Heed(LineProtocol.Pulse pulse)
    {
        if (_end is null || !Sender.Path.Address.Equals(_node.Host.Path.Address))
            return;
        _silent = 0;
        if (_line is null)
        {
            _line = new PacedLine(_end, Sender, Self);
            _line.Say(0, _task);
            Stash.UnstashAll();
        }
        _line.Heard(pulse);
    }

    private void Say(IWireMessage message)
    {
        if (_line is null)
            Stash.Stash();
        else
            _line.Say(0, message);
    }

    private void Take(LineProtocol.Envelope piece)
    {
        switch (_line?.Open(piece))
        {
            case LineStep.Whole whole:
                Read(whole);
                break;
            case LineStep.Refused refused:
                _log.Warning("A message of the aggregator is refused: {Reason}", refused.Reason);
                break;
            case LineStep.Broken broken:
                Lose(broken.Reason);
                break;
        }
    }

    private void Read(LineStep.Whole whole)
    {
        if (!WireSerializer.TryRead(whole, out var message, out var reason))
            Lose(reason);
        else if (whole.Conversation > 0 && whole.Conversation <= _task.Spec.Cohort.Length)
            Pass(_task.Spec.Cohort[(int)whole.Conversation - 1], message);
        else if (message is RoundProtocol.SumPublished published)
            Publish(published);
        else if (message is SupervisionProtocol.ISessionMessage said)
            Tell(said);
    }

    private void Pass(HospitalId hospital, IWireMessage message)
    {
        if (!_hub.Hospitals.TryTell(hospital, message, Self))
            _line!.Say(0, new SupervisionProtocol.GiveUp(_task.Id, hospital));
    }

    private void Publish(RoundProtocol.SumPublished published)
    {
        foreach (var hospital in _survivors)
            _hub.Hospitals.TryTell(hospital, published, Self);
        _isOver = true;
        _supervisor.Tell(SecureAggregator.Outcome(
            _task, published.Residues.AsSpan(), _survivors.Length, Digest.Of(published.Residues.AsSpan())));
    }

    private void Tell(SupervisionProtocol.ISessionMessage said)
    {
        if (said is SupervisionProtocol.CollectionEnded ended)
            _survivors = ended.Complete;
        _isOver |= said is SupervisionProtocol.SumRefused;
        _supervisor.Tell(said);
    }

    private void Beat()
    {
        if (!_node.IsThere())
            Lose("The node is gone.");
        else if (++_silent * AggregatorHost.Rhythm > AggregatorHost.Patience)
            Lose("It does not answer.");
        else
            _line?.Pulse();
    }

    private void Lose(string reason)
    {
        if (!_isOver)
            _supervisor.Tell(new SupervisionProtocol.AggregatorLost(_task.Id, $"{_node.Host.Path.Address}", reason));
        Context.Stop(Self);
    }
}
