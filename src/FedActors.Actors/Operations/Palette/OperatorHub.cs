using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Operations.Palette;

/// <summary>What a command may ask of the hub it is typed at.</summary>
/// <param name="Desk">The hub's job desk, or whoever hands things to it.</param>
/// <param name="Nodes">The hub's nodes at this moment.</param>
public sealed record OperatorHub(IActorRef Desk, Func<ImmutableArray<HubNode>> Nodes, TimeProvider Clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public Task<JobDesk.View> ViewAsync(CancellationToken cancel) =>
        AskAsync<JobDesk.View>(new JobDesk.ViewWanted(), cancel);

    /// <summary>The job of this name; without one the job whose turn it is, else the last.</summary>
    public async Task<JobDesk.JobView> JobAsync(string? name, CancellationToken cancel)
    {
        var jobs = (await ViewAsync(cancel)).Jobs;
        var found = name is not null
            ? jobs.FirstOrDefault(job => job.Job.Name == name)
            : jobs.FirstOrDefault(job => job.Stage is JobStage.Waiting or JobStage.Running) ?? jobs.LastOrDefault();
        return found ?? throw new FaultException(new Fault(FaultNumber.UnknownJob,
            name is null ? "There is no job." : $"There is no job '{name}'.", "",
            jobs.IsEmpty ? "Submit one first: 'job submit'."
                : $"There are: {string.Join(", ", jobs.Select(job => job.Job.Name))}."));
    }

    public Task<JobProtocol.JobRecords> RecordsAsync(string job, CancellationToken cancel) =>
        AskAsync<JobProtocol.JobRecords>(new JobDesk.Ask(job, new JobProtocol.RecordsWanted()), cancel);

    /// <summary>What the job's open round does; null where none is open.</summary>
    public async Task<JobProtocol.RoundStatus?> RoundAsync(JobDesk.JobView job, CancellationToken cancel) =>
        job.Stage != JobStage.Running
            ? null
            : await AskAsync<JobProtocol.IJobMessage>(new JobDesk.Ask(job.Job.Name,
                new JobProtocol.RoundStatusWanted()), cancel)
                as JobProtocol.RoundStatus;

    /// <exception cref="FaultException">The desk refused, or gives no answer.</exception>
    public async Task<T> AskAsync<T>(object question, CancellationToken cancel)
    {
        object answer;
        try
        {
            answer = await Desk.Ask<object>(question, Patience, cancel);
        }
        catch (AskTimeoutException)
        {
            throw new FaultException(ExitCode.NotReady,
                new Fault(FaultNumber.HubNotReady, "The hub gives no answer.", "",
                "It is starting, or its database is away: its log says which. Ask again in a moment."));
        }
        return answer switch
        {
            JobDesk.Refused refused => throw new FaultException(refused.ExitCode, refused.Faults),
            T wanted => wanted,
            _ => throw new InvalidOperationException($"The desk answered a {answer.GetType().Name}."),
        };
    }
}

/// <summary>A node of a hub.</summary>
/// <param name="Status">As the cluster has it: up, joining, unreachable, ...</param>
/// <param name="IsLeader">Whether the jobs run there.</param>
public sealed record HubNode(string Address, ImmutableArray<string> Roles, string Status, bool IsLeader);
