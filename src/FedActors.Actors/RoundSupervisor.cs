using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using FedActors.Core.Training;

namespace FedActors.Actors;

/// <summary>
/// Owns one attempt at one round: its deadline, who is in and who dropped out. Parent: Coordinator. Children: the
/// attempt's aggregator. Persistence id: <c>round-{job}-{round}-{attempt}</c>.
/// </summary>
public sealed class RoundSupervisor : JournalingActor<RoundEvent>, IWithTimers
{
    private sealed record DeadlinePassed : INoSerializationVerificationNeeded
    {
        public static DeadlinePassed Instance { get; } = new();
    }

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HubServices _hub;
    private readonly IActorRef _coordinator = Context.Parent;
    private readonly RoundId _id;
    private SupervisionProtocol.OpenRound? _order;
    private FixedPointCode? _code;
    private IActorRef _aggregator = ActorRefs.Nobody;
    private bool _isAggregatorLost;
    private SupervisionProtocol.CollectionEnded? _collected;
    private ImmutableSortedSet<HospitalId> _trained = [];
    private LedgerWitness _shown = LedgerWitness.Empty;
    private RoundState _state;

    public RoundSupervisor(RoundId id, CohortPlan rules, HubServices hub)
    {
        (_id, _hub, JournalPluginId) = (id, hub, hub.Journal);
        _state = RoundState.Before(id, rules);
        Command<SupervisionProtocol.OpenRound>(Open);
        Command<RoundProtocol.Declined>(message => Drop(message.Id, message.Hospital, message.Reason, message.Detail));
        Command<RoundProtocol.UpdateReady>(OnUpdateReady);
        Command<SupervisionProtocol.HospitalOut>(message =>
            Drop(message.Id, message.Hospital, message.Reason, message.Detail));
        Command<DeadlinePassed>(_ => OnDeadline());
        Command<SupervisionProtocol.SessionAdvanced>(OnSessionAdvanced);
        Command<SupervisionProtocol.LedgersShown>(shown => Witness(shown.Heads));
        Command<SupervisionProtocol.CollectionEnded>(ended =>
        {
            _collected = ended;
            _hub.Blobs.Tell(new BlobStore.Put(ended.Name, ended.Accumulator));
        });
        Command<BlobStore.Stored>(stored =>
        {
            if (stored.Name == _collected?.Name)
                FixSurvivors();
        });
        Command<BlobStore.Found>(found => OpenSum(found.Bytes));
        Command<BlobStore.Missing>(missing =>
            Abort(FaultNumber.BlobDamaged, $"The running sum {missing.Name} is missing or damaged."));
        Command<BlobStore.Failed>(failed =>
            Abort(FaultNumber.JournalFailed, $"The running sum could not be kept: {failed.Reason}"));
        Command<SupervisionProtocol.SumOpened>(Finish);
        Command<SupervisionProtocol.SumRefused>(message => Abort(message.Number, message.Reason));
        Command<SupervisionProtocol.AggregatorLost>(OnAggregatorLost);
        Command<SupervisionProtocol.CloseRound>(Close);
        Command<SupervisionProtocol.AbortRound>(asked => Abort(FaultNumber.JobAborted, asked.Reason));
        Command<JobProtocol.RoundStatusWanted>(_ => Sender.Tell(new JobProtocol.RoundStatus(
            _id, _state.Phase, _state.OpenedAt, _state.Deadline, _state.Cohort, [.. _trained],
            [.. _state.Dropped.Values])));
    }

    public override string PersistenceId => $"round-{_id.Job}-{_id.Round}-{_id.Attempt}";

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(RoundId id, CohortPlan rules, HubServices hub) =>
        Akka.Actor.Props.Create<RoundSupervisor>(id, rules, hub);

    protected override void Apply(RoundEvent @event) => _state = _state.Apply(@event);

    protected override void OnWriteRefused(string reason) => _coordinator.Tell(
        new SupervisionProtocol.RoundFailed(_id, FaultNumber.JournalFailed, $"The journal refused a write: {reason}",
            []));

    private void Open(SupervisionProtocol.OpenRound order)
    {
        _order = order;
        switch (_state.DecideOpen(order.PlanHash, order.Model, order.Cohort, _hub.Clock.GetUtcNow()))
        {
            case Decision<RoundEvent>.Rejected rejected:
                _coordinator.Tell(new SupervisionProtocol.RoundFailed(_id, FaultNumber.JobFailed, rejected.Reason, []));
                break;
            case Decision<RoundEvent>.Accepted accepted:
                Record(accepted.Events, GoOn);
                break;
        }
    }

