using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Training;

namespace FedActors.Simulation;

/// <summary>
/// What the federated model is compared with: models that only a simulation can make, all fitted to the same objective
/// and judged on the same patients. Survival stays stratified by hospital in the pooled fit.
/// </summary>
/// <param name="PooledParameters">Of the model trained on all hospitals' rows together.</param>
/// <param name="Pooled">How it did.</param>
/// <param name="Alone">Each hospital's own model, in order of id.</param>
/// <param name="Ensemble">How the mean of the local models' answers did: what hospitals get without federating.</param>
public sealed record Baselines(
    ImmutableArray<double> PooledParameters, ModelMetrics Pooled, ImmutableArray<AloneModel> Alone,
    ModelMetrics Ensemble)
{
    /// <exception cref="Core.FaultException">FA-4005 or FA-4004: an objective has no single finite minimum (l2 =
    /// 0).</exception>
    public static Baselines Of(FederatedData data, JobPlan plan)
    {
        var model = ModelCatalog.Create(plan.Model);
        var hospitals = data.Hospitals;
        // The pooled fit is the longest by far: it goes first, as the table behind the last hospital.
        var tables = hospitals.Select(hospital => hospital.Train)
            .Append(PatientTable.Concat([.. hospitals.Select(h => h.Train)])).ToArray();
        var parameters = new double[tables.Length][];
        var scores = new double[tables.Length][];
        try
        {
            Parallel.For(0, tables.Length, i =>
            {
                var at = tables.Length - 1 - i;
                parameters[at] = Fit(model, tables[at], plan,
                    at < hospitals.Length ? $"hospital {hospitals[at].Hospital} alone" : "all data pooled");
                scores[at] = new double[data.Test.Rows * model.Outputs];
                model.Predict(parameters[at], data.Test, scores[at]);
            });
        }
        catch (AggregateException e)
            when (e.InnerExceptions.OfType<Core.FaultException>().FirstOrDefault() is { } fault)
        {
            throw new Core.FaultException(fault.ExitCode, fault.Faults);
        }
        var mean = new double[scores[^1].Length];
        for (var h = 0; h < hospitals.Length; h++)
            TensorPrimitives.Add(mean, scores[h], mean);
        TensorPrimitives.Divide(mean, hospitals.Length, mean);
        return new Baselines(
            [.. parameters[^1]],
            ModelEvaluation.Of(scores[^1], data.Test.Outcomes),
            [.. hospitals.Select((hospital, h) => new AloneModel(
                hospital.Hospital, hospital.Train.Rows, [.. parameters[h]],
                ModelEvaluation.Of(scores[h], data.Test.Outcomes)))],
            ModelEvaluation.Of(mean, data.Test.Outcomes));
    }

    private static double[] Fit(IModel model, PatientTable patients, JobPlan plan, string whose)
    {
        try
        {
            return LocalFit.Run(model, patients, plan);
        }
        catch (Core.FaultException e)
        {
            throw new Core.FaultException(e.ExitCode,
                [.. e.Faults.Select(fault => fault with { Where = $"{whose}: {fault.Where}" })]);
        }
    }
}

/// <summary>One hospital's model of its own.</summary>
/// <param name="TrainedOn">The hospital's training patients.</param>
public sealed record AloneModel(
    HospitalId Hospital, int TrainedOn, ImmutableArray<double> Parameters, ModelMetrics Metrics);
