using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Core.Aggregation;

/// <summary>What a round leaves of all updates: never one hospital's.</summary>
/// <param name="Mean">Mean of the updates, weighted by patients.</param>
/// <param name="Weight">Patients behind it.</param>
/// <param name="Hospitals">Hospitals behind it.</param>
public sealed record AggregatedUpdate(ReadOnlyMemory<double> Mean, long Weight, int Hospitals);

/// <summary>From the model of a round and the sum of its updates to the next model. It sees sums only.</summary>
public interface IAggregationStrategy
{
    /// <summary>The next model.</summary>
    /// <param name="parameters">The model the updates were made from.</param>
    /// <returns>A new vector as long as <paramref name="parameters"/>, all finite.</returns>
    /// <exception cref="ArgumentException">The sum's length does not fit.</exception>
    /// <exception cref="FaultException">FA-4004: the sum or the next model is not finite. FA-4005: a system to solve is singular.</exception>
    double[] Next(ReadOnlySpan<double> parameters, AggregatedUpdate sum);
}

/// <summary>From what a job declares to the strategy that carries it out.</summary>
public static class AggregationStrategies
{
    /// <summary>The strategy of <paramref name="plan"/>.</summary>
    public static IAggregationStrategy Create(TrainingPlan plan, IModel model) => plan.Algorithm switch
    {
        Algorithm.FedAvg => new FedAvg(),
        Algorithm.Newton => new FederatedNewton(model.Views, plan.L2),
        _ => throw new ArgumentOutOfRangeException(nameof(plan), plan.Algorithm, "No such algorithm."),
    };
}
