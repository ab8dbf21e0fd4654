using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Wire;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Operations;

/// <summary>
/// Keeps a hub's jobs and takes them to their Coordinators, one at a time: begins when enough hospitals are attached,
/// begins again after a round that found too few or a journal that failed for a while, and leaves the result in a file.
/// A job with noise begins with what the journals of all others hold of the hospitals' privacy ledgers.
/// Parent: the hub. Children: a Coordinator for each job that was asked for. Persistence id: <c>desk</c>.
/// </summary>
public sealed class JobDesk : JournalingActor<DeskEvent>, IWithTimers
{
    /// <summary>
    /// Operator → desk. Train this, or go on with it. Answered by <see cref="Accepted"/> or <see cref="Refused"/>.
    /// </summary>
    /// <param name="Text">A job file's text.</param>
    /// <param name="Where">Where it came from, as faults name it.</param>
    /// <param name="IsAtStart">The hub's own file, at every start.</param>
    public sealed record Submit(string Text, string Where, bool IsAtStart) : INoSerializationVerificationNeeded;

    /// <summary>
    /// Operator → desk. End this. Answered as <see cref="Submit"/> is; the job ends when its open round has.
    /// </summary>
    public sealed record Abort(string Job, string Reason) : INoSerializationVerificationNeeded;

    /// <summary>
    /// Operator → desk. Let this rest: its open round ends without a sum. Answered as <see cref="Submit"/> is.
    /// </summary>
    public sealed record Pause(string Job, string Reason) : INoSerializationVerificationNeeded;

    /// <summary>Operator → desk. Let it go on. Answered as <see cref="Submit"/> is.</summary>
    public sealed record Resume(string Job) : INoSerializationVerificationNeeded;

    /// <summary>
    /// Operator → desk. Leave this hospital out of the rounds, or take it in again where there is no reason. Answered
    /// as <see cref="Submit"/> is.
    /// </summary>
    public sealed record Suspend(string Hospital, string? Reason) : INoSerializationVerificationNeeded;

    /// <summary>Desk → operator. It is durable.</summary>
    /// <param name="Job">Or hospital.</param>
    /// <param name="WasNew">False where this was known before.</param>
    public sealed record Accepted(string Job, bool WasNew) : INoSerializationVerificationNeeded;

    /// <summary>Desk → operator. Nothing was changed.</summary>
    public sealed record Refused(ExitCode ExitCode, ImmutableArray<Fault> Faults) : INoSerializationVerificationNeeded;

    /// <summary>Anyone → desk. Answered by <see cref="View"/>.</summary>
    public sealed record ViewWanted : INoSerializationVerificationNeeded;

    /// <summary>Desk → whoever asked. What there is at this moment.</summary>
    public sealed record View(ImmutableArray<JobView> Jobs, ImmutableArray<HospitalView> Hospitals)
        : INoSerializationVerificationNeeded;

    /// <param name="Plan">Null where the text does not go with this federation any more.</param>
    public sealed record JobView(DeskJob Job, JobStage Stage, JobPlan? Plan);

    /// <param name="LastHeard">Null where it was not heard since the hub's start.</param>
    /// <param name="Suspended">Why no round asks it; null where rounds do.</param>
    public sealed record HospitalView(
        HospitalId Hospital, bool IsAttached, DateTimeOffset? LastHeard, string? Suspended);

    /// <summary>
    /// Anyone → desk. A question to the job's Coordinator, who answers; <see cref="Refused"/> where there is no such
    /// job.
    /// </summary>
    public sealed record Ask(string Job, JobProtocol.IJobMessage Question) : INoSerializationVerificationNeeded;

    /// <summary>
    /// Anyone → desk. Answered by <see cref="Ended"/> when no job is waiting any more, at once where that is so.
    /// </summary>
    public sealed record WhenEnded : INoSerializationVerificationNeeded;

    /// <summary>Desk → whoever asked: how the last one ended.</summary>
    public sealed record Ended(JobStage Stage, string Reason) : INoSerializationVerificationNeeded;

    private sealed record Look : INoSerializationVerificationNeeded
    {
        public static Look Instance { get; } = new();
    }

