using Akka.Actor;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Protocol;

namespace FedActors.Simulation;

/// <summary>Judges a model on held-out patients, which only a simulation may see. Parent: the run. Children:
/// none.</summary>
public sealed class ModelEvaluator : ReceiveActor
{
    public ModelEvaluator(PatientTable patients, ModelPlan plan)
    {
        var model = ModelCatalog.Create(plan);
        Receive<JobProtocol.EvaluateModel>(message => Sender.Tell(
            new JobProtocol.ModelEvaluated(message.Id,
                ModelEvaluation.Of(model, message.Parameters.AsSpan(), patients))));
    }

    public static Props Props(PatientTable patients, ModelPlan plan) =>
        Akka.Actor.Props.Create<ModelEvaluator>(patients, plan).WithDispatcher("fedactors.training-dispatcher");
}
