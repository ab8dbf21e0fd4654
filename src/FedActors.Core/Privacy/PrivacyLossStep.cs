using System.Numerics;
using FedActors.Core.Numerics;
using MathNet.Numerics.Integration;

namespace FedActors.Core.Privacy;

/// <summary>
/// One step's privacy loss, in one direction, on a grid and tilted by exp(lambda loss). Loss between two grid points is
/// split between them so that both the probability and the neighbour's probability are kept: a dominating distribution,
/// whose curve of delta passes through the true one at the grid points and lies above it between them.
/// </summary>
internal sealed class PrivacyLossStep
{
    private static readonly GaussLegendreRule Narrow = new(0, 1, 3);
    private static readonly GaussLegendreRule Wide = new(0, 1, 8);

    private readonly double _rate;
    private readonly double _noise;
    private readonly bool _added;
    private readonly double _last;
    private readonly double _panel;
    private readonly SampledGaussianLoss _loss;
    private readonly (double LogMass, double Loss)[] _nodes;

    /// <param name="event">Its rate and noise.</param>
    /// <param name="added">The unit was added: the loss of N(0, sigma^2) against the mixture; else the reverse.</param>
    /// <param name="reach">Standard deviations beyond which a larger loss counts as infinite.</param>
    public PrivacyLossStep((double Rate, double Noise) @event, bool added, double reach)
    {
        ((_rate, _noise), _added) = (@event, added);
        _loss = new SampledGaussianLoss(_rate, _noise);
        _last = reach + (added ? 0 : 1 / _noise);
        _panel = Math.Min(0.25, _noise / 4);
        var spacing = _panel / 2;
        _nodes =
        [
            .. Enumerable.Range(0, (int)((_last + 13) / spacing)).Select(i => _last - (i + 0.5) * spacing)
                .Select(t => (Math.Log(Density(t) * spacing), Loss(t)))
        ];
        Infinite = added
            ? StandardNormal.UpperTail(reach)
            : (1 - _rate) * StandardNormal.UpperTail(_last) + _rate * StandardNormal.UpperTail(reach);
    }

    /// <summary>Probability of a loss that was cut off and counts as infinite.</summary>
    public double Infinite { get; }

    /// <summary>
    /// Up to it <see cref="LogMgf"/> can be relied on: the largest loss, itself tilted by less than e^6400, does not
    /// differ from its neighbour's by more than a factor e^4 (the nodes lie 1/8 of a standard deviation apart).
    /// </summary>
    public double MostTilt => Math.Min(6400 / Loss(_last), 4 / (Loss(_last) - Loss(_last - _panel / 2)));

    /// <summary>Half of how far apart the losses lie one standard deviation of the noise above and below.</summary>
    public double Scale => (Loss(1) - Loss(-1)) / 2;

    /// <summary>ln E[exp(s loss); not cut off], about: it only chooses tilt and grid and scales numbers.</summary>
    public double LogMgf(double s)
    {
        var peak = double.NegativeInfinity;
        foreach (var (logMass, loss) in _nodes)
            peak = Math.Max(peak, logMass + s * loss);
        var sum = 0.0;
        foreach (var (logMass, loss) in _nodes)
            if (logMass + s * loss - peak is > -40 and var exponent)
                sum += Math.Exp(exponent);
        return peak + Math.Log(sum);
    }

    /// <summary>Masses times exp(tilt loss - LogMgf(tilt)), grid point i at index i modulo the length of
    /// <paramref name="masses"/>.</summary>
    /// <param name="masses">Cleared by the caller.</param>
    /// <param name="spacing">Grid point i stands for the loss i times this.</param>
    /// <param name="tilt">lambda.</param>
    /// <param name="above">A larger tilt, for a bound on the tail.</param>
    /// <param name="negligible">ln of the tilted mass that may be rounded up to the lowest grid point.</param>
    /// <returns>Sums over the grid, each about 1, of exp(s loss - LogMgf(s)) at the two tilts.</returns>
    public (double Tilted, double Above) Discretise(
        Span<Complex> masses, double spacing, double tilt, double above, double negligible)
    {
        var (logTilted, logAbove) = (LogMgf(tilt), LogMgf(above));
        var (sumTilted, sumAbove) = (0.0, 0.0);
        var fullShare = -StableMath.Expm1(-spacing);
        var t = Lowest(tilt, logTilted, negligible);
        var cell = (long)Math.Floor(Loss(t) / spacing);
        var carried = Below(t);
        for (var index = (int)Modulo(cell, masses.Length); t < _last; cell++)
        {
            var end = Math.Min(_last, Inverse((cell + 1) * spacing));
            var (lower, upper) = (0.0, carried);
            carried = 0;
            while (t < end)
            {
                var width = Math.Min(_panel, end - t);
                var rule = width < 0.04 * _panel ? Narrow : Wide;
                for (var i = 0; i < rule.Order; i++)
                {
                    var at = t + width * rule.GetAbscissa(i);
                    var mass = width * rule.GetWeight(i) * Density(at);
                    var share = -StableMath.Expm1(-Math.Clamp(Loss(at) - cell * spacing, 0, spacing)) / fullShare
                        * mass;
                    upper += share;
                    lower += mass - share;
                }
                t = width < _panel ? end : t + width;
            }
            var next = index + 1 == masses.Length ? 0 : index + 1;
            if (upper > 0)
            {
                var (low, high) =
                    (lower * Math.Exp(tilt * cell * spacing - logTilted),
                        upper * Math.Exp(tilt * (cell + 1) * spacing - logTilted));
                masses[index] += low;
                masses[next] += high;
                sumTilted += low + high;
                sumAbove += lower * Math.Exp(above * cell * spacing - logAbove) + upper
                    * Math.Exp(above * (cell + 1) * spacing - logAbove);
            }
            index = next;
        }
        return (sumTilted, sumAbove);
    }

    /// <summary>Where to begin: what lies below, moved up to here, has a tilted mass below exp(negligible).</summary>
    private double Lowest(double tilt, double logTilted, double negligible)
    {
        var t = -36.0;
        while (t + 0.25 < _last && Math.Log(Below(t + 0.25)) + tilt * Loss(t + 0.25) - logTilted < negligible)
            t += 0.25;
        return t;
    }

    private double Loss(double t) => _added ? -_loss.At(-t).LogRatio : _loss.At(t).LogRatio;

    private double Inverse(double loss) => _added ? -_loss.Inverse(-loss) : _loss.Inverse(loss);

    private double Density(double t) => _added
        ? StandardNormal.Density(t)
        : (1 - _rate) * StandardNormal.Density(t) + _rate * StandardNormal.Density(t - 1 / _noise);

    private double Below(double t) => _added
        ? StandardNormal.UpperTail(-t)
        : (1 - _rate) * StandardNormal.UpperTail(-t) + _rate * StandardNormal.UpperTail(1 / _noise - t);

    private static long Modulo(long value, long modulus) => (value % modulus + modulus) % modulus;
}