    // Akka hangs where what follows one write begins another: the second waits for its own message.
    private sealed record Conclude(string Job) : INoSerializationVerificationNeeded;

    // How soon a hospital that attached is noticed, of which a planned hand-over waits for the last.
    private static readonly TimeSpan Rhythm = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HubServices _hub;
    private readonly RemoteHospitals _hospitals;
    private readonly string _results;
    private readonly Submit? _own;
    private readonly Dictionary<string, IActorRef> _coordinators = [];
    private readonly List<IActorRef> _waiting = [];
    private readonly HashSet<IActorRef> _askedForLedgers = [];
    private LedgerWitness _witness = LedgerWitness.Empty;
    private DeskState _state = DeskState.Empty;
    private JobPlan? _plan;
    private bool _isRunning;
    private int _rounds;
    private TimeSpan _pause = FirstPause;
    private Ended? _ended;

    /// <param name="own">The hub's own job: taken in at every start of the desk; or null.</param>
    public JobDesk(HubServices hub, RemoteHospitals hospitals, string results, Submit? own)
    {
        (_hub, _hospitals, _results, _own, JournalPluginId) = (hub, hospitals, results, own, hub.Journal);
        Command<Submit>(TakeIn);
        Command<Abort>(AbortJob);
        Command<Pause>(PauseJob);
        Command<Resume>(resume => OfJob(resume.Job, now => _state.DecideResume(resume.Job, now),
            "There is nothing to go on with.", () =>
            {
                _log.Info("Job {Job} goes on", resume.Job);
                LookFromNowOn(Rhythm);
            }));
        Command<Suspend>(SuspendHospital);
        Command<Look>(_ => BeginIfPossible());
        Command<Conclude>(conclude =>
        {
            if (!IsCurrent(conclude.Job) && _state.Find(conclude.Job) is { Stage: JobStage.Waiting, IsToEnd: true } job)
                EndJob(job, JobStage.Aborted, job.Reason);
        });
        Command<ViewWanted>(_ => Sender.Tell(new View(
            [.. _state.Jobs.Select(ViewOf)],
            [.. _hospitals.Members.Select(one =>
                new HospitalView(one, _hospitals.IsAttached(one), _hospitals.LastHeard(one),
                    _state.Suspended.GetValueOrDefault(one)))])));
        Command<Ask>(ask =>
        {
            if (_state.Find(ask.Job) is null)
                Refuse(ExitCode.BadInput, Unknown(ask.Job));
            else
                CoordinatorOf(ask.Job).Forward(ask.Question);
        });
        Command<WhenEnded>(_ =>
        {
            if (_state.Current is null && _ended is not null)
                Sender.Tell(_ended);
            else
                _waiting.Add(Sender);
        });
        Command<JobProtocol.LedgersSeen>(seen =>
        {
            _witness = _witness.Remember(seen.Heads);
            if (_askedForLedgers.Remove(Sender) && _askedForLedgers.Count == 0)
                Begin();
        });
        Command<JobProtocol.JobStarted>(started => _rounds = started.Committed.Length);
        Command<JobProtocol.RoundReported>(reported =>
        {
            (_rounds, _pause) = (_rounds + 1, FirstPause);
            _log.Info("Round {Round} is committed with {Hospitals} hospitals, loss {Loss}",
                reported.Record.Id.Round, reported.Record.Included.Length, reported.Record.Loss);
        });
        Command<JobProtocol.AttemptReported>(attempt => _log.Warning(
            "{Number}: round {Round}, attempt {Attempt} ended without a sum: {Reason}",
            attempt.Number.Code(), attempt.Id.Round, attempt.Id.Attempt, attempt.Reason));
        // A job that is over may have said more than one last word.
        Command<JobProtocol.JobFinished>(finished => IsCurrent(finished.Job), Finish);
        Command<JobProtocol.JobRefused>(refused => IsCurrent(refused.Job), refused =>
            End(JobStage.Failed, refused.Reason));
        Command<JobProtocol.JobFailed>(failed => IsCurrent(failed.Job), OnFailed);
        Command<Terminated>(OnTerminated);
    }

