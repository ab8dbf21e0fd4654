using System.Globalization;
using FedActors.Core.Numerics;

namespace FedActors.Simulation.Results;

/// <summary>Figures as people read them, the same in the console and on the page. A figure that does not exist is a
/// dash.</summary>
public static class FigureText
{
    public const string None = "–";

    /// <summary>Four decimals.</summary>
    public static string Number(double? value) => Number(value ?? double.NaN);

    /// <inheritdoc cref="Number(double?)"/>
    public static string Number(double value) =>
        double.IsFinite(value) ? value.ToString("0.0000", CultureInfo.InvariantCulture) : None;

    /// <param name="share">In [0, 1].</param>
    public static string Percent(double? share) => Percent(share ?? double.NaN);

    /// <inheritdoc cref="Percent(double?)"/>
    public static string Percent(double share) =>
        double.IsFinite(share) ? (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %" : None;

    /// <summary>A count; with a decimal where it is a mean.</summary>
    public static string Count(double? count) => Count(count ?? double.NaN);

    /// <inheritdoc cref="Count(double?)"/>
    public static string Count(double count) =>
        double.IsFinite(count) ? count.ToString("#,0.#", CultureInfo.InvariantCulture) : None;

    /// <summary>A privacy bound, rounded up to four significant digits: the printed bound holds too.</summary>
    public static string Bound(double bound)
    {
        if (!double.IsFinite(bound))
            return "unbounded";
        return bound <= 0 ? "0" : NumberText.Above(bound, 4);
    }

    /// <summary>In units of 1,000.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        var unit = 0;
        for (; bytes >= 999.5 && unit < units.Length - 1; unit++)
            bytes /= 1000;
        return bytes.ToString(unit == 0 || bytes >= 99.5 ? "0" : "0.0", CultureInfo.InvariantCulture) + " "
            + units[unit];
    }

    /// <summary>To a tenth of a second below ten seconds, else to the second.</summary>
    public static string Duration(TimeSpan time)
    {
        if (time.TotalSeconds < 9.95)
            return time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s";
        var whole = TimeSpan.FromSeconds(Math.Round(time.TotalSeconds));
        return whole switch
        {
            { TotalMinutes: < 1 } => $"{whole.Seconds} s",
            { TotalHours: < 1 } => $"{whole.Minutes} min {whole.Seconds:00} s",
            _ => $"{(int)whole.TotalHours} h {whole.Minutes:00} min",
        };
    }
}
