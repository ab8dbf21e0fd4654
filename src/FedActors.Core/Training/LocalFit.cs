//  A fit with all patients at hand
//      A model with a Hessian: Newton, to the minimum. One without: as many full-batch steps as a hospital takes in the
//      whole
//      federated job, rounds × local-steps, at the job's rate, from the job's first weights: what these patients alone
//      would have
//      come to in the same time. No randomness: the same patients and plan give the same bits.

using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Core.Training;

/// <summary>What pooled data, or one hospital alone, makes of a job's model.</summary>
public static class LocalFit
{
    /// <summary>The parameters.</summary>
    /// <exception cref="FaultException">FA-4005 or FA-4004: the objective has no single finite minimum, or the steps
    /// diverge.</exception>
    public static double[] Run(IModel model, PatientTable patients, JobPlan plan)
    {
        if (OneClass(model, patients) is { } constant)
            return constant;
        if (model is ISecondOrderModel secondOrder)
            return NewtonFit.Run(secondOrder, patients, plan.Training.L2);
        var parameters = new double[model.ParameterCount];
        model.Initialize(parameters, plan.Seed);
        var update = new double[model.ParameterCount];
        var whole = plan.Training with
        {
            Algorithm = Algorithm.FedAvg,
            LocalSteps = checked(plan.Training.Rounds * plan.Training.LocalSteps),
            BatchSize = null,
        };
        var outcome =
            LocalTraining.Run(whole, patients.Rows, model, parameters, patients, batchSeed: 0, update,
                new TrainingScratch());
        if (outcome is LocalOutcome.Diverged)
            throw new FaultException(ExitCode.Failed, new Fault(
                FaultNumber.NotFinite, "A fit for comparison left the finite numbers.", "job.training.learning-rate",
                "Lower it, or scale the features."));
        System.Numerics.Tensors.TensorPrimitives.Add(parameters, update, parameters);
        return parameters;
    }

    // Patients of one label only have no finite fit where the bias is free. Such a hospital can say how common the
    // labels are and no more: (k + 1/2)/(n + classes/2), the estimate of Krichevsky and Trofimov (1981).
    private static double[]? OneClass(IModel model, PatientTable patients)
    {
        if (patients.Outcomes.Kind is not (OutcomeKind.Binary or OutcomeKind.Class)
            || patients.Labels.IndexOfAnyExcept(patients.Labels[0]) >= 0
            || model is not (LogisticRegression or SoftmaxRegression))
            return null;
        var constant = new double[model.ParameterCount];
        var biases = model.Views.Single(view => !view.Penalised);
        if (biases.Length == 1)
            constant[biases.Offset] = Math.Log((patients.Positives + 0.5) / (patients.Rows - patients.Positives + 0.5));
        else
            for (var k = 0; k < biases.Length; k++)
                constant[biases.Offset + k] = Math.Log(patients.Labels.Count((double)k) + 0.5);
        return constant;
    }
}
