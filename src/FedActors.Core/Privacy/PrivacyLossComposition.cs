using System.Numerics;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>
/// The privacy loss of a whole composition in one direction. It is tilted by exp(lambda loss) before the transform, so
/// that the mass lies where epsilon is read and a small delta keeps its relative precision; reading undoes the tilt.
/// </summary>
internal sealed class PrivacyLossComposition
{
    /// <summary>ln of the tilted mass that may lie outside the grid on either side.</summary>
    private const double LogOutside = -30;

    /// <summary>How much rarer than delta a loss beyond the grid is, and a loss that counts as infinite: e^-20 =
    /// 2e-9.</summary>
    private const double Rarer = 20;

    /// <summary>ln of the tilted mass that all steps together may round up to their lowest grid point.</summary>
    private const double LogNegligible = -22;

    /// <summary>What integration may lose of one step's masses, relative; charged for every step.</summary>
    private const double QuadratureError = 1e-13;

    private readonly (PrivacyLossStep Step, long Count)[] _parts;
    private readonly double _steps;
    private readonly double _tilt;
    private readonly double _above;
    private readonly double _bottom;
    private readonly double _top;

    private PrivacyLossComposition((PrivacyLossStep Step, long Count)[] parts, double tilt, double logDelta)
    {
        (_parts, _tilt) = (parts, tilt);
        _steps = parts.Sum(part => (double)part.Count);
        var logMgf = LogMgf(parts, tilt);
        var width = tilt / 16;
        var variance = (LogMgf(parts, tilt + width) - 2 * logMgf + LogMgf(parts, tilt - width)) / (width * width);
        var scale = 1 / Math.Sqrt(Math.Max(variance, 1e-24));

        var most = MostTilt(parts);
        // Chernoff: ln P[L > top] <= K(s) - s top; tilted, it is at most K(lambda + s) - K(lambda) - s top.
        var step = Math.Min(scale, tilt) / 8;
        var (raise, tiltedTop) =
            LogMinimum.Of(s => (LogMgf(parts, tilt + s) - logMgf - LogOutside) / s, step, most - tilt);
        var (rare, rareTop) = LogMinimum.Of(s => (LogMgf(parts, s) - logDelta + Rarer) / s, tilt / 4, most);
        _bottom = -LogMinimum.Of(s => (LogMgf(parts, tilt - s) - logMgf - LogOutside) / s, step, 64 * scale).Value;
        (_top, _above) = tiltedTop > rareTop ? (tiltedTop, tilt + raise) : (rareTop, rare);
    }

    /// <summary>Tilted for reading epsilon at <paramref name="delta"/>.</summary>
    public static PrivacyLossComposition AtDelta(
        IReadOnlyDictionary<(double Rate, double Noise), long> steps, bool added, double delta)
    {
        var logDelta = Math.Log(delta);
        var parts = Parts(steps, added, logDelta);
        // The Renyi bound at order s + 1 (see RdpAccountant), over all orders.
        var (tilt, epsilon) =
            LogMinimum.Of(s => (LogMgf(parts, s) - logDelta - Gain(s)) / s, 1e-3, MostTilt(parts) / 2);
        return Narrowest(parts, tilt, Math.Max(0, epsilon), logDelta);
    }

    /// <summary>Tilted for reading delta at <paramref name="epsilon"/>.</summary>
    public static PrivacyLossComposition AtEpsilon(
        IReadOnlyDictionary<(double Rate, double Noise), long> steps, bool added, double epsilon)
    {
        // How far the Gaussians must reach depends on delta: first as far as any delta needs, then as this one does.
        var (tilt, logDelta) = (0.0, Math.Log(PrivacyRange.LeastDelta));
        for (var pass = 0; pass < 2; pass++)
        {
            var parts = Parts(steps, added, logDelta);
            (tilt, logDelta) = LogMinimum.Of(s => LogMgf(parts, s) - s * epsilon - Gain(s), 1e-3, MostTilt(parts) / 2);
            logDelta = Math.Clamp(logDelta - Rarer, Math.Log(PrivacyRange.LeastDelta), -0.01);
        }
        return Narrowest(Parts(steps, added, logDelta), tilt, epsilon, logDelta);
    }

    /// <summary>
    /// Where few large losses dominate the largest orders, less tilt leaves them out and the grid becomes much
    /// narrower; it is taken as long as the transform's rounding (2e-14 a step, tilted) stays below a
    /// hundred-thousandth of delta.
    /// </summary>
    private static PrivacyLossComposition Narrowest(
        (PrivacyLossStep Step, long Count)[] parts, double tilt, double epsilon, double logDelta)
    {
        var allowed = Math.Log(1e-5 / 2e-14 / parts.Sum(part => (double)part.Count)) + logDelta;
        return new[] { 1, 0.5, 0.25 }
            .Where(share => share == 1 || LogMgf(parts, share * tilt) - share * tilt * epsilon < allowed)
            .Select(share => new PrivacyLossComposition(parts, share * tilt, logDelta))
            .MinBy(composition => composition._top - composition._bottom)!;
    }