    public override string PersistenceId => "desk";

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(HubServices hub, RemoteHospitals hospitals, string results, Submit? own) =>
        Akka.Actor.Props.Create<JobDesk>(hub, hospitals, results, own);

    protected override void Apply(DeskEvent @event)
    {
        _state = _state.Apply(@event);
        if (@event is DeskEvent.JobEnded ended)
            _ended = new Ended(ended.Stage, ended.Reason);
        else if (@event is DeskEvent.HospitalSuspended or DeskEvent.HospitalResumed)
            _hospitals.Suspended = [.. _state.Suspended.Keys];
    }

    protected override void OnWriteRefused(string reason) =>
        _log.Error("The desk's journal refused a write: {Reason}", reason);

    protected override void OnReplaySuccess()
    {
        // Also after a journal that could not be written: nobody else says it again.
        if (_own is not null)
            Self.Tell(_own, ActorRefs.NoSender);
        LookFromNowOn(TimeSpan.Zero);
    }

    private void TakeIn(Submit submit)
    {
        string job;
        try
        {
            job = FederationJob.Parse(submit.Text, submit.Where, _hospitals.Members).Name;
        }
        catch (FaultException e)
        {
            Refuse(e.ExitCode, [.. e.Faults]);
            return;
        }
        Decide(_state.DecideSubmit(job, submit.Text, submit.IsAtStart, _hub.Clock.GetUtcNow()), job, submit.Where,
            FaultNumber.JobNameTaken,
            "Give the changed job another name: what was trained under this one stays what it is.", () =>
            {
                _log.Info("Job {Job} is accepted", job);
                LookFromNowOn(Rhythm);
            });
    }

    private void AbortJob(Abort abort) => OfJob(abort.Job,
        now => _state.DecideAbort(abort.Job, abort.Reason, now), "There is nothing to end.", () =>
        {
            _log.Warning("Job {Job} is to end: {Reason}", abort.Job, abort.Reason);
            if (IsCurrent(abort.Job))
                CoordinatorOf(abort.Job).Tell(new JobProtocol.AbortJob(abort.Job, abort.Reason));
            else
                Self.Tell(new Conclude(abort.Job));
        });

    // Its rounds stop as those of a job that ends do; the job itself does not end.
    private void PauseJob(Pause pause) => OfJob(pause.Job,
        now => _state.DecidePause(pause.Job, pause.Reason, now), "There is nothing to pause.", () =>
        {
            _log.Warning("Job {Job} rests until it is resumed: {Reason}", pause.Job, pause.Reason);
            if (IsCurrent(pause.Job))
                CoordinatorOf(pause.Job).Tell(new JobProtocol.AbortJob(pause.Job, pause.Reason));
        });

    private void SuspendHospital(Suspend asked)
    {
        var hospital = _hospitals.Members.FirstOrDefault(one => one.ToString() == asked.Hospital);
        if (hospital == default)
        {
            Refuse(ExitCode.BadInput,
            [
                new Fault(FaultNumber.UnknownHospital, $"There is no hospital '{asked.Hospital}'.", "",
                    $"There are: {string.Join(", ", _hospitals.Members)}."),
            ]);
            return;
        }
        var now = _hub.Clock.GetUtcNow();
        Decide(asked.Reason is { } reason ? _state.DecideSuspend(hospital, reason, now)
                : _state.DecideResume(hospital, now), asked.Hospital, asked.Hospital, FaultNumber.UnknownHospital, "",
            () => _log.Warning(asked.Reason is null ? "Rounds ask {Hospital} again"
                : "No round asks {Hospital} until it is resumed: {Reason}", hospital, asked.Reason));
    }

    private void OfJob(string job, Func<DateTimeOffset, Decision<DeskEvent>> decide, string fix, Action then)
    {
        if (_state.Find(job) is null)
            Refuse(ExitCode.BadInput, Unknown(job));
        else
            Decide(decide(_hub.Clock.GetUtcNow()), job, job, FaultNumber.JobIsOver, fix, then);
    }

