using System.Collections.Immutable;
using System.Globalization;

namespace FedActors.Core.Data;

public enum ColumnType
{
    /// <summary>A finite number, point for the decimals; value lists are compared as numbers, so 1 and 1.0 are the
    /// same.</summary>
    Number = 1,

    /// <summary>One of a few words, compared letter by letter; the empty text can be one of them.</summary>
    Category = 2,
}

/// <summary>What one column of a file must hold. Every row is held to it; columns no rule names are not read.</summary>
/// <param name="Values">The only values allowed; empty means any.</param>
/// <param name="Minimum">Least number allowed; a category has none.</param>
/// <param name="Maximum">Largest number allowed; a category has none.</param>
/// <param name="Missing">Texts that say a value is missing, unless <paramref name="Values"/> lists them.</param>
/// <param name="DropMissing">Whether a row with a missing value is left out; else it is a fault.</param>
public sealed record ColumnRule(
    string Name,
    ColumnType Type,
    ImmutableArray<string> Values,
    double Minimum,
    double Maximum,
    ImmutableArray<string> Missing,
    bool DropMissing);

/// <summary>What became of a patient, by the values of columns.</summary>
public abstract record LabelRule
{
    private LabelRule() { }

    /// <summary>What a model of it learns.</summary>
    public abstract OutcomeKind Kind { get; }

    /// <summary>1 for some values of a column, 0 for others.</summary>
    /// <param name="DropOthers">Whether rows with any other value are left out before the split is made; else they are
    /// a fault.</param>
    public sealed record Binary(
        string Column, ImmutableArray<string> Positive, ImmutableArray<string> Negative, bool DropOthers) : LabelRule
    {
        public override OutcomeKind Kind => OutcomeKind.Binary;
    }

    /// <summary>The number of the class that a column's value belongs to.</summary>
    /// <param name="DropOthers">As for <see cref="Binary"/>.</param>
    public sealed record Class(string Column, ImmutableArray<ClassRule> Classes, bool DropOthers) : LabelRule
    {
        public override OutcomeKind Kind => OutcomeKind.Class;
    }

    /// <summary>(column - Centre) / Scale.</summary>
    public sealed record Real(string Column, double Centre, double Scale) : LabelRule
    {
        public override OutcomeKind Kind => OutcomeKind.Real;
    }

    /// <summary>A time above 0, and whether it ended in the event.</summary>
    public sealed record Survival(
        string Time, string Event, ImmutableArray<string> Happened, ImmutableArray<string> Censored) : LabelRule
    {
        public override OutcomeKind Kind => OutcomeKind.Survival;
    }
}

/// <summary>A class and the values that make it.</summary>
public sealed record ClassRule(string Name, ImmutableArray<string> Values);

/// <summary>How the text of a file becomes a <see cref="PatientTable"/>.</summary>
/// <param name="Columns">Every column that inputs, label or split name.</param>
/// <param name="Inputs">The model's features, in order.</param>
/// <param name="Patient">The column whose equal values make rows one patient's; null where every row is a
/// patient.</param>
public sealed record DataSchema(
    ImmutableArray<ColumnRule> Columns, ImmutableArray<InputDescription> Inputs, LabelRule Label,
    string? Patient = null)
{
    /// <exception cref="ArgumentException">No rule names the column.</exception>
    public ColumnRule Column(string name) =>
        Columns.FirstOrDefault(rule => rule.Name == name)
        ?? throw new ArgumentException($"The schema declares no column '{name}'.", nameof(name));

    internal static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number);
}
