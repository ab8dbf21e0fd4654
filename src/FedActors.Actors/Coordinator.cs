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
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors;

/// <summary>
/// Owns a job: its roster, its committed models, and which round is next. Parent: the hub. Children: one
/// RoundSupervisor at a time. Persistence id: <c>coordinator</c>, or one for each job of a hub.
/// </summary>
public sealed class Coordinator : JournalingActor<FederationEvent>
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HubServices _hub;
    private FederationState _state = FederationState.Empty;
    private JobProtocol.StartJob? _job;
    private IActorRef _submitter = ActorRefs.Nobody;
    private IActorRef _supervisor = ActorRefs.Nobody;
    private IAggregationStrategy? _strategy;
    private GlobalModel? _model;
    private Commit? _commit;
    private Digest _planHash;
    private int _attempts;
    private bool _isEnding;
    private string? _abort;

    public Coordinator(HubServices hub, string id)
    {
        (_hub, PersistenceId, JournalPluginId) = (hub, id, hub.Journal);
        Command<JobProtocol.StartJob>(Start);
        Command<BlobStore.Stored>(OnStored);
        Command<BlobStore.Found>(found =>
            OnFound(GlobalModel.FromBytes(found.Bytes.AsSpan(), _job!.InitialParameters.Length)));
        Command<BlobStore.Missing>(missing =>
            Fail(FaultNumber.BlobDamaged, $"The model {missing.Name} is missing or damaged."));
        Command<BlobStore.Failed>(failed =>
            Fail(FaultNumber.JournalFailed, $"A model could not be kept: {failed.Reason}"));
        Command<SupervisionProtocol.RoundEnded>(OnRoundEnded);
        Command<SupervisionProtocol.RoundFailed>(OnRoundFailed);
        Command<JobProtocol.ModelEvaluated>(OnEvaluated);
        Command<Terminated>(ended =>
        {
            if (ended.ActorRef.Equals(_supervisor))
                Fail(FaultNumber.JournalFailed, "The journal of the round cannot be read.");
        });
        Command<JobProtocol.AbortJob>(Abort);
        Command<JobProtocol.RecordsWanted>(_ =>
            Sender.Tell(new JobProtocol.JobRecords([.. _state.Rounds], [.. _state.Failures])));
        Command<JobProtocol.LedgersWanted>(_ =>
            Sender.Tell(new JobProtocol.LedgersSeen(_state.Witness.Of(_state.Roster))));
        Command<JobProtocol.ModelWanted>(wanted =>
        {
            if (wanted.Round < 1 || wanted.Round > _state.Rounds.Count)
                Sender.Tell(new JobProtocol.NoRound());
            else
                _hub.Blobs.Forward(new BlobStore.Get(_state.ModelOf(wanted.Round)));
        });
        Command<JobProtocol.RoundStatusWanted>(wanted =>
        {
            if (_supervisor.IsNobody())
                Sender.Tell(new JobProtocol.NoRound());
            else
                _supervisor.Forward(wanted);
        });
    }

    public override string PersistenceId { get; }

    public static Props Props(HubServices hub, string id = "coordinator") =>
        Akka.Actor.Props.Create<Coordinator>(hub, id);

    protected override void Apply(FederationEvent @event) => _state = _state.Apply(@event);

    protected override void OnWriteRefused(string reason) =>
        Fail(FaultNumber.JournalFailed, $"The journal refused a write: {reason}");

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        _log.Error(reason, "The coordinator's journal cannot be read");
        base.OnRecoveryFailure(reason, message);
    }

    private void Start(JobProtocol.StartJob start)
    {
        var strategy = AggregationStrategies.Create(start.Plan, ModelCatalog.Create(start.Plan.Model));
        var model = NextGlobalModel.First(strategy, start.InitialParameters);
        switch (_state.DecideJob(start.Plan.Name, start.Identity, start.Roster, model.Hash, _hub.Clock.GetUtcNow()))
        {
            case Decision<FederationEvent>.Rejected rejected:
                Sender.Tell(new JobProtocol.JobRefused(start.Plan.Name, rejected.Reason));
                return;
            case Decision<FederationEvent>.Accepted accepted:
                (_job, _submitter, _planHash, _strategy, _isEnding, _abort) =
                (start, Sender, PlanHash.Of(start.Plan), strategy, false, null);
                if (accepted.Events.IsEmpty)
                {
                    AnnounceStart();
                    _hub.Blobs.Tell(new BlobStore.Get(_state.Model));
                    return;
                }
                _model = model;
                _hub.Blobs.Tell(new BlobStore.Put(model.Hash, model.ToBytes()));
                return;
        }
    }

    // A model's bytes are durable: those the job starts from, or those of the round that is being committed.
    private void OnStored(BlobStore.Stored stored)
    {
        if (_commit is null && _state.Job is null && _model is { } initial)
        {
            var decision =
                _state.DecideJob(_job!.Plan.Name, _job.Identity, _job.Roster, initial.Hash, _hub.Clock.GetUtcNow());
            Record(decision, () =>
            {
                AnnounceStart();
                Begin(initial);
            });
        }
        else if (_commit is { } commit && stored.Name == commit.Model.Hash)
        {
            if (IsDue(commit.Ended.Id.Round) && !_hub.Evaluator.IsNobody())
                _hub.Evaluator.Tell(new JobProtocol.EvaluateModel(commit.Ended.Id, commit.Model.Parameters));
            else
                CommitRound(null);
        }
    }

    private void End()
    {
        _isEnding = true;
        var kept = _state.ModelOf(KeptRound);
        if (kept == _model!.Hash)
            Finish(_model);
        else
            _hub.Blobs.Tell(new BlobStore.Get(kept));
    }

    private void Finish(GlobalModel model) =>
        _submitter.Tell(new JobProtocol.JobFinished(_job!.Plan.Name, model.Parameters, model.Hash, KeptRound));

    private int KeptRound => ModelSelection.Kept(_state.Rounds, _job!.Plan.Evaluation);

    private void AnnounceStart() => _submitter.Tell(new JobProtocol.JobStarted(_job!.Plan.Name, [.. _state.Rounds]));

    // The model that a job goes on from, or the one it ends with.
    private void OnFound(GlobalModel model)
    {
        if (_isEnding)
            Finish(model);
        else
            Begin(model);
    }

    private void Begin(GlobalModel model)
    {
        _model = model;
        _hub.Models.Add(model);
        OpenNext();
    }

    // An attempt that is open ends first, unless its sum is open: then the round is committed before the job ends.
    private void Abort(JobProtocol.AbortJob asked)
    {
        if (asked.Job != _job?.Plan.Name || _abort is not null)
            return;
        _abort = asked.Reason;
        if (_commit is null && !_supervisor.IsNobody())
            _supervisor.Tell(new SupervisionProtocol.AbortRound(_state.Next, asked.Reason));
    }

    private void OpenNext()
    {
        if (_abort is { } reason)
        {
            Fail(FaultNumber.JobAborted, reason);
            return;
        }
        if (_state.IsOver(_job!.Plan))
        {
            End();
            return;
        }
        var next = _state.Next;
        var rules = _job.Plan.CohortRules;
        _attempts++;
        _supervisor = Context.Watch(
            Context.ActorOf(RoundSupervisor.Props(next, rules, _hub), $"round-{next.Round}-{next.Attempt}"));
        var cohort = _state.CohortOf(next.Round, _job.Plan.Seed, rules);
        var order = new SupervisionProtocol.OpenRound(
            next, _job.Plan, _planHash, _state.Model, _state.Rounds.IsEmpty ? Digest.Of([]) : _state.Rounds[^1].Sum,
            cohort)
        {
            Ledgers = _state.Witness.Remember(_job.Ledgers).Of(cohort),
        };
        _supervisor.Tell(_job.Plan.Training.KeepsOwnState
            ? order with { LastIncluded = _state.LastIncluded(cohort) }
            : order);
    }

    private void OnRoundEnded(SupervisionProtocol.RoundEnded ended)
    {
        if (_state.Job is null || ended.Id != _state.Next || _commit is not null)
            return;
        try
        {
            _commit = new Commit(ended, NextGlobalModel.Of(_strategy!, _model!, ended.Sum));
        }
        catch (FaultException e)
        {
            Fail(e.Faults[0].Number, $"Round {ended.Id.Round}: {e.Faults[0].What} {e.Faults[0].Fix}");
            return;
        }
        _hub.Blobs.Tell(new BlobStore.Put(_commit.Model.Hash, _commit.Model.ToBytes()));
    }

    private void OnEvaluated(JobProtocol.ModelEvaluated evaluated)
    {
        if (_commit?.Ended.Id == evaluated.Id)
            CommitRound(evaluated.Metrics);
    }

    private void CommitRound(ModelMetrics? metrics)
    {
        var (ended, model) = (_commit!.Ended, _commit.Model);
        var now = _hub.Clock.GetUtcNow();
        var record = new RoundRecord(
            ended.Id, ended.Survivors, ended.Dropped, model.Hash,
            // Under differential privacy no hospital tells its loss.
            _job!.Plan.Privacy.Mode == PrivacyMode.Off
                ? ended.Sum.Mean[^1]
                : double.NaN, metrics, ended.Sum.TotalWeight, ended.Sum.Saturated,
            ended.BytesUp, BytesDown: (long)model.Bytes * (ended.Survivors.Length + ended.Dropped.Length),
            now - ended.OpenedAt,
            ended.SumHash, ended.ByHospitals);
        Record(_state.DecideCommit(record, now, ended.Ledgers), () =>
        {
            (_model, _commit, _attempts) = (model, null, 0);
            _hub.Models.Add(model);
            _submitter.Tell(new JobProtocol.RoundReported(record));
            CloseRound(ended.Id, model.Hash);
            OpenNext();
        });
    }

    private void OnRoundFailed(SupervisionProtocol.RoundFailed failed)
    {
        if (_state.Job is null || failed.Id != _state.Next || _commit is not null)
            return;
        var decision = _state.DecideFailure(
            failed.Id, failed.Number, failed.Reason, failed.Dropped, _hub.Clock.GetUtcNow(), failed.Ledgers);
        Record(decision, () =>
        {
            CloseRound(failed.Id, null);
            _submitter.Tell(new JobProtocol.AttemptReported(failed.Id, failed.Number, failed.Reason, failed.Dropped));
            var refusal =
                JobPrivacy.EndsByRefusal(_job!.Plan,
                    FederationState.CohortSize(_state.Roster.Length, _job.Plan.CohortRules), failed.Dropped);
            if (_abort is { } asked)
                Fail(FaultNumber.JobAborted, asked);
            else if (refusal is { } why)
                Fail(why, $"Round {failed.Id.Round}: too few hospitals are left, since {Refusals(failed.Dropped)}");
            else if (failed.Number == FaultNumber.JournalFailed || _attempts >= _job!.Plan.Cohort.Attempts)
                Fail(failed.Number, $"Round {failed.Id.Round}, attempt {failed.Id.Attempt}: {failed.Reason}");
            else
                OpenNext();
        });
    }

    private void CloseRound(RoundId id, Digest? committed)
    {
        _supervisor.Tell(new SupervisionProtocol.CloseRound(id, committed));
        _supervisor = ActorRefs.Nobody;
    }

    private static string Refusals(ImmutableArray<Dropout> dropped)
    {
        var refused = dropped.Where(drop => drop.Reason == DropReason.PrivacyRefused).ToArray();
        var others = refused.Length > 1 ? $" and {refused.Length - 1} more" : "";
        return $"{refused[0].Hospital}{others} refused. {refused[0].Detail}";
    }

    private void Fail(FaultNumber number, string reason)
    {
        _log.Error("The job {Job} cannot go on: {Reason}", _job?.Plan.Name, reason);
        _submitter.Tell(new JobProtocol.JobFailed(_job?.Plan.Name ?? "", number, reason));
        // What is durable is known again only after a recovery.
        if (number == FaultNumber.JournalFailed)
            Context.Stop(Self);
    }

    private bool IsDue(int round) => round % _job!.Plan.Evaluation.Every == 0 || round == _job.Plan.Training.Rounds;

    private void Record(Decision<FederationEvent> decision, Action then)
    {
        if (decision is Decision<FederationEvent>.Accepted accepted)
            Record(accepted.Events, then);
        else
            Fail(FaultNumber.JobFailed, ((Decision<FederationEvent>.Rejected)decision).Reason);
    }

    private sealed record Commit(SupervisionProtocol.RoundEnded Ended, GlobalModel Model);
}
