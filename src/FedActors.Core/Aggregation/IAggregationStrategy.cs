using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Core.Aggregation;

/// <summary>What a round leaves of all updates: never one hospital's.</summary>
/// <param name="Mean">Mean of the updates, weighted by patients.</param>
/// <param name="Weight">Patients behind it.</param>
/// <param name="Hospitals">Hospitals behind it.</param>
public sealed record AggregatedUpdate(ReadOnlyMemory<double> Mean, long Weight, int Hospitals);

/// <summary>From the model of a round and the sum of its updates to the next model. It sees sums only.</summary>
/// <remarks>It holds nothing that changes: what it remembers of earlier rounds is a vector that travels with the
/// model.</remarks>
public interface IAggregationStrategy
{
    /// <summary>What the strategy remembers before the first round: momentum, second moments, a control. Empty for
    /// most.</summary>
    /// <param name="parameters">d: coordinates of the model.</param>
    double[] FirstState(int parameters) => [];

    /// <summary>The next model.</summary>
    /// <param name="parameters">The model the updates were made from.</param>
    /// <param name="state">As long as <see cref="FirstState"/>; overwritten with what to remember for the next
    /// round.</param>
    /// <returns>A new vector as long as <paramref name="parameters"/>, all finite.</returns>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="FaultException">FA-4004: the sum or the next model is not finite. FA-4005: a system to solve is
    /// singular.</exception>
    double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum);
}

/// <summary>From what a job declares to the strategy that carries it out.</summary>
public static class AggregationStrategies
{
    /// <summary>The strategy of a job: where noise is shared, behind the step from the noisy sum to an
    /// update.</summary>
    public static IAggregationStrategy Create(JobPlan plan, IModel model)
    {
        var strategy = Create(plan.Training, model, plan.Patients);
        return plan.Privacy.IsDistributed ? new NoisyGradientStep(plan, model, strategy) : strategy;
    }

    /// <summary>The strategy of <paramref name="plan"/>.</summary>
    /// <param name="patients">Training patients over all hospitals, <see cref="JobPlan.Patients"/>; SCAFFOLD weighs its
    /// control by them.</param>
    public static IAggregationStrategy Create(TrainingPlan plan, IModel model, long patients = 0)
    {
        var strategy = Create(plan.Algorithm, plan, model, patients);
        return plan.LocalLayers.IsEmpty ? strategy : new SharedLayers(plan, model, strategy);
    }

    /// <summary>The next model of a strategy that remembers nothing.</summary>
    public static double[] Next(
        this IAggregationStrategy strategy, ReadOnlySpan<double> parameters, AggregatedUpdate sum) =>
        strategy.Next(parameters, [], sum);

    private static IAggregationStrategy Create(Algorithm algorithm, TrainingPlan plan, IModel model, long patients)
    {
        var server = plan.Server;
        return algorithm switch
        {
            // A robust rule has made one update of all; what is left to do is to add it.
            Algorithm.FedAvg or Algorithm.FedProx or >= Algorithm.Median and <= Algorithm.NormBound => new FedAvg(),
            Algorithm.FedAvgM => new FedAvgM(server.Rate, server.Momentum),
            Algorithm.FedAdam =>
                new FederatedAdaptive(SecondMoment.Adam, server.Rate, server.Beta1, server.Beta2, server.Tau),
            Algorithm.FedYogi =>
                new FederatedAdaptive(SecondMoment.Yogi, server.Rate, server.Beta1, server.Beta2, server.Tau),
            Algorithm.FedAdagrad => new FederatedAdaptive(SecondMoment.Adagrad, server.Rate, 0, 0, server.Tau),
            Algorithm.Scaffold => new Scaffold(server.Rate, plan.LocalSteps, plan.LearningRate, patients),
            Algorithm.Newton => new FederatedNewton(model.Views, plan.L2),
            _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "No such algorithm."),
        };
    }
}
