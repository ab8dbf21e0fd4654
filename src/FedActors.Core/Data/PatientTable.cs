using System.Collections.Immutable;
using FedActors.Core.Numerics;

namespace FedActors.Core.Data;

/// <summary>
/// Patients as a model sees them: features already scaled, and what became of each. A row is one record; rows of one
/// patient stand next to one another and form a unit. Immutable once made; the spans read the table's own memory.
/// </summary>
public sealed class PatientTable
{
    private readonly double[] _values;
    private readonly int[]? _unitOfRow;
    private readonly int[]? _unitStarts;
    private double[]? _squaredNorms;
    private float[]? _singleValues;

    /// <param name="features">Names of the columns, in order.</param>
    /// <param name="values">Row-major, labels.Length × features.Length, all finite. Owned by the table from now
    /// on.</param>
    /// <param name="labels">0 or 1. Owned by the table from now on.</param>
    /// <exception cref="ArgumentException">Lengths differ, a value is not finite, or a label is neither 0 nor
    /// 1.</exception>
    public PatientTable(ImmutableArray<string> features, double[] values, double[] labels)
        : this(features, values, Outcomes.Binary(labels))
    {
    }

    /// <param name="features">Names of the columns, in order.</param>
    /// <param name="values">Row-major, as many rows as outcomes, all finite. Owned by the table from now on.</param>
    /// <param name="unitOfRow">Which patient each row belongs to, numbered 0, 1, 2, ... in the order of the rows; null
    /// makes every row a patient. Owned by the table from now on.</param>
    /// <exception cref="ArgumentException">Lengths differ, a value is not finite, or units are not numbered
    /// so.</exception>
    public PatientTable(ImmutableArray<string> features, double[] values, Outcomes outcomes, int[]? unitOfRow = null)
    {
        if (values.Length != (long)outcomes.Rows * features.Length)
            throw new ArgumentException(
                $"{values.Length} values do not fill {outcomes.Rows} rows of {features.Length} features.",
                nameof(values));
        if (Array.Exists(values, value => !double.IsFinite(value)))
            throw new ArgumentException("A value is not finite.", nameof(values));
        (FeatureNames, _values, Outcomes) = (features, values, outcomes);
        if (unitOfRow is not null)
            (_unitOfRow, _unitStarts) = (unitOfRow, StartsOf(unitOfRow, outcomes.Rows));
    }

    public ImmutableArray<string> FeatureNames { get; }

    public Outcomes Outcomes { get; }

    public int Rows => Outcomes.Rows;

    public int Features => FeatureNames.Length;

    /// <summary>All values, row-major.</summary>
    public ReadOnlySpan<double> Values => _values;

    /// <summary><see cref="Outcomes.Labels"/>: 0 or 1 for each row, where the outcome is binary.</summary>
    public ReadOnlySpan<double> Labels => Outcomes.Labels;

    /// <summary>Rows whose label is 1: those with the condition, or with an event.</summary>
    public int Positives => Labels.Count(1.0);

    /// <summary>Patients: units whose presence or absence privacy hides. As many as rows, unless rows are
    /// joined.</summary>
    public int Units => _unitStarts is null ? Rows : _unitStarts.Length - 1;

    public ReadOnlySpan<double> Row(int index) => _values.AsSpan(index * Features, Features);

    /// <summary>Whether a patient may have more than one row.</summary>
    internal bool HasSeveralRows => _unitOfRow is not null;

    /// <summary>The patient that a row belongs to.</summary>
    public int UnitOf(int row) => _unitOfRow is null ? row : _unitOfRow[row];

    /// <summary>The rows of a patient: the first, and how many.</summary>
    public (int First, int Count) RowsOf(int unit) =>
        _unitStarts is null ? (unit, 1) : (_unitStarts[unit], _unitStarts[unit + 1] - _unitStarts[unit]);

    /// <summary>Squared Euclidean length of every row: computed once, since it never changes.</summary>
    public ReadOnlySpan<double> SquaredNorms => _squaredNorms ??= SquaredNormsOf();

    /// <summary><see cref="Values"/> in single precision: made once, for models that compute in it.</summary>
    internal ReadOnlySpan<float> SingleValues => _singleValues ??= Array.ConvertAll(_values, value => (float)value);

    /// <summary>The rows of all <paramref name="tables"/>, one table after the other; patients of different tables stay
    /// different.</summary>
    /// <exception cref="ArgumentException">No table, features that differ, or outcomes of different kinds.</exception>
    public static PatientTable Concat(params IReadOnlyList<PatientTable> tables)
    {
        if (tables.Count == 0 || tables.Any(table => !table.FeatureNames.SequenceEqual(tables[0].FeatureNames)))
            throw new ArgumentException("Tables to join must be there and have the same features.", nameof(tables));
        return new PatientTable(
            tables[0].FeatureNames, [.. tables.SelectMany(table => table._values)],
            Outcomes.Concat([.. tables.Select(table => table.Outcomes)]),
            tables.All(table => table._unitOfRow is null) ? null : UnitsOf(tables));
    }

    private static int[] UnitsOf(IReadOnlyList<PatientTable> tables)
    {
        var units = new List<int>();
        var before = 0;
        foreach (var table in tables)
        {
            for (var row = 0; row < table.Rows; row++)
                units.Add(before + table.UnitOf(row));
            before += table.Units;
        }
        return [.. units];
    }

    private static int[] StartsOf(int[] unitOfRow, int rows)
    {
        var starts = new List<int>();
        for (var row = 0; row < unitOfRow.Length; row++)
        {
            if (unitOfRow[row] == starts.Count)
                starts.Add(row);
            else if (unitOfRow[row] != starts.Count - 1)
                throw new ArgumentException(
                    $"Row {row} does not continue its patient's rows or begin the next patient's.", nameof(unitOfRow));
        }
        return unitOfRow.Length == rows
            ? [.. starts, rows]
            : throw new ArgumentException($"{unitOfRow.Length} rows have a patient where there are {rows}.",
                nameof(unitOfRow));
    }

    private double[] SquaredNormsOf()
    {
        var squares = new double[Rows];
        for (var row = 0; row < squares.Length; row++)
            squares[row] = EightLanes.Dot(Row(row), Row(row));
        return squares;
    }
}