    // The answer leaves after the write.
    private void Decide(
        Decision<DeskEvent> decision, string job, string where, FaultNumber number, string fix, Action then)
    {
        var sender = Sender;
        switch (decision)
        {
            case Decision<DeskEvent>.Rejected rejected:
                Refuse(ExitCode.Failed, [new Fault(number, rejected.Reason, where, fix)]);
                break;
            case Decision<DeskEvent>.Accepted accepted:
                Record(accepted.Events, () =>
                {
                    sender.Tell(new Accepted(job, !accepted.Events.IsEmpty));
                    if (!accepted.Events.IsEmpty)
                        then();
                });
                break;
        }
    }

    private void Refuse(ExitCode exitCode, ImmutableArray<Fault> faults)
    {
        foreach (var fault in faults)
            _log.Warning("Refused: {Fault}", fault);
        Sender.Tell(new Refused(exitCode, faults));
    }

    private ImmutableArray<Fault> Unknown(string job) =>
    [
        new Fault(FaultNumber.UnknownJob, $"There is no job '{job}'.", "",
            _state.Jobs.IsEmpty ? "Submit one first."
            : $"There are: {string.Join(", ", _state.Jobs.Select(known => known.Name))}."),
    ];

    private void LookFromNowOn(TimeSpan first)
    {
        if (_state.Current is not null)
            Timers.StartPeriodicTimer(nameof(Look), Look.Instance, first, Rhythm);
    }

    private void BeginIfPossible()
    {
        if (_state.Current is not { } job || _isRunning)
            return;
        if (job.IsToEnd)
        {
            End(JobStage.Aborted, job.Reason);
            return;
        }
        if (job.IsPaused)
            return;
        if (_plan?.Name != job.Name)
        {
            try
            {
                _plan = PlanOf(job);
            }
            catch (FaultException e)
            {
                End(JobStage.Failed, e.Faults[0].ToString());
                return;
            }
            _log.Info("Job {Job} waits for {Minimum} of {Hospitals} hospitals", job.Name, _plan.Cohort.Minimum,
                _hospitals.Members.Length);
        }
        var attached = _hospitals.Members.Count(_hospitals.IsAttached);
        if (attached < _plan.Cohort.Minimum || !_plan.Cohort.Require.All(_hospitals.IsAttached))
            return;
        _isRunning = true;
        _log.Info("Job {Job} begins with {Attached} hospitals attached", job.Name, attached);
        if (_plan.Privacy.Mode != PrivacyMode.Off)
            _askedForLedgers.UnionWith(
                _state.Jobs.Where(other => other.Name != job.Name).Select(other => CoordinatorOf(other.Name)));
        foreach (var other in _askedForLedgers)
            other.Tell(JobProtocol.LedgersWanted.Instance);
        if (_askedForLedgers.Count == 0)
            Begin();
    }

    private void Begin()
    {
        if (_state.Current is { IsToEnd: true } ended)
        {
            End(JobStage.Aborted, ended.Reason);
            return;
        }
        var model = ModelCatalog.Create(_plan!.Model);
        var initial = new double[model.ParameterCount];
        model.Initialize(initial, _plan.Seed);
        CoordinatorOf(_plan.Name).Tell(
            new JobProtocol.StartJob(_plan, PlanHash.Of(_plan), _hospitals.Members, [.. initial])
            {
                Ledgers = _witness.Of(_hospitals.Members),
            });
    }

    private void OnFailed(JobProtocol.JobFailed failed)
    {
        // What time may mend is tried again; what it cannot is for a person to see.
        var isForTime = failed.Number == FaultNumber.JournalFailed
            || (int)failed.Number is >= 4001 and <= 4002 or >= 5000 and < 6000;
        var reason = $"{failed.Number.Code()}: {failed.Reason}";
        if (_state.Current is { IsToEnd: true } job)
            End(JobStage.Aborted, job.Reason);
        else if (failed.Number == FaultNumber.JobAborted)
            _isRunning = false;
        else if (isForTime)
            TryAgain(reason);
        else
            End(JobStage.Failed, reason);
    }

