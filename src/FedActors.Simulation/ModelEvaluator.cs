using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Protocol;

namespace FedActors.Simulation;

/// <summary>Judges a model on held-out patients, which only a simulation may see. Parent: the run. Children: none.</summary>
public sealed class ModelEvaluator : ReceiveActor
{
    public ModelEvaluator(PatientTable patients, ModelPlan plan) => Receive<JobProtocol.EvaluateModel>(message =>
        Sender.Tell(new JobProtocol.ModelEvaluated(message.Id, Judge(plan, message.Parameters, patients))));

    public static Props Props(PatientTable patients, ModelPlan plan) =>
        Akka.Actor.Props.Create<ModelEvaluator>(patients, plan).WithDispatcher("fedactors.training-dispatcher");

    /// <summary>The model's figures on <paramref name="patients"/>.</summary>
    public static BinaryMetrics Judge(ModelPlan plan, ImmutableArray<double> parameters, PatientTable patients)
    {
        var scores = new double[patients.Rows];
        ModelCatalog.Create(plan).Predict(parameters.AsSpan(), patients, scores);
        return BinaryEvaluation.Of(scores, patients.Labels);
    }
}
