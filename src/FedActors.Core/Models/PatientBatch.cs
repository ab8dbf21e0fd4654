using FedActors.Core.Data;

namespace FedActors.Core.Models;

/// <summary>The patients a step looks at: all of a table, or some of its rows.</summary>
public readonly ref struct PatientBatch
{
    private readonly ReadOnlySpan<int> _rows;
    private readonly int _first;
    private readonly bool _isRange;

    private PatientBatch(PatientTable patients, ReadOnlySpan<int> rows, int first, int count, bool isRange)
    {
        (Patients, Count) = (patients, count);
        (_first, _isRange) = (first, isRange);
        _rows = rows;
    }

    /// <summary>Every row of <paramref name="patients"/>, in its order.</summary>
    public static PatientBatch All(PatientTable patients) => new(patients, default, 0, patients.Rows, true);

    /// <summary>The given rows, which may repeat, in the given order; one that the table lacks throws when it is
    /// read.</summary>
    public static PatientBatch Of(PatientTable patients, ReadOnlySpan<int> rows) =>
        new(patients, rows, 0, rows.Length, false);

    /// <summary>All rows of the given patients.</summary>
    /// <param name="units">Ascending, each once.</param>
    /// <param name="rows">Room for the rows, which the batch then reads: as many as the table has are always
    /// enough.</param>
    /// <exception cref="ArgumentException">There is no such patient, or no room for the rows.</exception>
    public static PatientBatch OfUnits(PatientTable patients, ReadOnlySpan<int> units, Span<int> rows)
    {
        if (!patients.HasSeveralRows && units.Length <= rows.Length
            && !units.ContainsAnyExceptInRange(0, patients.Units - 1))
        {
            units.CopyTo(rows);
            return Of(patients, rows[..units.Length]);
        }
        var taken = 0;
        foreach (var unit in units)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(unit, nameof(units));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(unit, patients.Units, nameof(units));
            var (first, count) = patients.RowsOf(unit);
            if (taken + count > rows.Length)
                throw new ArgumentException($"There is room for {rows.Length} rows only.", nameof(rows));
            for (var i = 0; i < count; i++)
                rows[taken++] = first + i;
        }
        return Of(patients, rows[..taken]);
    }

    /// <summary>The table the rows stand in.</summary>
    public PatientTable Patients { get; }

    /// <summary>Whether the batch is the whole table, in its order.</summary>
    public bool IsAll => _isRange && Count == Patients.Rows;

    /// <summary>Patients in the batch.</summary>
    public int Count { get; }

    /// <summary>The row of the table that stands at a place of the batch.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public int RowAt(int index) => _isRange ? _first + index : _rows[index];

    /// <summary>Part of the batch.</summary>
    internal PatientBatch Slice(int start, int count) => _isRange
        ? new PatientBatch(Patients, default, _first + start, count, true)
        : new PatientBatch(Patients, _rows.Slice(start, count), 0, count, false);

    /// <summary>How many rows, from a place of the batch on, are of one patient.</summary>
    internal int UnitLength(int index)
    {
        if (!Patients.HasSeveralRows)
            return 1;
        var unit = Patients.UnitOf(RowAt(index));
        var end = index + 1;
        while (end < Count && Patients.UnitOf(RowAt(end)) == unit)
            end++;
        return end - index;
    }

    /// <summary>How many places, from one that is a patient's only row on, are each a patient's only row; at most so
    /// many.</summary>
    internal int SingleRows(int index, int most)
    {
        if (!Patients.HasSeveralRows)
            return Math.Min(Count - index, most);
        var end = index + 1;
        while (end < Count && end - index < most && UnitLength(end) == 1)
            end++;
        return end - index;
    }

    /// <summary>Whether no patient has two rows here.</summary>
    internal bool HasOneRowEach => Count == 0 || (UnitLength(0) == 1 && SingleRows(0, int.MaxValue) == Count);

    /// <summary>Ascending rows: then no row counts twice, and a patient's rows stand next to one another.</summary>
    internal void CheckUnits()
    {
        for (var i = 1; i < _rows.Length; i++)
        {
            if (_rows[i] <= _rows[i - 1])
                throw new ArgumentException("The rows of a batch to clip are not in ascending order.");
        }
    }
}
