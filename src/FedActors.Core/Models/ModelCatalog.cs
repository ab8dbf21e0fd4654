using FedActors.Core.Federation;

namespace FedActors.Core.Models;

/// <summary>From what a job declares to the model that computes it: no code travels.</summary>
public static class ModelCatalog
{
    /// <summary>The model of <paramref name="plan"/>.</summary>
    public static IModel Create(ModelPlan plan) => plan.Kind switch
    {
        ModelKind.LogisticRegression => new LogisticRegression(plan.Features.Length),
        ModelKind.LinearRegression => new LinearRegression(plan.Features.Length),
        ModelKind.Softmax => new SoftmaxRegression(plan.Features.Length, plan.Classes.Length),
        ModelKind.Mlp =>
            new MultilayerPerceptron(plan.Features.Length, plan.Hidden, plan.Activation, plan.Outcome,
                plan.Classes.Length),
        ModelKind.Cox => new CoxRegression(plan.Features.Length),
        _ => throw new ArgumentOutOfRangeException(nameof(plan), plan.Kind, "No such model."),
    };
}