    /// <summary>
    /// Grid points, a power of two, whose spacing tells ordinary losses of one step apart. A wider one makes of a small
    /// loss now and then one of a whole spacing: where rare losses decide, that is a bound far above the true one, and
    /// the same on any such grid.
    /// </summary>
    public int EnoughPoints(int least, int most)
    {
        var length = least;
        while (length < most && _top - _bottom > (length - 4) * _parts.Min(part => part.Step.Scale))
            length *= 2;
        return length;
    }

    /// <summary>The composed loss, its tilt undone.</summary>
    /// <param name="length">Grid points, a power of two.</param>
    public PrivacyLossGrid OnGrid(int length)
    {
        var spacing = (_top - _bottom) / (length - 4);
        var aboveHere = Math.Min(_above, 30 / spacing);
        var first = (long)Math.Floor(_bottom / spacing);
        var transform = new FastFourierTransform(length);
        // Real masses: the upper half of a spectrum mirrors the lower.
        var half = length / 2 + 1;
        var product = new Complex[length];
        var errors = new double[half];
        Array.Fill(product, Complex.One);
        var (logTilted, logAbove, infinite) = (_steps * QuadratureError, 0.0, 0.0);
        var spectrum = new Complex[length];
        foreach (var (step, count) in _parts)
        {
            Array.Clear(spectrum);
            var (tilted, above) =
                step.Discretise(spectrum, spacing, _tilt, aboveHere, LogNegligible - Math.Log(_steps));
            logTilted += count * (step.LogMgf(_tilt) + Math.Log(tilted));
            logAbove += count * (step.LogMgf(aboveHere) + Math.Log(above));
            infinite += count * step.Infinite;
            transform.Forward(spectrum);
            var error = transform.Error + FastFourierTransform.ErrorPerStage;
            for (var k = 0; k < half; k++)
            {
                var value = spectrum[k] / tilted;
                var power = Power(value, count);
                var (size, before) = (Size(power), Size(product[k]));
                var slope = count == 1 ? 1 : size / Math.Max(Size(value), error);
                errors[k] = errors[k] * size + before * count * error * slope;
                product[k] *= power;
            }
        }
        var each = 0.0;
        for (var k = 0; k < half; k++)
        {
            each += (errors[k] + transform.Error * Size(product[k])) * 2 / length;
            product[(length - k) % length] = Complex.Conjugate(product[k]);
        }
        transform.Inverse(product);

        // What lies above the grid came back at its bottom: P[L > grid] counts as infinite instead.
        infinite += Math.Exp(logAbove - aboveHere * (first + length) * spacing);
        var masses = new double[length];
        var index = (int)((first % length + length) % length);
        for (var i = 0; i < length; i++, index = index + 1 == length ? 0 : index + 1)
            masses[i] = (Math.Max(0, product[index].Real) + each) * Math.Exp(logTilted - _tilt * (first + i) * spacing);
        return new PrivacyLossGrid(masses, first * spacing, spacing, infinite);
    }

    /// <summary>By repeated squaring.</summary>
    private static Complex Power(Complex value, long exponent)
    {
        var power = Complex.One;
        for (; exponent > 0; exponent >>= 1, value *= value)
            if ((exponent & 1) == 1)
                power *= value;
        return power;
    }

    private static double Size(Complex value) => Math.Sqrt(value.Real * value.Real + value.Imaginary * value.Imaginary);

    /// <summary>What the conversion of a Renyi bound of order s + 1 gains over Chernoff's.</summary>
    private static double Gain(double s) => (s + 1) * StableMath.Log1p(s) - s * Math.Log(s);

    private static double MostTilt((PrivacyLossStep Step, long Count)[] parts) => parts.Min(part => part.Step.MostTilt);

    private static double LogMgf((PrivacyLossStep Step, long Count)[] parts, double s)
    {
        var sum = 0.0;
        foreach (var (step, count) in parts)
            sum += count * step.LogMgf(s);
        return sum;
    }

    private static (PrivacyLossStep Step, long Count)[] Parts(
        IReadOnlyDictionary<(double Rate, double Noise), long> steps, bool added, double logDelta)
    {
        var reach = Math.Sqrt(2 * (Math.Log(steps.Values.Sum(count => (double)count)) - logDelta + Rarer));
        return [.. steps.Select(pair => (new PrivacyLossStep(pair.Key, added, reach), pair.Value))];
    }
}
