using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Federation;

/// <summary>A job as the desk knows it.</summary>
/// <param name="Stage">Never <see cref="JobStage.Running"/>: that is for the moment, not for the journal.</param>
/// <param name="Reason">Why it ended, or why it is to end; empty where neither.</param>
/// <param name="IsToEnd">An operator asked for its end.</param>
/// <param name="IsPaused">An operator asked it to rest; it keeps its turn.</param>
public sealed record DeskJob(string Name, string Text, DateTimeOffset SubmittedAt, JobStage Stage, string Reason,
    bool IsToEnd, bool IsPaused = false);

/// <summary>The jobs of a hub, in the order in which they were first submitted. One trains at a time.</summary>
public sealed record DeskState
{
    /// <summary>Longest job file, in characters: it stands in the journal.</summary>
    public const int LongestText = 1 << 20;

    public static DeskState Empty { get; } = new();

    public ImmutableList<DeskJob> Jobs { get; private init; } = [];

    /// <summary>Hospitals that no round asks, and why.</summary>
    public ImmutableSortedDictionary<HospitalId, string> Suspended { get; private init; } =
        ImmutableSortedDictionary<HospitalId, string>.Empty;

    /// <summary>The one whose turn it is: the first that is not over; null where all are.</summary>
    public DeskJob? Current => Jobs.Find(job => job.Stage == JobStage.Waiting);

    public DeskJob? Find(string name) => Jobs.Find(job => job.Name == name);

    /// <summary>
    /// Takes a job in. The same text again: agrees and writes nothing where it waits, runs or is done; goes on with it
    /// where it failed or was aborted.
    /// </summary>
    /// <param name="isAtStart">The hub's own file, read at every start: what an operator ended stays ended.</param>
    public Decision<DeskEvent> DecideSubmit(string job, string text, bool isAtStart, DateTimeOffset now)
    {
        if (text.Length > LongestText)
            return Decision<DeskEvent>.Reject(
                $"The job file has {text.Length} characters, the desk takes {LongestText}.");
        if (Find(job) is not { } known)
            return Decision<DeskEvent>.Accept(new DeskEvent.JobSubmitted(now, job, text));
        if (known.Text != text)
            return Decision<DeskEvent>.Reject($"There is a job '{job}' already, with another text.");
        return known.Stage == JobStage.Failed || known.Stage == JobStage.Aborted && !isAtStart
            ? Decision<DeskEvent>.Accept(new DeskEvent.JobSubmitted(now, job, text))
            : Decision<DeskEvent>.Accept();
    }

    /// <summary>Ends a job. Asked again: agrees and writes nothing.</summary>
    public Decision<DeskEvent> DecideAbort(string job, string reason, DateTimeOffset now) => Find(job) switch
    {
        null => Decision<DeskEvent>.Reject($"There is no job '{job}'."),
        { Stage: JobStage.Waiting, IsToEnd: true } or { Stage: JobStage.Aborted } => Decision<DeskEvent>.Accept(),
        { Stage: JobStage.Waiting } => Decision<DeskEvent>.Accept(new DeskEvent.AbortAsked(now, job, reason)),
        var over => Decision<DeskEvent>.Reject($"The job '{job}' is over: {over.Stage}."),
    };

    /// <summary>Lets a job rest. Asked again: agrees and writes nothing.</summary>
    public Decision<DeskEvent> DecidePause(string job, string reason, DateTimeOffset now) => Find(job) switch
    {
        null => Decision<DeskEvent>.Reject($"There is no job '{job}'."),
        { Stage: JobStage.Waiting, IsToEnd: true } => Decision<DeskEvent>.Reject($"The job '{job}' is about to end."),
        { Stage: JobStage.Waiting, IsPaused: true } => Decision<DeskEvent>.Accept(),
        { Stage: JobStage.Waiting } => Decision<DeskEvent>.Accept(new DeskEvent.JobPaused(now, job, reason)),
        var over => Decision<DeskEvent>.Reject($"The job '{job}' is over: {over.Stage}."),
    };

