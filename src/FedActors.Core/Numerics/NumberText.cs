using System.Globalization;

namespace FedActors.Core.Numerics;

/// <summary>Numbers as a person writes them: 0.05, 88, 1e-5; never 1E-05.</summary>
public static class NumberText
{
    /// <summary>The nearest of so many significant digits; all that tell it from its neighbours where none are
    /// given.</summary>
    public static string Of(double value, int? digits = null)
    {
        var text = value.ToString(digits is { } most ? $"G{most}" : "R", CultureInfo.InvariantCulture);
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        if (mark < 0)
            return text;
        var exponent =
            int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{text[..mark]}e{exponent}");
    }

    /// <summary>A bound of so many significant digits that is never below the true one: the printed bound holds
    /// too.</summary>
    /// <param name="bound">Finite, above 0.</param>
    public static string Above(double bound, int digits)
    {
        var unit = Math.Pow(10, Math.Floor(Math.Log10(bound)) - digits + 1);
        var text = Of(bound, digits);
        for (var above = bound + unit; double.Parse(text, CultureInfo.InvariantCulture) < bound; above += unit)
            text = Of(above, digits);
        return text;
    }
}
