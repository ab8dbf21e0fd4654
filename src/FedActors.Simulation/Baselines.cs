using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Training;

namespace FedActors.Simulation;

/// <summary>
/// What the federated model is compared with: models that only a simulation can make, all fitted to the same objective and
/// judged on the same patients.
/// </summary>
/// <param name="PooledParameters">Of the model trained on all hospitals' rows together.</param>
/// <param name="Pooled">How it did.</param>
/// <param name="Alone">Each hospital's own model, in order of id.</param>
/// <param name="Ensemble">How the mean of the local models' probabilities did: what hospitals get without federating.</param>
public sealed record Baselines(
    ImmutableArray<double> PooledParameters, BinaryMetrics Pooled, ImmutableArray<AloneModel> Alone, BinaryMetrics Ensemble)
{
    /// <exception cref="Core.FaultException">FA-4005 or FA-4004: an objective has no single finite minimum (l2 = 0).</exception>
    public static Baselines Of(FederatedData data, JobPlan plan)
    {
        var model = (ISecondOrderModel)ModelCatalog.Create(plan.Model);
        var hospitals = data.Hospitals;
        // The pooled fit is the longest by far: it goes first, as the table behind the last hospital.
        var tables = hospitals.Select(hospital => hospital.Train).Append(PatientTable.Concat([.. hospitals.Select(h => h.Train)])).ToArray();
        var parameters = new double[tables.Length][];
        var scores = new double[tables.Length][];
        try
        {
            Parallel.For(0, tables.Length, i =>
            {
                var at = tables.Length - 1 - i;
                parameters[at] = Fit(model, tables[at], plan.Training.L2);
                scores[at] = new double[data.Test.Rows];
                model.Predict(parameters[at], data.Test, scores[at]);
            });
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<Core.FaultException>().FirstOrDefault() is { } fault)
        {
            throw new Core.FaultException(fault.ExitCode, fault.Faults);
        }
        var mean = new double[data.Test.Rows];
        for (var h = 0; h < hospitals.Length; h++)
            TensorPrimitives.Add(mean, scores[h], mean);
        TensorPrimitives.Divide(mean, hospitals.Length, mean);
        return new Baselines(
            [.. parameters[^1]],
            BinaryEvaluation.Of(scores[^1], data.Test.Labels),
            [.. hospitals.Select((hospital, h) => new AloneModel(
                hospital.Hospital, hospital.Train.Rows, [.. parameters[h]], BinaryEvaluation.Of(scores[h], data.Test.Labels)))],
            BinaryEvaluation.Of(mean, data.Test.Labels));
    }

    // Patients of one label only have no finite fit, since the bias is free. Such a hospital can say how common the label is
    // and no more: (k + 1/2)/(n + 1), the estimate of Krichevsky and Trofimov (1981).
    private static double[] Fit(ISecondOrderModel model, PatientTable patients, double l2)
    {
        if (patients.Positives > 0 && patients.Positives < patients.Rows)
            return NewtonFit.Run(model, patients, l2);
        var constant = new double[model.ParameterCount];
        constant[model.Views.Single(view => view.Name == "bias").Offset] =
            Math.Log((patients.Positives + 0.5) / (patients.Rows - patients.Positives + 0.5));
        return constant;
    }
}

/// <summary>One hospital's model of its own.</summary>
/// <param name="TrainedOn">The hospital's training patients.</param>
public sealed record AloneModel(HospitalId Hospital, int TrainedOn, ImmutableArray<double> Parameters, BinaryMetrics Metrics);
