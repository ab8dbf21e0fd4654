//  What hospitals count of a model of survival
//      Patients are compared within their hospital only, as training compares them.
//  Layout:   hospitals; patients; events; comparable pairs, then twice the concordant ones, ties once, each as a high
//            and a low digit
//            in base weight cap: both are at most as large as a count of patients; minus the log partial likelihood.
//  Source:   Harrell et al., JAMA 1982;247:2543 (ModelEvaluation.cs); the likelihood stratified by hospital:
//            CoxRegression.cs.
//  Size:     O(n²) for the pairs.
//  Error:    C-index: none. Partial log loss: at most hospitals/(2N) steps; of more than 35 nats a patient a hospital
//            counts 35.

using FedActors.Core.Data;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>Counts answers that are the log of a relative hazard.</summary>
/// <param name="weightCap">The most patients of a hospital that count, at least 1.</param>
internal sealed class SurvivalCounts(int weightCap) : OutcomeCounts
{
    private const int PatientsAt = 1, EventsAt = 2, PairsAt = 3, HalvesAt = 5, LossAt = 7;

    public override int Length => LossAt + 1;

    public override double LargestTerm => LargestLoss;

    public override void Count(
        IModel model, ReadOnlySpan<double> parameters, PatientBatch batch, int fractionBits, Span<long> counts) =>
        Count(AnswersOf(model, parameters, batch).AsSpan(0, batch.Count), batch.Patients.Outcomes,
            model.Loss(parameters, batch),
            fractionBits, counts);

    /// <summary>The same from answers.</summary>
    /// <param name="hazards">Logs of relative hazards, at most <c>weightCap</c>.</param>
    /// <param name="outcomes">Of at least as many patients.</param>
    /// <param name="loss">Minus the log partial likelihood, a patient.</param>
    public void Count(ReadOnlySpan<double> hazards, Outcomes outcomes, double loss, int fractionBits, Span<long> counts)
    {
        (counts[HospitalsAt], counts[PatientsAt]) = (1, hazards.Length);
        counts[EventsAt] = outcomes.Labels[..hazards.Length].Count(1.0);
        var (halves, pairs) = ModelEvaluation.Concordance(hazards, outcomes);
        (counts[PairsAt], counts[PairsAt + 1]) = Math.DivRem(pairs, weightCap);
        (counts[HalvesAt], counts[HalvesAt + 1]) = Math.DivRem(halves, weightCap);
        counts[LossAt] = Steps(hazards.Length * (loss <= LargestLoss ? loss : LargestLoss), fractionBits);
    }

    protected override FederatedFigures? Follow(ReadOnlySpan<long> counts, double step)
    {
        var (n, events) = (counts[PatientsAt], counts[EventsAt]);
        var (pairs, halves) = (Joined(counts, PairsAt), Joined(counts, HalvesAt));
        return n < 1 || events > n || halves > 2 * pairs
            ? null
            : new FederatedSurvivalFigures(
                (int)counts[HospitalsAt], n, events, pairs > 0 ? (double)halves / (2 * (double)pairs) : double.NaN,
                step * counts[LossAt] / n);
    }

    private Int128 Joined(ReadOnlySpan<long> counts, int at) => (Int128)counts[at] * weightCap + counts[at + 1];
}
