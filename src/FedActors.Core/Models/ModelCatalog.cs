using FedActors.Core.Federation;

namespace FedActors.Core.Models;

/// <summary>From what a job declares to the model that computes it: no code travels.</summary>
public static class ModelCatalog
{
    /// <summary>The model of <paramref name="plan"/>.</summary>
    public static IModel Create(ModelPlan plan) => plan.Kind switch
    {
        ModelKind.LogisticRegression => new LogisticRegression(plan.Features.Length),
        _ => throw new ArgumentOutOfRangeException(nameof(plan), plan.Kind, "No such model."),
    };
}