    /// <summary>Lets it go on. One that does not rest: agrees and writes nothing.</summary>
    public Decision<DeskEvent> DecideResume(string job, DateTimeOffset now) => Find(job) switch
    {
        null => Decision<DeskEvent>.Reject($"There is no job '{job}'."),
        { Stage: JobStage.Waiting, IsPaused: true } => Decision<DeskEvent>.Accept(new DeskEvent.JobResumed(now, job)),
        { Stage: JobStage.Waiting } => Decision<DeskEvent>.Accept(),
        var over => Decision<DeskEvent>.Reject($"The job '{job}' is over: {over.Stage}."),
    };

    /// <summary>Leaves a hospital out of the rounds. Asked again: agrees and writes nothing.</summary>
    public Decision<DeskEvent> DecideSuspend(HospitalId hospital, string reason, DateTimeOffset now) =>
        Suspended.ContainsKey(hospital)
            ? Decision<DeskEvent>.Accept()
            : Decision<DeskEvent>.Accept(new DeskEvent.HospitalSuspended(now, hospital, reason));

    /// <summary>Takes it in again. One that is not left out: agrees and writes nothing.</summary>
    public Decision<DeskEvent> DecideResume(HospitalId hospital, DateTimeOffset now) =>
        Suspended.ContainsKey(hospital)
            ? Decision<DeskEvent>.Accept(new DeskEvent.HospitalResumed(now, hospital))
            : Decision<DeskEvent>.Accept();

    /// <summary>
    /// Notes that the job whose turn it is has ended. One that is over already: agrees, writes nothing.
    /// </summary>
    public Decision<DeskEvent> DecideEnd(string job, JobStage stage, string reason, DateTimeOffset now) =>
        Find(job) is { Stage: JobStage.Waiting }
            ? Decision<DeskEvent>.Accept(new DeskEvent.JobEnded(now, job, stage, reason))
            : Decision<DeskEvent>.Accept();

    /// <exception cref="InvalidOperationException">The journal holds an event this state cannot follow.</exception>
    public DeskState Apply(DeskEvent @event) => @event switch
    {
        DeskEvent.JobSubmitted e when Find(e.Job) is { } known && known.Stage != JobStage.Waiting =>
            Change(known with { Stage = JobStage.Waiting, Reason = "", IsToEnd = false, IsPaused = false }),
        DeskEvent.JobSubmitted e when Find(e.Job) is null =>
            this with { Jobs = Jobs.Add(new DeskJob(e.Job, e.Text, e.At, JobStage.Waiting, "", false)) },
        DeskEvent.AbortAsked e when Find(e.Job) is { Stage: JobStage.Waiting } known =>
            Change(known with { Reason = e.Reason, IsToEnd = true }),
        DeskEvent.JobPaused e when Find(e.Job) is { Stage: JobStage.Waiting } known =>
            Change(known with { Reason = e.Reason, IsPaused = true }),
        DeskEvent.JobResumed e when Find(e.Job) is { Stage: JobStage.Waiting, IsPaused: true } known =>
            Change(known with { Reason = "", IsPaused = false }),
        DeskEvent.HospitalSuspended e => this with { Suspended = Suspended.SetItem(e.Hospital, e.Reason) },
        DeskEvent.HospitalResumed e => this with { Suspended = Suspended.Remove(e.Hospital) },
        DeskEvent.JobEnded e when Find(e.Job) is { Stage: JobStage.Waiting } known
            && e.Stage is (JobStage.Done or JobStage.Failed or JobStage.Aborted) =>
            Change(known with { Stage = e.Stage, Reason = e.Reason, IsToEnd = false, IsPaused = false }),
        _ => throw new InvalidOperationException(
            $"The desk's journal holds a {@event.GetType().Name} that cannot follow."),
    };

    private DeskState Change(DeskJob job) =>
        this with { Jobs = Jobs.SetItem(Jobs.FindIndex(known => known.Name == job.Name), job) };
}
