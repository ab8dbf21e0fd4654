using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Hosting;

/// <summary>
/// Opens secure sums for the node that leads, on a node of role aggregator, which started it itself. Whoever shows the
/// hub's key gets a seat of its own. Parent: the hub's system. Children: a seat for each session.
/// </summary>
public sealed class AggregatorHost : ReceiveActor
{
    /// <summary>Under this name both ends of such a line sign.</summary>
    internal static readonly HospitalId LineName = new("aggregator");

    /// <summary>Most bytes of one message: a running sum of a hundred million coordinates.</summary>
    internal const int MessageBytes = 1 << 30;

    /// <summary>From one sign of life to the next.</summary>
    internal static readonly TimeSpan Rhythm = TimeSpan.FromSeconds(1);

    /// <summary>Without one for so long the other end is gone.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public AggregatorHost(HubIdentity identity)
    {
        Span<byte> nonce = stackalloc byte[Digest.Size];
        SecureRandomSource.Instance.Fill(nonce);
        var reception = new Reception(identity.Key, new Digest(nonce), epoch: 0);
        Receive<LineProtocol.Hello>(hello => hello.Hospital == LineName, hello => Sender.Tell(reception.Answer(hello)));
        Receive<LineProtocol.Envelope>(piece =>
        {
            if (piece.Hospital == LineName
                && reception.Begin(piece, identity.Key.Public, MessageBytes) is { } end)
                Context.ActorOf(Akka.Actor.Props.Create<Seat>(identity, end, Sender));
        });
    }

    public static Props Props(HubIdentity identity) => Akka.Actor.Props.Create<AggregatorHost>(identity);

    /// <summary>
    /// Stands for supervisor and hospitals at the aggregator of one session. Parent: the host. Children: the session's
    /// aggregator. On the default dispatcher: unmasking must not silence it.
    /// </summary>
    private sealed class Seat : ReceiveActor, IWithTimers
    {
        private sealed record Tick : INoSerializationVerificationNeeded
        {
            public static Tick Instance { get; } = new();
        }

        private readonly ILoggingAdapter _log = Context.GetLogger();
        private readonly HubIdentity _identity;
        private readonly PacedLine _line;
        private IActorRef _aggregator = ActorRefs.Nobody;
        private SupervisionProtocol.BeginSession? _task;
        private bool _isPublished;
        private int _silent;

        public Seat(HubIdentity identity, LineEnd end, IActorRef leader)
        {
            (_identity, _line) = (identity, new PacedLine(end, leader, Self));
            Receive<LineProtocol.Pulse>(pulse =>
            {
                _silent = 0;
                _line.Heard(pulse);
            });
            Receive<LineProtocol.Envelope>(Take);
            Receive<Door.Say>(say => Tell(say.Hospital, say.Message));
            // What it holds the hub publishes from the sum's bytes, which went before.
            Receive<SupervisionProtocol.SumOpened>(_ => { });
            Receive<SupervisionProtocol.ISessionMessage>(message => _line.Say(0, message));
            Receive<Tick>(_ =>
            {
                if (++_silent * Rhythm > Patience)
                    Context.Stop(Self);
                else
                    _line.Pulse();
            });
        }

        public ITimerScheduler Timers { get; set; } = null!;

        // A session that went wrong here begins anew where it was ordered.
        protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ =>
        {
            Context.Stop(Self);
            return Directive.Stop;
        });

        protected override void PreStart()
        {
            _line.Pulse();
            Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, Rhythm);
        }

        private void Take(LineProtocol.Envelope piece)
        {
            switch (_line.Open(piece))
            {
                case LineStep.Whole whole:
                    Read(whole);
                    break;
                case LineStep.Refused refused:
                    _log.Warning("A message of the hub's leader is refused: {Reason}", refused.Reason);
                    break;
                case LineStep.Broken broken:
                    _log.Warning("The line to the hub's leader is broken: {Reason}", broken.Reason);
                    Context.Stop(Self);
                    break;
            }
        }

        private void Read(LineStep.Whole whole)
        {
            if (!WireSerializer.TryRead(whole, out var message, out var reason))
            {
                _log.Warning("A message of the hub's leader cannot be read: {Reason}", reason);
                return;
            }
            if (message is SupervisionProtocol.BeginSession task && _task is null)
            {
                _task = task;
                _log.Info("Round {Round}: its sum is opened here", task.Id);
                _aggregator = Context.ActorOf(SecureAggregator.Props(new HubServices(
                    new Relay(Self), ActorRefs.Nobody, new ModelCache(), TimeProvider.System, ActorRefs.Nobody,
                    _identity)));
            }
            _aggregator.Tell(message);
        }

        // The open sum is the same for all of its hospitals: it goes to the leader once.
        private void Tell(HospitalId hospital, IWireMessage message)
        {
            if (message is not RoundProtocol.SumPublished)
                _line.Say(_task!.Spec.Cohort.IndexOf(hospital) + 1, message);
            else if (!_isPublished)
                _line.Say(0, message);
            _isPublished |= message is RoundProtocol.SumPublished;
        }

        /// <summary>Hospitals, as the aggregator reaches them: through the leader, who says which are away.</summary>
        private sealed class Relay(IActorRef seat) : IHospitalDirectory
        {
            public bool TryTell(HospitalId hospital, IWireMessage message, IActorRef sender)
            {
                seat.Tell(new Door.Say(hospital, message));
                return true;
            }
        }
    }
}
