using System.Collections.Immutable;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Training;

namespace FedActors.Actors.Configuration;

/// <summary>
/// A job file as a hub reads it. Of its data section only the features count: which columns the model sees is part of
/// the plan, where the rows lie is each hospital's own affair.
/// </summary>
public static class FederationJob
{
    /// <param name="members">The hospitals of the federation.</param>
    /// <exception cref="FaultException">Everything that is wrong, told together.</exception>
    public static JobPlan Read(string path, ImmutableArray<HospitalId> members) =>
        Read(JobFile.Open(path, []), members);

    /// <param name="text">A job file's text.</param>
    /// <param name="path">Where it came from, as faults name it.</param>
    /// <param name="members">The hospitals of the federation.</param>
    /// <exception cref="FaultException">Everything that is wrong, told together.</exception>
    public static JobPlan Parse(string text, string path, ImmutableArray<HospitalId> members) =>
        Read(JobFile.Of(text, path, []), members);

    private static JobPlan Read(JobFile file, ImmutableArray<HospitalId> members)
    {
        var (path, faults) = (file.Path, new List<Fault>());
        var plan = file.Read(faults);
        var data = DataSection.Read(file.Data(faults));
        if (plan.Patients == 0)
            faults.Add(
                new Fault(FaultNumber.JobNotForFederation, "The job does not say how many patients train.",
                    $"{path}: job.patients",
                "Write the sum that the hospitals have agreed to tell: the hub cannot count them."));
        if (faults.Count > 0)
            throw new FaultException(faults);
        plan = Complete(plan, data.Schema);
        faults.AddRange(ModelRules.Faults(plan, Names.OfAny, path));
        if (faults.Count > 0)
            throw new FaultException(faults);
        // Each hospital declines where it holds more than the weight cap; the hub does not know how many it holds.
        faults.AddRange(PlanCheck.Faults(
            plan, members.ToDictionary(member => member, _ => 1),
            LocalTraining.UpdateLength(plan.Training, ModelCatalog.Create(plan.Model)), path));
        return faults.Count == 0 ? plan : throw new FaultException(faults);
    }

    /// <summary>What a job's data section says of the model: inputs and outcome.</summary>
    public static JobPlan Complete(JobPlan plan, DataSchema schema) => plan with
    {
        Model = plan.Model with
        {
            Features = [.. schema.Inputs.Select(input => input.Feature)],
            Outcome = schema.Label.Kind,
            Unit = schema.Label is LabelRule.Real number ? number.Scale : 1,
            Classes = schema.Label is LabelRule.Class rule ? [.. rule.Classes.Select(one => one.Name)] : [],
        },
        Evaluation = plan.Evaluation.Metric == Metric.Auto
            ? plan.Evaluation with { Metric = ModelRules.MetricsOf(schema.Label.Kind)[0] }
            : plan.Evaluation,
    };
}
