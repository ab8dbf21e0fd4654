using System.Data.Common;
using Akka.Actor;
using Akka.Event;
using Akka.Pattern;
using Akka.Persistence;
using FedActors.Actors.Operations;
using FedActors.Actors.Storage;
using FedActors.Actors.Wire;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Actors.Hosting;

/// <summary>
/// What only the node that leads a hub does: it claims the lead in the database, opens the door to hospitals and runs
/// the job desk, to which it hands everything it is told. On a node that does not lead it has read the journal once,
/// so that it can begin at once. Parent: the hub. Children: while it leads, blob store and job desk.
/// </summary>
public sealed class HubLeader : ReceiveActor, IWithTimers, IWithStash
{
    /// <summary>Node → leader. The lead is this node's.</summary>
    public sealed record Lead : INoSerializationVerificationNeeded
    {
        public static Lead Instance { get; } = new();
    }

    /// <summary>
    /// Node → leader. It is not any more: answered by <see cref="Resigned"/> once nothing here writes or answers.
    /// </summary>
    public sealed record Resign : INoSerializationVerificationNeeded
    {
        public static Resign Instance { get; } = new();
    }

    /// <summary>Leader → node.</summary>
    public sealed record Resigned : INoSerializationVerificationNeeded
    {
        public static Resigned Instance { get; } = new();
    }

    /// <summary>Anyone → leader. Answered by <see cref="Leading"/> as soon as this node leads.</summary>
    public sealed record WhenLeading : INoSerializationVerificationNeeded
    {
        public static WhenLeading Instance { get; } = new();
    }

    /// <summary>Leader → whoever asked.</summary>
    public sealed record Leading(long Epoch) : INoSerializationVerificationNeeded;

    /// <summary>What a leader needs.</summary>
    /// <param name="Door">At the edge.</param>
    /// <param name="Job">To be trained, or null.</param>
    /// <param name="Results">Folder for results.</param>
    public sealed record Settings(
        StateDatabase Database, IActorRef Door, HubIdentity Identity, TimeSpan Patience, JobDesk.Submit? Job,
        string Results,
        TimeProvider Clock)
    {
        /// <inheritdoc cref="HubServices.Aggregator"/>
        public Func<RemoteNode?> Aggregator { get; init; } = () => null;
    }

    private sealed record Claimed(StateDatabase Database, long Epoch) : INoSerializationVerificationNeeded;

    private sealed record NotClaimed(string Reason) : INoSerializationVerificationNeeded;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Settings _settings;
    private bool _isWarm;
    private bool _isLeading;
    private long _epoch;
    private IActorRef _blobs = ActorRefs.Nobody;
    private IActorRef _desk = ActorRefs.Nobody;

