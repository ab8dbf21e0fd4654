//  Privacy-loss accountant
//      Composes discretised privacy-loss distributions by FFT, in both directions, and reads epsilon at delta.
//  Source:   privacy loss: Sommer, Meiser, Mohammadi, PETS 2019. Pessimistic discretisation ("connect the dots"):
//            Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, PETS 2022. Composition by FFT: Koskela, Jälkö, Honkela,
//            AISTATS 2020. Exponential tilting, so that a small delta keeps its relative precision: Alghamdi et al.,
//            "The saddle-point method in differential privacy", ICML 2023.
//  Size:     2^13 to 2^20 grid points, the fewest that meet the error.
//  Error:    never below the true epsilon: discretisation, truncation, wrap-around and the rounding of the FFT are each
//            bounded and added to delta. Above it by about 2e-5 + 1e-4 epsilon (the aim by which the grid is chosen)
//            while 2^20 points reach that.

using System.Collections.Immutable;

namespace FedActors.Core.Privacy;

/// <summary>
/// The tightest figure this project knows for Poisson-sampled Gaussian releases, shown beside what is enforced.
/// Immutable. The events' parameters were all fixed before the first release, and the noise is taken to be continuous.
/// </summary>
public sealed class PldAccountant : IPrivacyAccountant
{
    private const int LeastLength = 1 << 12;
    private const int MostLength = 1 << 20;
    private const double AbsoluteAim = 2e-5;
    private const double RelativeAim = 1e-4;

    private readonly ImmutableSortedDictionary<(double Rate, double Noise), long> _steps;

    private PldAccountant(ImmutableSortedDictionary<(double Rate, double Noise), long> steps) => _steps = steps;

    /// <summary>Nothing spent yet.</summary>
    public static PldAccountant Empty { get; } =
        new(ImmutableSortedDictionary<(double Rate, double Noise), long>.Empty);

    /// <summary>This and <paramref name="event"/>; steps of one rate and one noise are kept as one count.</summary>
    /// <exception cref="FaultException">The event is out of range, or is not a
    /// <see cref="DpEvent.SampledGaussian"/>.</exception>
    public PldAccountant Compose(DpEvent @event)
    {
        PrivacyRange.Require(@event.Faults());
        if (@event is not DpEvent.SampledGaussian gaussian)
            throw new FaultException(new Fault(FaultNumber.EventNotAccounted,
                $"No privacy-loss distribution is known for {@event.GetType().Name}.", "",
                "Use the accountant rdp-integer."));
        var key = (gaussian.SamplingRate, gaussian.NoiseMultiplier);
        var steps = _steps.GetValueOrDefault(key) + gaussian.Steps;
        PrivacyRange.Require(PrivacyRange.Steps(steps));
        return new PldAccountant(_steps.SetItem(key, steps));
    }

    IPrivacyAccountant IPrivacyAccountant.Compose(DpEvent @event) => Compose(@event);

    /// <inheritdoc/>
    public PrivacySpent Spent(double delta)
    {
        PrivacyRange.Require(PrivacyRange.Delta(delta));
        if (_steps.IsEmpty)
            return new PrivacySpent(0, null);
        if (Mu is { } mu)
            return new PrivacySpent(AnalyticGaussian.Epsilon(mu, delta), null);
        if (Single is { } once)
            return new PrivacySpent(once.Epsilon(delta), null);

        var epsilon = 0.0;
        foreach (var added in Both)
        {
            var composition = PrivacyLossComposition.AtDelta(_steps, added, delta);
            epsilon = Math.Max(epsilon, Refined(composition,
                grid => grid.Epsilon(delta), value => AbsoluteAim + RelativeAim * value, epsilon));
        }
        return new PrivacySpent(Math.Min(epsilon, Renyi.Spent(delta).Epsilon), null);
    }

    /// <inheritdoc/>
    public double Delta(double epsilon)
    {
        if (!(epsilon >= 0))
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "An epsilon is at least 0.");
        if (_steps.IsEmpty)
            return 0;
        if (Mu is { } mu)
            return AnalyticGaussian.Delta(epsilon, mu);
        if (Single is { } once)
            return once.Delta(epsilon);
        var delta = 0.0;
        foreach (var added in Both)
        {
            var composition = PrivacyLossComposition.AtEpsilon(_steps, added, epsilon);
            delta = Math.Max(delta,
                Refined(composition, grid => grid.Delta(epsilon), value => RelativeAim * value, delta));
        }
        return Math.Min(delta, Renyi.Delta(epsilon));
    }

    /// <summary>Another bound on the same: where no grid is fine enough, it may be the lower one.</summary>
    private RdpAccountant Renyi => _steps.Aggregate(RdpAccountant.Standard, (composed, step) =>
        composed.Compose(new DpEvent.SampledGaussian(step.Key.Rate, step.Key.Noise, step.Value)));

    /// <summary>
    /// The bound on a grid fine enough for the aim, or on any whose bound is at most <paramref name="enough"/>. Every
    /// grid gives a bound; once the spacing tells single losses apart, its excess falls about as the square of the
    /// spacing, so that the last change tells what is left.
    /// </summary>
    private static double Refined(
        PrivacyLossComposition composition, Func<PrivacyLossGrid, double> bound, Func<double, double> aim,
        double enough)
    {
        var (length, best) = (LeastLength, bound(composition.OnGrid(LeastLength)));
        if (best > enough && composition.EnoughPoints(LeastLength, MostLength / 2) is > LeastLength and var points)
            (length, best) = (points, Math.Min(best, bound(composition.OnGrid(points))));
        for (var finer = 2; best > enough && finer * length <= MostLength;)
        {
            length *= finer;
            var refined = bound(composition.OnGrid(length));
            var excess = Math.Max(0, best - refined) / (finer * finer - 1);
            best = Math.Min(best, refined);
            if (excess <= aim(best))
                break;
            finer = excess > 4 * aim(best) ? 4 : 2;
        }
        return best;
    }

    private static bool[] Both => [false, true];

    private SampledGaussianCurve? Single =>
        _steps.Count == 1 && _steps.Values.Single() == 1
        ? new SampledGaussianCurve(_steps.Keys.Single().Rate, _steps.Keys.Single().Noise)
        : null;

    /// <summary>Where nothing is sampled, all releases are one Gaussian, whose curve is known exactly.</summary>
    private double? Mu => _steps.Keys.All(key => key.Rate == 1)
        ? Math.Sqrt(_steps.Sum(pair => pair.Value / (pair.Key.Noise * pair.Key.Noise))) * (1 + 1e-15)
        : null;
}
