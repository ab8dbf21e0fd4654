//  Privacy filter by basic composition
//      Adds up (epsilon, delta) of the jobs; each job's own pair comes from an accountant of its plan.
//  Source:   Rogers, Roth, Ullman, Vadhan, "Privacy odometers and filters", NeurIPS 2016, Theorem 3.6 (basic filter).
//  Size:     two decimals.
//  Error:    none in the sums: they are decimal, and each job's epsilon was rounded up by its accountant.

using System.Globalization;

namespace FedActors.Core.Privacy;

/// <summary>The default across jobs: plain to explain, and sound with any accountant inside a job.</summary>
public sealed class BasicCompositionFilter : IPrivacyFilter
{
    private readonly decimal _epsilon;
    private readonly decimal _delta;

    private BasicCompositionFilter(decimal epsilon, decimal delta) => (_epsilon, _delta) = (epsilon, delta);

    /// <summary>Nothing spent yet.</summary>
    public static BasicCompositionFilter Empty { get; } = new(0, 0);

    /// <inheritdoc/>
    public PrivacyBudget Spent => new((double)_epsilon, (double)_delta);

    /// <inheritdoc/>
    public IPrivacyFilter Add(PrivacyTerms job) => Add(job.Cost);

    /// <inheritdoc/>
    public IPrivacyFilter Add(PrivacyBudget loss) =>
        new BasicCompositionFilter(_epsilon + Decimal(loss.Epsilon), _delta + Decimal(loss.Delta));

    /// <inheritdoc/>
    public bool IsWithin(PrivacyBudget limit) => _epsilon <= Decimal(limit.Epsilon) && _delta <= Decimal(limit.Delta);

    /// <summary>
    /// The number as it is written, rounded up where it has more than 28 decimals: ten jobs of 1e-6 are then exactly
    /// 1e-5.
    /// </summary>
    private static decimal Decimal(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var written = decimal.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return (double)written < value ? written + 1e-28m : written;
    }
}
