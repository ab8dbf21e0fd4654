using System.Collections.Immutable;

namespace FedActors.Core.Data;

/// <summary>
/// Patients as a model sees them: one row each, features already scaled, labels 0 or 1. Immutable once made; the spans
/// read the table's own memory.
/// </summary>
public sealed class PatientTable
{
    private readonly double[] _values;
    private readonly double[] _labels;

    /// <param name="features">Names of the columns, in order.</param>
    /// <param name="values">Row-major, labels.Length × features.Length, all finite. Owned by the table from now on.</param>
    /// <param name="labels">0 or 1. Owned by the table from now on.</param>
    /// <exception cref="ArgumentException">Lengths differ, a value is not finite, or a label is neither 0 nor 1.</exception>
    public PatientTable(ImmutableArray<string> features, double[] values, double[] labels)
    {
        if (values.Length != (long)labels.Length * features.Length)
            throw new ArgumentException(
                $"{values.Length} values do not fill {labels.Length} rows of {features.Length} features.", nameof(values));
        if (Array.Exists(values, value => !double.IsFinite(value)))
            throw new ArgumentException("A value is not finite.", nameof(values));
        if (Array.Exists(labels, label => label is not (0 or 1)))
            throw new ArgumentException("A label is neither 0 nor 1.", nameof(labels));
        (FeatureNames, _values, _labels) = (features, values, labels);
    }

    public ImmutableArray<string> FeatureNames { get; }

    public int Rows => _labels.Length;

    public int Features => FeatureNames.Length;

    /// <summary>All values, row-major.</summary>
    public ReadOnlySpan<double> Values => _values;

    /// <summary>0 or 1 for each row.</summary>
    public ReadOnlySpan<double> Labels => _labels;

    /// <summary>Rows whose label is 1.</summary>
    public int Positives => _labels.Count(label => label == 1);

    public ReadOnlySpan<double> Row(int index) => _values.AsSpan(index * Features, Features);

    /// <summary>The rows of all <paramref name="tables"/>, one table after the other.</summary>
    /// <exception cref="ArgumentException">No table, or features that differ.</exception>
    public static PatientTable Concat(params IReadOnlyList<PatientTable> tables)
    {
        if (tables.Count == 0 || tables.Any(table => !table.FeatureNames.SequenceEqual(tables[0].FeatureNames)))
            throw new ArgumentException("Tables to join must be there and have the same features.", nameof(tables));
        return new PatientTable(tables[0].FeatureNames, [.. tables.SelectMany(t => t._values)], [.. tables.SelectMany(t => t._labels)]);
    }
}