    private void OnTerminated(Terminated ended)
    {
        var job = _coordinators.FirstOrDefault(pair => pair.Value.Equals(ended.ActorRef)).Key;
        if (job is null)
            return;
        _coordinators.Remove(job);
        if (_askedForLedgers.Contains(ended.ActorRef))
            TryAgain(
                $"The journal of job {job} cannot be read: where the hospitals' ledgers stood in it is not known.");
        else if (IsCurrent(job))
            TryAgain("The coordinator stopped: its journal cannot be read or written.");
    }

    private void TryAgain(string reason)
    {
        _log.Warning("Job {Job} pauses for {Pause}: {Reason}", _plan!.Name, _pause, reason);
        _isRunning = false;
        _askedForLedgers.Clear();
        Timers.StartPeriodicTimer(nameof(Look), Look.Instance, _pause, Rhythm);
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }

    private void Finish(JobProtocol.JobFinished finished)
    {
        try
        {
            WriteResult(finished);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryAgain($"{FaultNumber.OutputUnwritable.Code()}: its result cannot be written: {e.Message}");
            return;
        }
        End(JobStage.Done, $"its model is {finished.Model}");
    }

    private void WriteResult(JobProtocol.JobFinished finished)
    {
        Directory.CreateDirectory(_results);
        var file = Path.Combine(_results, $"{finished.Job}.json");
        File.WriteAllText(file + ".tmp", ResultOf(
            finished.Job, _rounds, finished.Model, _plan!.Model.Features, finished.Parameters).ToJsonString(Json));
        File.Move(file + ".tmp", file, overwrite: true);
    }

    /// <summary>A model as a job's result file has it.</summary>
    internal static JsonObject ResultOf(
        string job, int rounds, Digest model, ImmutableArray<string> features,
        ImmutableArray<double> parameters) => new()
        {
            ["job"] = job,
            ["rounds"] = rounds,
            ["modelSha256"] = model.ToString(),
            ["features"] = new JsonArray([.. features.Select(feature => JsonValue.Create(feature))]),
            ["parameters"] = new JsonArray([.. parameters.Select(value => JsonValue.Create(value))]),
        };

    private void End(JobStage stage, string reason)
    {
        if (_state.Current is { } job)
            EndJob(job, stage, reason);
    }

    private void EndJob(DeskJob job, JobStage stage, string reason)
    {
        var decision = (Decision<DeskEvent>.Accepted)_state.DecideEnd(job.Name, stage, reason, _hub.Clock.GetUtcNow());
        Record(decision.Events, () =>
        {
            if (_plan?.Name == job.Name)
                (_plan, _isRunning, _pause) = (null, false, Rhythm);
            if (stage == JobStage.Done)
                _log.Info("Job {Job} is done after {Rounds} rounds: {Reason}", job.Name, _rounds, reason);
            else if (stage == JobStage.Aborted)
                _log.Warning("Job {Job} is aborted: {Reason}", job.Name, reason);
            else
                _log.Error("Job {Job} cannot go on: {Reason}", job.Name, reason);
            if (_state.Current is not null)
                return;
            Timers.Cancel(nameof(Look));
            foreach (var asker in _waiting)
                asker.Tell(_ended!);
            _waiting.Clear();
        });
    }

    private bool IsCurrent(string job) => _isRunning && _state.Current?.Name == job;

    private JobPlan PlanOf(DeskJob job) => FederationJob.Parse(job.Text, job.Name, _hospitals.Members);

    private JobView ViewOf(DeskJob job)
    {
        var stage = job.IsPaused ? JobStage.Paused : IsCurrent(job.Name) ? JobStage.Running : job.Stage;
        try
        {
            return new JobView(job, stage, PlanOf(job));
        }
        catch (FaultException)
        {
            return new JobView(job, stage, null);
        }
    }

    private IActorRef CoordinatorOf(string job) => _coordinators.TryGetValue(job, out var known)
        ? known
        : _coordinators[job] =
            Context.Watch(Context.ActorOf(Coordinator.Props(_hub, $"coordinator-{job}"), $"coordinator-{job}"));
}
