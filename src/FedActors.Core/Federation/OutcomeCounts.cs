using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>
/// What a hospital counts of a model of one kind of outcome, and the figures that follow from the sums. The first count
/// is 1, for the hospital itself.
/// </summary>
internal abstract class OutcomeCounts
{
    protected const int HospitalsAt = 0;

    // -log of the smallest probability, rounded up: no patient costs more.
    protected const double LargestLoss = 35;

    /// <summary>Whole numbers that a hospital sends.</summary>
    public abstract int Length { get; }

    /// <summary>The most that one patient adds to a sum of reals.</summary>
    public abstract double LargestTerm { get; }

    /// <summary>Counts a hospital's patients.</summary>
    /// <param name="batch">The first rows of a table, at least one.</param>
    /// <param name="counts">Length <see cref="Length"/>, all 0; overwritten.</param>
    public abstract void Count(
        IModel model, ReadOnlySpan<double> parameters, PatientBatch batch, int fractionBits, Span<long> counts);

    /// <summary>The figures; null where the counts contradict one another, or nobody counted.</summary>
    /// <param name="counts">Length <see cref="Length"/>: sums over hospitals.</param>
    public FederatedFigures? Of(ReadOnlySpan<long> counts, int fractionBits) =>
        counts.ContainsAnyInRange(long.MinValue, -1L) || counts[HospitalsAt] < 1
        ? null
        : Follow(counts, Math.ScaleB(1, -fractionBits));

    /// <summary>The same from counts of which none is below 0, sums of reals standing in units of
    /// <paramref name="step"/>.</summary>
    protected abstract FederatedFigures? Follow(ReadOnlySpan<long> counts, double step);

    protected static long Steps(double sum, int fractionBits) =>
        (long)Math.Round(Math.ScaleB(sum, fractionBits), MidpointRounding.ToEven);

    protected static double[] AnswersOf(IModel model, ReadOnlySpan<double> parameters, PatientBatch batch)
    {
        var answers = new double[batch.Patients.Rows * model.Outputs];
        model.Predict(parameters, batch.Patients, answers);
        return answers;
    }
}
