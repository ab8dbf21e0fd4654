using System.Collections.Immutable;
using System.Text.Json;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Actors.Wire;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Operations;

/// <summary>
/// Takes jobs to the Coordinator and sees that they go on: begins when enough hospitals are attached, begins again after a
/// round that found too few or a journal that failed for a while, and leaves the result in a file. Parent: the hub.
/// Children: one Coordinator.
/// </summary>
public sealed class JobDesk : ReceiveActor, IWithTimers
{
    /// <summary>Operator → desk. Train this, or go on with it.</summary>
    public sealed record Submit(JobPlan Plan) : INoSerializationVerificationNeeded;

    /// <summary>Anyone → desk. Answered by <see cref="Ended"/> when the job is over, at once where it is.</summary>
    public sealed record WhenEnded : INoSerializationVerificationNeeded;

    /// <summary>Desk → whoever asked.</summary>
    public sealed record Ended(JobStage Stage, string Reason) : INoSerializationVerificationNeeded;

    private sealed record Look : INoSerializationVerificationNeeded
    {
        public static Look Instance { get; } = new();
    }

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HubServices _hub;
    private readonly RemoteHospitals _hospitals;
    private readonly string _results;
    private JobPlan? _job;
    private JobStage _stage;
    private IActorRef _coordinator = ActorRefs.Nobody;
    private ImmutableList<RoundRecord> _rounds = [];
    private readonly List<IActorRef> _waiting = [];
    private TimeSpan _pause = Pause;
    private Ended? _ended;

    public JobDesk(HubServices hub, RemoteHospitals hospitals, string results)
    {
        (_hub, _hospitals, _results) = (hub, hospitals, results);
        Receive<Submit>(submit =>
        {
            (_job, _stage, _rounds, _ended) = (submit.Plan, JobStage.Waiting, [], null);
            _log.Info("Job {Job} waits for {Minimum} of {Hospitals} hospitals", _job.Name, _job.Cohort.Minimum, _hospitals.Members.Length);
            Timers.StartPeriodicTimer(nameof(Look), Look.Instance, Pause);
        });
        Receive<Look>(_ => BeginIfPossible());
        Receive<WhenEnded>(_ =>
        {
            if (_ended is not null)
                Sender.Tell(_ended);
            else
                _waiting.Add(Sender);
        });
        Receive<JobProtocol.JobStarted>(started => _rounds = [.. started.Committed]);
        Receive<JobProtocol.RoundReported>(reported =>
        {
            (_rounds, _pause) = (_rounds.Add(reported.Record), Pause);
            _log.Info("Round {Round} is committed with {Hospitals} hospitals, loss {Loss}",
                reported.Record.Id.Round, reported.Record.Included.Length, reported.Record.Loss);
        });
        Receive<JobProtocol.AttemptReported>(attempt => _log.Warning("{Number}: round {Round}, attempt {Attempt} ended without a sum: {Reason}",
            attempt.Number.Code(), attempt.Id.Round, attempt.Id.Attempt, attempt.Reason));
        Receive<JobProtocol.JobFinished>(Finish);
        Receive<JobProtocol.JobRefused>(refused => End(JobStage.Failed, refused.Reason));
        Receive<JobProtocol.JobFailed>(failed =>
        {
            // What time may mend is tried again; what it cannot is for a person to see.
            if (failed.Number == FaultNumber.JournalFailed
                || (int)failed.Number is >= 4001 and <= 4002 or >= 5000 and < 6000)
                TryAgain($"{failed.Number.Code()}: {failed.Reason}");
            else
                End(JobStage.Failed, $"{failed.Number.Code()}: {failed.Reason}");
        });
        Receive<Terminated>(_ =>
        {
            _coordinator = ActorRefs.Nobody;
            if (_stage == JobStage.Running)
                TryAgain("The coordinator stopped: its journal cannot be read or written.");
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(HubServices hub, RemoteHospitals hospitals, string results) =>
        Akka.Actor.Props.Create<JobDesk>(hub, hospitals, results);

    private void BeginIfPossible()
    {
        if (_job is not { } job || _stage != JobStage.Waiting)
            return;
        var attached = _hospitals.Members.Count(_hospitals.IsAttached);
        if (attached < job.Cohort.Minimum || !job.Cohort.Require.All(_hospitals.IsAttached))
            return;
        _stage = JobStage.Running;
        _log.Info("Job {Job} begins with {Attached} hospitals attached", job.Name, attached);
        if (_coordinator.IsNobody())
            _coordinator = Context.Watch(Context.ActorOf(Coordinator.Props(_hub, $"coordinator-{job.Name}"), $"coordinator-{job.Name}"));
        var model = ModelCatalog.Create(job.Model);
        var initial = new double[model.ParameterCount];
        model.Initialize(initial, job.Seed);
        _coordinator.Tell(new JobProtocol.StartJob(job, PlanHash.Of(job), _hospitals.Members, [.. initial]));
    }

    private void TryAgain(string reason)
    {
        _log.Warning("Job {Job} pauses for {Pause}: {Reason}", _job!.Name, _pause, reason);
        _stage = JobStage.Waiting;
        Timers.StartPeriodicTimer(nameof(Look), Look.Instance, _pause, Pause);
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }

    private void Finish(JobProtocol.JobFinished finished)
    {
        Directory.CreateDirectory(_results);
        var file = Path.Combine(_results, $"{finished.Job}.json");
        File.WriteAllText(file + ".tmp", JsonSerializer.Serialize(
            new
            {
                finished.Job,
                Rounds = _rounds.Count,
                ModelSha256 = finished.Model.ToString(),
                _job!.Model.Features,
                finished.Parameters,
            },
            Json));
        File.Move(file + ".tmp", file, overwrite: true);
        End(JobStage.Done, $"its model is {finished.Model}");
    }

    private void End(JobStage stage, string reason)
    {
        (_stage, _ended) = (stage, new Ended(stage, reason));
        foreach (var asker in _waiting)
            asker.Tell(_ended);
        _waiting.Clear();
        Timers.Cancel(nameof(Look));
        if (stage == JobStage.Done)
            _log.Info("Job {Job} is done after {Rounds} rounds: {Reason}", _job!.Name, _rounds.Count, reason);
        else
            _log.Error("Job {Job} cannot go on: {Reason}", _job!.Name, reason);
    }
}

/// <summary>Where a job stands.</summary>
public enum JobStage
{
    Waiting = 1,
    Running = 2,
    Done = 3,
    Failed = 4,
}