    public HubLeader(Settings settings)
    {
        _settings = settings;
        Receive<Lead>(_ =>
        {
            _isLeading = true;
            ClaimIfPossible();
        });
        Receive<WarmUp.Done>(done =>
        {
            Context.Unwatch(Sender);
            Context.Stop(Sender);
            if (done.Claimed is { } claimed)
            {
                Open(claimed);
                return;
            }
            _isWarm = true;
            ClaimIfPossible();
        });
        Receive<Terminated>(_ =>
        {
            // Akka does not open it again in this system: the node ends, and is started anew.
            _log.Error("The journal cannot be read: the node ends");
            Context.System.Terminate();
        });
        Receive<Claimed>(OnClaimed);
        Receive<NotClaimed>(failed =>
        {
            _log.Warning("The lead cannot be claimed: {Reason}", failed.Reason);
            Timers.StartSingleTimer(nameof(Lead), Lead.Instance, Pause);
        });
        ReceiveAsync<Resign>(_ => ResignAsync());
        ReceiveAny(message =>
        {
            if (_desk.IsNobody())
                Stash.Stash();
            else if (message is WhenLeading)
                Sender.Tell(new Leading(_epoch));
            else
                _desk.Forward(message);
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    public static Props Props(Settings settings) => Akka.Actor.Props.Create<HubLeader>(settings);

    protected override void PreStart() => Read("", null);

    private static void Read(string journal, Claimed? claimed) =>
        Context.Watch(Context.ActorOf(Akka.Actor.Props.Create<WarmUp>(journal, claimed)));

    private void ClaimIfPossible()
    {
        if (!_isLeading || !_isWarm || !_desk.IsNobody())
            return;
        var database = _settings.Database;
        Task.Run(object () =>
        {
            try
            {
                var (own, epoch) = database.Claim(database);
                return new Claimed(own, epoch);
            }
            catch (DbException e)
            {
                return new NotClaimed(e.Message);
            }
        }).PipeTo(Self);
    }

    // The journal of an epoch is another one to Akka: it is read once as well before anyone relies on it.
    private void OnClaimed(Claimed claimed)
    {
        if (claimed.Epoch == 0)
        {
            Open(claimed);
            return;
        }
        Context.System.Settings.InjectTopLevelFallback(claimed.Database.JournalConfig(JournalOf(claimed)));
        Read(JournalOf(claimed), claimed);
    }

    private static string JournalOf(Claimed claimed) => claimed.Epoch == 0 ? "" : $"leader-journal-{claimed.Epoch}";

    private void Open(Claimed claimed)
    {
        if (!_isLeading || !_desk.IsNobody())
            return;
        _epoch = claimed.Epoch;
        if (claimed.Epoch > 0)
            _log.Info("This node leads the hub from now on: epoch {Epoch}", claimed.Epoch);
        var (identity, clock, models) = (_settings.Identity, _settings.Clock, new ModelCache());
        var hospitals = new RemoteHospitals(identity.Roster.Hospitals, _settings.Patience, clock);
        Span<byte> nonce = stackalloc byte[Digest.Size];
        SecureRandomSource.Instance.Fill(nonce);
        hospitals.Open(_settings.Door);
        _settings.Door.Tell(new Door.Open(hospitals, models, new Digest(nonce), claimed.Epoch));
        _blobs = Context.ActorOf(BlobStore.Props(claimed.Database), "blobs");
        var services = new HubServices(hospitals, _blobs, models, clock, ActorRefs.Nobody, identity)
        {
            Journal = JournalOf(claimed),
            Aggregator = _settings.Aggregator,
        };
        // A journal that is full or gone for a while stops the desk; it comes back with what it wrote.
        _desk = Context.ActorOf(
            BackoffSupervisor.Props(Backoff.OnStop(
                JobDesk.Props(services, hospitals, _settings.Results, _settings.Job), "desk", TimeSpan.FromSeconds(1),
                TimeSpan.FromSeconds(15), 0.2, maxNrOfRetries: -1)),
            "desk");
        Stash.UnstashAll();
    }

    private async Task ResignAsync()
    {
        var sender = Sender;
        _isLeading = false;
        await Task.WhenAll(((IActorRef[])[_desk, _blobs]).Where(actor => !actor.IsNobody()).Select(actor =>
            actor.GracefulStop(Patience)));
        await _settings.Door.Ask<Door.Closed>(Door.Close.Instance, Patience);
        (_desk, _blobs) = (ActorRefs.Nobody, ActorRefs.Nobody);
        sender.Tell(Resigned.Instance);
    }

    /// <summary>
    /// Reads the journal once: the first use of a database makes its tables, and takes a second. Parent: the leader.
    /// Children: none.
    /// </summary>
    private sealed class WarmUp : ReceivePersistentActor
    {
        /// <param name="Claimed">Whose journal it was; null for the one that is read before any claim.</param>
        public sealed record Done(Claimed? Claimed) : INoSerializationVerificationNeeded;

        private readonly IActorRef _leader = Context.Parent;

        public WarmUp(string journal, Claimed? claimed)
        {
            JournalPluginId = journal;
            Recover<RecoveryCompleted>(_ => _leader.Tell(new Done(claimed)));
        }

        public override string PersistenceId => "warm-up";
    }
}
