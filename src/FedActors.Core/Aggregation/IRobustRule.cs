using FedActors.Core.Federation;
using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>
/// From the single updates of a round to one update, so that a few hospitals that send nonsense, or worse, cannot steer
/// it. Each update has one vote, whatever weight its hospital claims.
/// </summary>
/// <remarks>
/// This is not <see cref="IAggregationStrategy"/>, and cannot be made from it: a strategy is given a sum, and a secure
/// sum is all that secure aggregation ever opens. There is no way from one to <see cref="SingleUpdates"/>.
/// </remarks>
public interface IRobustRule
{
    /// <summary>One update in the place of the mean.</summary>
    /// <param name="updates">At least as many as <see cref="RobustRules.LeastUpdates"/> says; all finite.</param>
    /// <param name="aggregate">Length of the updates; overwritten.</param>
    /// <param name="form">Without effect on the result.</param>
    void Aggregate(SingleUpdates updates, Span<double> aggregate, SimdForm form);
}

/// <summary>From what a job declares to the rule that carries it out.</summary>
public static class RobustRules
{
    /// <summary>The rule of <paramref name="plan"/>.</summary>
    public static IRobustRule Create(RobustPlan plan) => plan.Rule switch
    {
        Algorithm.Median => new TrimmedMean(null),
        Algorithm.TrimmedMean => new TrimmedMean(plan.Faulty),
        Algorithm.Krum => new Krum(plan.Faulty, 1),
        Algorithm.MultiKrum => new Krum(plan.Faulty, plan.Selected),
        Algorithm.GeometricMedian => new GeometricMedian(),
        Algorithm.NormBound => new NormBound(plan.NormBound),
        _ => throw new ArgumentOutOfRangeException(nameof(plan), plan.Rule, "No such rule."),
    };

    /// <summary>Fewer updates than this and the rule's promise against so many faulty ones is empty.</summary>
    public static int LeastUpdates(RobustPlan plan) => plan.Rule switch
    {
        Algorithm.Krum or Algorithm.MultiKrum => Math.Max(2 * plan.Faulty + 3, plan.Selected ?? 1),
        _ => 2 * plan.Faulty + 1,
    };
}
