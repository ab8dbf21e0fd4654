using System.Collections.Immutable;
using FedActors.Core.Numerics;

namespace FedActors.Core.Data;

/// <summary>What a row says beside its features.</summary>
/// <param name="Label">As <see cref="Outcomes.Labels"/>.</param>
/// <param name="Time">Above 0 where the outcome is a time of survival.</param>
internal readonly record struct ReadRow(double Label, double Time, string Site, string Patient);

/// <summary>Holds the rows of one file to the schema and turns them into features, label and site; says what is wrong.</summary>
internal sealed class RowReader
{
    private readonly DataSchema _schema;
    private readonly FileFaults _faults;
    private readonly int _fields;
    private readonly Column[] _columns;
    private readonly (Column Column, InputDescription Input, ValueSet? OneOf)[] _inputs;
    private readonly Column? _label;
    private readonly Column? _time;
    private readonly ImmutableArray<ValueSet> _classes = [];
    private readonly Column? _site;
    private readonly Column? _patient;

    /// <param name="siteColumn">Whose value names the hospital, or null.</param>
    public RowReader(DataSchema schema, string? siteColumn, ImmutableArray<string> header, FileFaults faults)
    {
        (_schema, _faults, _fields) = (schema, faults, header.Length);
        if (header.IsEmpty)
            faults.Add(FaultNumber.RowMalformed, "The file is empty.", 1, null, "Its first line names the columns.");
        foreach (var name in header.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key))
            faults.Add(FaultNumber.DuplicateName, $"Two columns are named '{name}'.", null, name, "Give each column its own name.");
        foreach (var rule in schema.Columns.Where(rule => !header.IsEmpty && !header.Contains(rule.Name)))
        {
            var nearest = NearestName.Of(rule.Name, header);
            faults.Add(FaultNumber.MissingColumn, $"There is no column '{rule.Name}'.", null, rule.Name,
                nearest is null ? "Add it, or take it out of the schema." : $"Did you mean '{nearest}'? Make file and schema agree.");
        }
        if (faults.Any)
        {
            (_columns, _inputs) = ([], []);
            return;
        }
        var columns = schema.Columns.ToDictionary(rule => rule.Name, rule => new Column(rule, header.IndexOf(rule.Name)));
        _columns = [.. columns.Values];
        _inputs = [.. schema.Inputs.Select(input => (columns[input.Column], input,
            input.OneOf.IsEmpty ? null : new ValueSet(columns[input.Column].Rule, input.OneOf)))];
        var (label, time, classes) = ColumnsOf(schema.Label);
        _label = columns[label];
        _time = time is null ? null : columns[time];
        _classes = [.. classes.Select(values => new ValueSet(_label.Rule, values))];
        _site = siteColumn is null ? null : columns[siteColumn];
        _patient = schema.Patient is null ? null : columns[schema.Patient];
    }

    /// <summary>Reads one row; false where it is left out, for a fault or by the schema's own word.</summary>
    /// <param name="features">Receives the row's features behind what it holds.</param>
    /// <param name="read">Its outcome, and the values that say whose it is, a number in its shortest form; empty where no column does.</param>
    public bool TryRead(RawRow row, List<double> features, out ReadRow read)
    {
        read = default;
        if (row.Problem is not null)
            return Malformed(row.Line, row.Problem);
        if (row.Fields.Length != _fields)
            return Malformed(row.Line, $"The row has {row.Fields.Length} fields where {_fields} belong.");
        var good = true;
        foreach (var column in _columns)
            good &= column.Take(row.Fields[column.Index], row.Line, column == _label || column == _time || column == _patient, _faults);
        if (!good || _label is null || !TryLabel(row.Line, out var label))
            return false;
        if (_time is { Number: <= 0 })
        {
            _faults.Add(FaultNumber.TimeNotPositive, "The time until event or censoring is not above 0.", row.Line, _time.Rule.Name,
                "Mend it; or, where nobody was observed, list the value under the column's missing and say when-missing = drop-row.");
            return false;
        }
        // Rows of nobody would all be one patient's, and bounded together instead of each.
        if (_patient is { Rule.Type: ColumnType.Category } && string.IsNullOrWhiteSpace(_patient.Text))
        {
            _faults.Add(FaultNumber.ValueNotAllowed, "The row does not say whose it is.", row.Line, _patient.Rule.Name,
                "Fill in the patient, or list the empty text under the column's missing and say when-missing = drop-row.");
            return false;
        }
        foreach (var (column, input, oneOf) in _inputs)
            features.Add(oneOf is null ? (column.Number - input.Centre) / input.Scale : oneOf.Contains(column) ? 1 : 0);
        read = new ReadRow(label, _time?.Number ?? 0, _site?.Canonical ?? "", _patient?.Canonical.Trim() ?? "");
        return true;
    }

    private bool TryLabel(int line, out double label)
    {
        label = _schema.Label is LabelRule.Real real ? (_label!.Number - real.Centre) / real.Scale : 0;
        if (_classes.IsEmpty)
            return true;
        for (var k = 0; k < _classes.Length; k++)
        {
            if (!_classes[k].Contains(_label!))
                continue;
            label = k;
            return true;
        }
        if (_schema.Label is not (LabelRule.Binary { DropOthers: true } or LabelRule.Class { DropOthers: true }))
            _faults.Add(FaultNumber.ValueNotAllowed,
                _schema.Label is LabelRule.Class ? "The label is a value of none of the classes."
                    : "The label is neither one of the positive nor one of the negative values.",
                line, _label!.Rule.Name, "List the value in the target, or say others = drop-row there.");
        return false;
    }

    // Classes in the order of the labels they make; none where the label is a number.
    private static (string Label, string? Time, ImmutableArray<ImmutableArray<string>> Classes) ColumnsOf(LabelRule label) => label switch
    {
        LabelRule.Binary rule => (rule.Column, null, [rule.Negative, rule.Positive]),
        LabelRule.Class rule => (rule.Column, null, [.. rule.Classes.Select(one => one.Values)]),
        LabelRule.Survival rule => (rule.Event, rule.Time, [rule.Censored, rule.Happened]),
        LabelRule.Real rule => (rule.Column, null, []),
        _ => throw new InvalidOperationException($"No rows are labelled by {label.GetType().Name}."),
    };

    private bool Malformed(int line, string what)
    {
        _faults.Add(FaultNumber.RowMalformed, what, line, null, "Mend the row: one field a column, quotes closed.");
        return false;
    }

    /// <summary>A column and the value the row at hand has in it.</summary>
    private sealed class Column(ColumnRule rule, int index)
    {
        private readonly ValueSet? _allowed = rule.Values.IsEmpty ? null : new ValueSet(rule, rule.Values);

        public ColumnRule Rule => rule;

        public int Index => index;

        public string Text { get; private set; } = "";

        public double Number { get; private set; }

        public string Canonical => rule.Type == ColumnType.Number ? Number.ToString("R") : Text;

        /// <summary>Takes a value over; false where it is missing or wrong.</summary>
        public bool Take(string text, int line, bool secret, FileFaults faults)
        {
            var isNumber = DataSchema.TryNumber(text, out var number);
            (Text, Number) = (text, isNumber ? number : double.NaN);
            if (_allowed is not null && _allowed.Contains(this))
                return true;
            if (rule.Missing.Contains(text))
            {
                if (!rule.DropMissing)
                    faults.Add(FaultNumber.ValueNotAllowed, "A value is missing.", line, rule.Name,
                        "Fill it in, or say when-missing = drop-row for the column.");
                return false;
            }
            var shown = secret ? "The value" : FileFaults.Show(text);
            if (rule.Type == ColumnType.Number && !isNumber)
                return Refused(FaultNumber.NotANumber, $"{shown} is not a number.", "Write a number with a point for the decimals.");
            if (rule.Type == ColumnType.Number && !double.IsFinite(Number))
                return Refused(FaultNumber.NotANumber, $"{shown} is not a finite number.", "Write a finite number, or list the text under missing.");
            if (_allowed is not null)
                return Refused(FaultNumber.ValueNotAllowed, $"{shown} is not allowed.", $"Allowed: {string.Join(", ", rule.Values.Select(v => $"'{v}'"))}.");
            if (rule.Type == ColumnType.Number && !(Number >= rule.Minimum && Number <= rule.Maximum))
                return Refused(FaultNumber.ValueNotAllowed, $"{shown} is out of range.", $"Allowed: {rule.Minimum:R} to {rule.Maximum:R}.");
            return true;

            bool Refused(FaultNumber fault, string what, string fix)
            {
                faults.Add(fault, what, line, rule.Name, fix);
                return false;
            }
        }
    }

    /// <summary>Some values of a column, compared as numbers where the column is one.</summary>
    private sealed class ValueSet(ColumnRule rule, ImmutableArray<string> values)
    {
        private readonly string[] _texts = [.. values];

        private readonly double[] _numbers = rule.Type == ColumnType.Number
            ? [.. values.Select(value => DataSchema.TryNumber(value, out var number) ? number : double.NaN)]
            : [];

        public bool Contains(Column column) => rule.Type == ColumnType.Number
            ? double.IsFinite(column.Number) && _numbers.AsSpan().Contains(column.Number)
            : _texts.AsSpan().Contains(column.Text);
    }
}
