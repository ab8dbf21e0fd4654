namespace FedActors.Core.Federation;

/// <summary>
/// Which of a job's models is its result, and whether a better one is still to be expected. Follows from the committed
/// rounds alone, so that a job that was killed ends as if it had not been. Round r holds what the hospitals counted of
/// the model of round r - 1; round 0 is the initial model.
/// </summary>
public static class ModelSelection
{
    /// <summary>The round whose model is the best that was evaluated, the earliest of equals; null where none
    /// was.</summary>
    /// <param name="rounds">Committed rounds, in order.</param>
    public static int? Best(IReadOnlyList<RoundRecord> rounds, Metric metric)
    {
        (int Round, double Value)? best = null;
        foreach (var (round, value) in Evaluated(rounds, metric))
        {
            if (best is null || IsBetter(metric, value, best.Value.Value))
                best = (round, value);
        }
        return best?.Round;
    }

    /// <summary>Whether so many evaluations in a row brought no better model that the job stops.</summary>
    public static bool IsExhausted(IReadOnlyList<RoundRecord> rounds, EvaluationPlan plan) =>
        plan.Patience > 0 && Best(rounds, plan.Metric) is { } best
        && Evaluated(rounds, plan.Metric).Count(evaluated => evaluated.Round > best) >= plan.Patience;

    /// <summary>The round whose model is the job's result, after <paramref name="rounds"/>.</summary>
    public static int Kept(IReadOnlyList<RoundRecord> rounds, EvaluationPlan plan) =>
        plan.Keep == KeptModel.Best && Best(rounds, plan.Metric) is { } best ? best : rounds.Count;

    // A figure that does not exist, as where one class is absent, decides nothing.
    private static IEnumerable<(int Round, double Value)> Evaluated(IReadOnlyList<RoundRecord> rounds, Metric metric) =>
        from record in rounds
        let value = record.ByHospitals?.Of(metric) ?? double.NaN
        where !double.IsNaN(value)
        select (record.Id.Round - 1, value);

    private static bool IsBetter(Metric metric, double value, double other) =>
        metric is Metric.LogLoss or Metric.Rmse or Metric.PartialLogLoss ? value < other : value > other;
}
