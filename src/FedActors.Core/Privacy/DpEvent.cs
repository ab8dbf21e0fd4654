namespace FedActors.Core.Privacy;

/// <summary>
/// What a differentially private release did, as data: a ledger keeps events, an accountant derives epsilon from them,
/// and a better accountant may judge them again. Records may be added, never changed. Neighbouring data sets differ by
/// one unit (all records of one patient) that is added or removed.
/// </summary>
public abstract record DpEvent
{
    private DpEvent() { }

    /// <summary>How often it was released with these parameters, at least 1.</summary>
    public abstract long Steps { get; init; }

    /// <summary>What of it is outside the accountants' range, told all together; empty where all is well.</summary>
    public abstract IEnumerable<Fault> Faults();

    /// <summary>
    /// A sum of clipped contributions of units drawn independently (Poisson sampling), with Gaussian noise: DP-SGD's
    /// step. At rate 1 it is the Gaussian mechanism. The noise may be the discrete Gaussian on integers; then only
    /// integer orders of <see cref="RdpAccountant"/> are proven (see RdpAccountant.md).
    /// </summary>
    /// <param name="SamplingRate">Probability that a unit takes part in a step, in (0, 1].</param>
    /// <param name="NoiseMultiplier">Standard deviation of the noise over the clipping norm, above 0.</param>
    /// <param name="Steps">How often, at least 1.</param>
    public sealed record SampledGaussian(double SamplingRate, double NoiseMultiplier, long Steps) : DpEvent
    {
        /// <inheritdoc/>
        public override IEnumerable<Fault> Faults() =>
        [
            .. PrivacyRange.SamplingRate(SamplingRate),
            .. PrivacyRange.NoiseMultiplier(NoiseMultiplier),
            .. PrivacyRange.Steps(Steps),
        ];
    }

    /// <summary>
    /// A secure sum of integer vectors to which each of several parties added its share of discrete Gaussian noise.
    /// All lengths are in grid units, after rounding to the grid (<see cref="GridSensitivity"/>).
    /// </summary>
    /// <param name="SamplingRate">In (0, 1].</param>
    /// <param name="L2">Euclidean norm that one unit can move the sum by, above 0.</param>
    /// <param name="L1">Sum of absolute coordinates that one unit can move the sum by, at least
    /// <paramref name="L2"/>.</param>
    /// <param name="Sigma">sqrt(Shares) times the parameter sigma of one share, above 0.</param>
    /// <param name="Shares">Honest parties whose noise is in the sum, at least 1.</param>
    /// <param name="Dimension">Coordinates, at least 1.</param>
    /// <param name="Steps">How often, at least 1.</param>
    public sealed record DistributedDiscreteGaussian(
        double SamplingRate, double L2, double L1, double Sigma, int Shares, int Dimension, long Steps) : DpEvent
    {
        /// <summary>
        /// tau: how far, at most, the sum of the shares is from one discrete Gaussian, as the largest absolute log
        /// ratio of their probabilities on one coordinate.
        /// </summary>
        public double Inflation
        {
            get
            {
                var (shareVariance, sum) = (Sigma * Sigma / Shares, 0.0);
                for (var k = 1; k < Shares; k++)
                    sum += Math.Exp(-2 * Math.PI * Math.PI * shareVariance * k / (k + 1.0));
                return 10 * sum;
            }
        }

        /// <inheritdoc/>
        public override IEnumerable<Fault> Faults() =>
        [
            .. PrivacyRange.SamplingRate(SamplingRate),
            .. PrivacyRange.NoiseMultiplier(Sigma / L2),
            .. PrivacyRange.Steps(Steps),
            .. PrivacyRange.Count(Shares, "shares"),
            .. PrivacyRange.Count(Dimension, "dimension"),
            .. PrivacyRange.Norms(L1, L2),
        ];
    }

    /// <summary>A sum of integer vectors with Skellam noise, which may be a sum of the parties' Skellam shares. Grid
    /// units.</summary>
    /// <param name="SamplingRate">In (0, 1].</param>
    /// <param name="L2">Euclidean norm that one unit can move the sum by, above 0.</param>
    /// <param name="L1">Sum of absolute coordinates that one unit can move the sum by, at least
    /// <paramref name="L2"/>.</param>
    /// <param name="Variance">Of the whole noise on one coordinate, above 0.</param>
    /// <param name="Steps">How often, at least 1.</param>
    public sealed record Skellam(double SamplingRate, double L2, double L1, double Variance, long Steps) : DpEvent
    {
        /// <inheritdoc/>
        public override IEnumerable<Fault> Faults() =>
        [
            .. PrivacyRange.SamplingRate(SamplingRate),
            .. PrivacyRange.NoiseMultiplier(Math.Sqrt(Variance) / L2),
            .. PrivacyRange.Steps(Steps),
            .. PrivacyRange.Norms(L1, L2),
        ];
    }
}