    // After an event, or after recovery: whatever the phase asks for next.
    private void GoOn()
    {
        switch (_state.Phase)
        {
            case RoundPhase.Training:
                OfferRound();
                break;
            case RoundPhase.ShareKeys or RoundPhase.MaskedInput:
                BeginSession(_state.Session.OfType<AggregationEvent.KeysFixed>()
                    .Single().Adverts.Select(advert => advert.Hospital), []);
                break;
            case RoundPhase.Consistency when _collected is not null:
                _aggregator.Tell(
                    new SupervisionProtocol.OpenSum(_id, Code(), _collected.Accumulator, _state.Survivors,
                        Robust is not null));
                break;
            case RoundPhase.Consistency:
                _hub.Blobs.Tell(new BlobStore.Get(_state.Accumulator!.Value));
                break;
            case RoundPhase.Aborted:
                _log.Warning("Round {Round} ended without a sum: {Reason}", _id, _state.Abort!.Reason);
                _coordinator.Tell(new SupervisionProtocol.RoundFailed(
                    _id, _state.Abort.Number, _state.Abort.Reason, _state.Abort.Dropped)
                { Ledgers = Shown });
                break;
        }
    }

    private void OfferRound()
    {
        _log.Info("Round {Round} is open for {Hospitals} hospitals until {Deadline}", _id, _state.Cohort.Length,
            _state.Deadline);
        var left = _state.Deadline - _hub.Clock.GetUtcNow();
        Timers.StartSingleTimer(nameof(DeadlinePassed), DeadlinePassed.Instance,
            left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1));
        var offer = new RoundProtocol.RoundOffered(_id, _order!.Plan, _state.PlanHash, _state.Model, _state.Cohort)
        {
            Ledgers = _order.Ledgers,
        };
        if (!IsSecure)
        {
            _aggregator = Context.ActorOf(PlainAggregator.Props(_hub.Hospitals, Robust is not null), "aggregator");
            _aggregator.Tell(new SupervisionProtocol.BeginCollecting(_id, Code(), offer, _order.LastIncluded));
            return;
        }
        foreach (var hospital in _state.Cohort)
        {
            if (!_hub.Hospitals.TryTell(hospital, offer.To(hospital, _order.LastIncluded), Self))
                Self.Tell(SupervisionProtocol.HospitalOut.NotAttached(_id, hospital));
        }
    }

    private void OnUpdateReady(RoundProtocol.UpdateReady ready)
    {
        if (ready.Id != _id || _state.Phase != RoundPhase.Training || !HospitalSet.Holds(_state.Cohort, ready.Hospital))
            return;
        _trained = _trained.Add(ready.Hospital);
        EndTrainingIfSettled();
    }

    private void OnDeadline()
    {
        if (IsSecure)
            EndTraining();
        else
            _aggregator.Tell(new SupervisionProtocol.EndCollecting(_id));
    }

    private void EndTrainingIfSettled()
    {
        if (IsSecure && _state.Phase == RoundPhase.Training && _aggregator.IsNobody()
            && _trained.Count + _state.Dropped.Keys.Count(hospital => !_trained.Contains(hospital))
            == _state.Cohort.Length)
            EndTraining();
    }

    private void EndTraining()
    {
        if (_state.Phase != RoundPhase.Training || !_aggregator.IsNobody())
            return;
        Timers.Cancel(nameof(DeadlinePassed));
        foreach (var hospital in _state.Cohort.Except(_trained))
            _state = _state.Drop(hospital, DropReason.Silent, "Its update was not ready before the deadline.");
        var decision = (Decision<RoundEvent>.Accepted)_state.DecideTrained([.. _trained], _hub.Clock.GetUtcNow());
        Record(decision.Events, () =>
        {
            if (_state.Phase == RoundPhase.Aborted)
                GoOn();
            else
                BeginSession(_trained, []);
        });
    }

    private void BeginSession(IEnumerable<HospitalId> trained, ImmutableArray<byte> accumulator)
    {
        if (_hub.Identity is not { } identity)
        {
            Abort(FaultNumber.JobFailed, "This hub has no signing key, and the job asks for secure sums.");
            return;
        }
        var spec = RoundCode.SpecOf(
            _order!.Plan, _id, _state.PlanHash, _state.Model, _order.PreviousSum, _state.Cohort, identity.Roster.Hash,
            Code());
        var journal = _state.Session;
        if (_state.Accumulator is { } name)
            journal = journal.Add(new AggregationEvent.SurvivorSetFixed(spec.SessionId(), _state.Survivors, name));
        var task = new SupervisionProtocol.BeginSession(_id, spec, [.. trained], journal, accumulator)
        {
            Ledgers = _order.Ledgers,
        };
        if (!_isAggregatorLost && _hub.Aggregator() is { } node)
        {
            _aggregator = Context.ActorOf(RemoteAggregator.Props(_hub, node, task));
            return;
        }
        _aggregator = Context.ActorOf(SecureAggregator.Props(_hub), "aggregator");
        _aggregator.Tell(task);
    }

    // As after a restart of the hub: the session goes on from what is durable, and for the rest of the attempt here.
    private void OnAggregatorLost(SupervisionProtocol.AggregatorLost lost)
    {
        if (!Sender.Equals(_aggregator) || _state.Phase >= RoundPhase.Closed)
            return;
        _log.Warning("Round {Round}: the aggregator at {Node} is lost, the session goes on here: {Reason}", _id,
            lost.Node, lost.Reason);
        (_isAggregatorLost, _aggregator, _collected) = (true, ActorRefs.Nobody, null);
        if (_state.Phase == RoundPhase.Training)
            BeginSession(_trained.Except(_state.Dropped.Keys), []);
        else
            GoOn();
    }

    private void OnSessionAdvanced(SupervisionProtocol.SessionAdvanced advanced)
    {
        switch (_state.DecideSession(advanced.Fixed, _hub.Clock.GetUtcNow()))
        {
            case Decision<RoundEvent>.Rejected rejected:
                Abort(FaultNumber.JobFailed, rejected.Reason);
                break;
            case Decision<RoundEvent>.Accepted accepted:
                Record(accepted.Events, () => _aggregator.Tell(new SupervisionProtocol.SessionDurable(_id)));
                break;
        }
    }

    // What a hospital did not sign itself is no witness against it.
    private void Witness(ImmutableArray<SignedLedgerHead> heads)
    {
        foreach (var head in heads)
        {
            if (_hub.Identity?.Roster.KeyOf(head.Hospital) is { } key)
                _shown = _shown.Observe(head, key);
        }
    }

    // Those of a secure session stand in its keys, which the journal holds and whose session checked them.
    private ImmutableArray<SignedLedgerHead> Shown =>
        _shown.Remember(_state.Session.OfType<AggregationEvent.KeysFixed>()
        .SelectMany(keys => keys.Adverts).Select(advert => advert.Ledger).OfType<SignedLedgerHead>()).Of(_state.Cohort);

    private void Drop(RoundId id, HospitalId hospital, DropReason reason, string detail)
    {
        if (id != _id)
            return;
        _log.Warning("Round {Round}: {Hospital} is out: {Reason}, {Detail}", _id, hospital, reason, detail);
        _state = _state.Drop(hospital, reason, detail);
        _aggregator.Tell(new SupervisionProtocol.GiveUp(_id, hospital));
        EndTrainingIfSettled();
    }

    private void FixSurvivors()
    {
        var collected = _collected!;
        Timers.Cancel(nameof(DeadlinePassed));
        switch (
            _state.DecideSurvivors(collected.Complete, collected.Name, collected.BytesReceived, _hub.Clock.GetUtcNow()))
        {
            case Decision<RoundEvent>.Rejected rejected:
                Abort(FaultNumber.JobFailed, rejected.Reason);
                break;
            case Decision<RoundEvent>.Accepted accepted:
                Record(accepted.Events, GoOn);
                break;
        }
    }

    // After a restart: the survivor set is durable, its running sum was read back.
    private void OpenSum(ImmutableArray<byte> accumulator)
    {
        if (IsSecure)
        {
            BeginSession(_state.Survivors, accumulator);
            return;
        }
        _aggregator = Context.ActorOf(PlainAggregator.Props(_hub.Hospitals, Robust is not null), "aggregator");
        _aggregator.Tell(
            new SupervisionProtocol.OpenSum(_id, Code(), accumulator, _state.Survivors, Robust is not null));
    }

    private void Finish(SupervisionProtocol.SumOpened opened)
    {
        var decision = _state.DecideShare(opened.Sum.TotalWeight, _order!.Plan.Patients, _hub.Clock.GetUtcNow());
        Record(((Decision<RoundEvent>.Accepted)decision).Events, () =>
        {
            if (_state.Phase == RoundPhase.Aborted)
                GoOn();
            else
                _coordinator.Tell(new SupervisionProtocol.RoundEnded(
                    _id, opened.Sum, opened.SumHash, _state.Survivors, [.. _state.Dropped.Values], _state.OpenedAt,
                    _state.BytesUp,
                    FederatedEvaluation.Of(_order.Plan, opened.Sum.Counts.AsSpan(), Code()))
                {
                    Ledgers = Shown,
                });
        });
    }

    private void Abort(FaultNumber number, string reason) =>
        Record(((Decision<RoundEvent>.Accepted)_state.DecideAbort(number, reason, _hub.Clock.GetUtcNow())).Events,
            GoOn);

    private void Close(SupervisionProtocol.CloseRound message)
    {
        // With plain sums a hospital holds nothing that it could not make again: the next offer is receipt enough.
        if (IsSecure || message.Committed is null)
        {
            var receipt = new RoundProtocol.RoundClosed(_id, message.Committed);
            foreach (var hospital in _state.Cohort)
                _hub.Hospitals.TryTell(hospital, receipt, Self);
        }
        if (_state.Accumulator is { } accumulator)
            _hub.Blobs.Tell(new BlobStore.Remove(accumulator));
        Context.Stop(Self);
    }

    private bool IsSecure => _order is { Plan.SecureAggregation.Enabled: true };

    private RobustPlan? Robust => _order!.Plan.Training.Robust;

    private FixedPointCode Code() =>
        _code ??= RoundCode.Of(
            _order!.Plan, _id.Round, _state.Cohort.Length,
            LocalTraining.UpdateLength(_order.Plan.Training, ModelCatalog.Create(_order.Plan.Model)));
}
