using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Models;
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
            : jobs.FirstOrDefault(job => !job.Stage.IsOver()) ?? jobs.LastOrDefault();
        return found ?? throw new FaultException(new Fault(FaultNumber.UnknownJob,
            name is null ? "There is no job." : $"There is no job '{name}'.", "",
            jobs.IsEmpty ? "Submit one first: 'job submit'."
                : $"There are: {string.Join(", ", jobs.Select(job => job.Job.Name))}."));
    }

    public Task<JobProtocol.JobRecords> RecordsAsync(string job, CancellationToken cancel) =>
        AskAsync<JobProtocol.JobRecords>(new JobDesk.Ask(job, new JobProtocol.RecordsWanted()), cancel);

    /// <summary>The model of a committed round.</summary>
    public async Task<GlobalModel> ModelAsync(JobDesk.JobView job, int round, CancellationToken cancel)
    {
        var found = await AskAsync<BlobStore.Found>(
            new JobDesk.Ask(job.Job.Name, new JobProtocol.ModelWanted(round)), cancel);
        return GlobalModel.FromBytes(
            found.Bytes.AsSpan(), ModelCatalog.Create(job.Plan!.Model).ParameterCount);
    }

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
            BlobStore.Missing missing => throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.BlobDamaged,
                $"The model {missing.Name} is missing or damaged.", "", "Restore the hub's database from a backup.")),
            BlobStore.Failed failed => throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.JournalFailed,
                $"The model cannot be read: {failed.Reason}", "", "See that the hub's database answers.")),
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
