using System.CommandLine;
using FedActors.Actors.Configuration;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Simulation;

namespace FedActors.Cli;

/// <summary>Reads a job for a question that trains nothing: with its data where it says where they are, else by
/// itself.</summary>
internal sealed class JobQuestion
{
    private readonly Option<string?> _data =
        new("--data")
        {
            Description = "Where the job's data files lie. Default: beside the job file.",
            HelpName = "DIR"
        };
    private readonly Option<string[]> _set = new("--set")
    {
        Description = "Replaces a key of the job file. May be repeated; the last one wins.",
        HelpName = "path=value",
    };

    public void AddTo(Command command)
    {
        command.Add(_data);
        command.Add(_set);
    }

    /// <returns>The plan, and its size where its data are known.</returns>
    /// <exception cref="FaultException">The job or its data do not allow it.</exception>
    public (JobPlan Plan, JobSize? Size) Read(ParseResult parsed, string job)
    {
        var overrides = SimulateCommand.Overrides(parsed.GetValue(_set) ?? [], null, null);
        var (faults, file) = (new List<Fault>(), JobFile.Open(job, overrides));
        if (file.HasData)
        {
            var (plan, hospitals) =
                SimulationRun.Plan(new SimulationOptions(job, parsed.GetValue(_data), null, overrides, Fresh: false));
            return (plan, new JobSize(
                FederationState.CohortSize(hospitals, plan.Cohort), plan.Patients,
                ModelCatalog.Create(plan.Model).ParameterCount));
        }
        var read = file.Read(faults);
        return faults.Count == 0 ? (read, null) : throw new FaultException(faults);
    }
}
