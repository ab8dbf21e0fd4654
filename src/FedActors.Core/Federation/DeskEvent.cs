using FedActors.Core.Identity;

namespace FedActors.Core.Federation;

/// <summary>What the job desk's journal holds. Past tense, with its own time; only ever added to.</summary>
public abstract record DeskEvent(DateTimeOffset At)
{
    /// <summary>A job waits for its turn: a new one, or one that ended and is to go on.</summary>
    /// <param name="Text">The job file as it was submitted.</param>
    public sealed record JobSubmitted(DateTimeOffset At, string Job, string Text) : DeskEvent(At);

    /// <summary>An operator wants the job to end. Its rounds end before anything else begins.</summary>
    public sealed record AbortAsked(DateTimeOffset At, string Job, string Reason) : DeskEvent(At);

    /// <summary>An operator wants the job to rest. It keeps its turn.</summary>
    public sealed record JobPaused(DateTimeOffset At, string Job, string Reason) : DeskEvent(At);

    /// <summary>It goes on.</summary>
    public sealed record JobResumed(DateTimeOffset At, string Job) : DeskEvent(At);

    /// <summary>No round asks this hospital until it is resumed.</summary>
    public sealed record HospitalSuspended(DateTimeOffset At, HospitalId Hospital, string Reason) : DeskEvent(At);

    /// <summary>Rounds ask it again.</summary>
    public sealed record HospitalResumed(DateTimeOffset At, HospitalId Hospital) : DeskEvent(At);

    /// <summary>The job is over: done, failed or aborted. What it committed stays.</summary>
    public sealed record JobEnded(DateTimeOffset At, string Job, JobStage Stage, string Reason) : DeskEvent(At);
}

public static class JobStages
{
    /// <summary>Whether nothing follows unless it is submitted again.</summary>
    public static bool IsOver(this JobStage stage) => stage is JobStage.Done or JobStage.Failed or JobStage.Aborted;
}

/// <summary>Where a job stands. Frozen: it stands in the desk's journal.</summary>
public enum JobStage
{
    /// <summary>For its turn, or for enough hospitals.</summary>
    Waiting = 1,
    Running = 2,
    Done = 3,
    Failed = 4,
    Aborted = 5,

    /// <summary>For an operator to resume it. Never in the journal: a paused job is one that waits.</summary>
    Paused = 6,
}
