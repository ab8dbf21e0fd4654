using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Training;

namespace FedActors.Core.Data;

/// <summary>From rows of text to a dataset split over hospitals.</summary>
public sealed class FederatedDataBuilder
{
    private static readonly string[] ListColumns = ["center", "line", "set"];

    private readonly DataSchema _schema;
    private readonly SplitPlan _split;
    private readonly bool _isTested;
    private readonly ImmutableArray<string> _featureNames;
    private readonly List<Fault> _faults = [];
    private readonly List<double> _features = [];
    private readonly List<Row> _rows = [];
    private readonly List<HospitalId> _hospitalsOfFiles = [];

    private FederatedDataBuilder(DataSchema schema, SplitPlan split, bool isTested) =>
        (_schema, _split, _isTested, _featureNames) =
        (schema, split, isTested, [.. schema.Inputs.Select(input => input.Feature)]);

    /// <summary>Reads all files, holds them to the schema, drops what the schema drops, then splits.</summary>
    /// <param name="files">In order; their rows are read once.</param>
    /// <param name="listing">The file of a <see cref="HoldoutRule.Listed"/> split, else null.</param>
    /// <param name="isTested">Whether rows must be kept back to judge models by: a hospital's own node keeps
    /// none.</param>
    /// <exception cref="ArgumentException">Schema or split name a column that the schema does not declare, or a file
    /// lacks the hospital it is to be.</exception>
    /// <exception cref="FaultException">FA-20nn: everything that is wrong with the rows, or, where they are right, with
    /// the split.</exception>
    public static FederatedData Build(
        DataSchema schema, SplitPlan split, IEnumerable<RawFile> files, RawFile? listing = null, bool isTested = true)
    {
        var builder = new FederatedDataBuilder(schema, split, isTested);
        foreach (var file in files)
            builder.Read(file);
        if (builder._faults.Count > 0)
            throw new FaultException(builder._faults);
        var data = builder.Split(listing);
        return builder._faults.Count == 0 ? data : throw new FaultException(builder._faults);
    }

    private void Read(RawFile file)
    {
        var siteColumn = _split.Sites switch
        {
            SiteRule.PerValue rule => rule.Column,
            SiteRule.PerGroup rule => rule.Column,
            _ => null,
        };
        if (_split.Sites is SiteRule.PerFile)
            _hospitalsOfFiles.Add(new HospitalId(file.Hospital ?? ""));
        var faults = new FileFaults(file.Name);
        var reader = new RowReader(_schema, siteColumn, file.Columns, faults);
        if (!faults.Any)
        {
            foreach (var row in file.Rows)
            {
                if (reader.TryRead(row, _features, out var read))
                    _rows.Add(
                        new Row(row.Line, file.Name, siteColumn is null ? file.Hospital ?? "" : read.Site, read.Label,
                            read.Time, read.Patient));
            }
        }
        _faults.AddRange(faults.All);
    }

    private FederatedData Split(RawFile? listing)
    {
        var sites = _split.Sites switch
        {
            SiteRule.PerFile => _rows.ConvertAll(row => (HospitalId?)new HospitalId(row.Site)),
            SiteRule.PerValue rule => SitesByValue(rule),
            SiteRule.PerGroup rule => SitesByGroup(rule),
            SiteRule.PerLabelCount rule => SitesByLabelCount(rule),
            SiteRule.Listed => SitesByList(ref listing),
            _ => throw new InvalidOperationException($"No rows are spread by {_split.Sites.GetType().Name}."),
        };
        var declared = _split.Sites switch
        {
            SiteRule.PerGroup rule => rule.Groups.Select(group => group.Hospital),
            SiteRule.PerLabelCount rule => rule.Shares.Select(share => share.Hospital),
            _ => _hospitalsOfFiles,
        };
        var rowsOf = new SortedDictionary<HospitalId, List<int>>();
        foreach (var hospital in declared)
            rowsOf[hospital] = [];
        for (var i = 0; i < _rows.Count; i++)
        {
            if (sites[i] is not { } hospital)
                continue;
            if (!rowsOf.TryGetValue(hospital, out var rows))
                rowsOf[hospital] = rows = [];
            rows.Add(i);
        }
        var places = new Place[_rows.Count];
        if (listing is not null && _split.Holdout is HoldoutRule.Listed)
            PlaceByList(listing, rowsOf, places);
        else
            foreach (var (hospital, rows) in rowsOf)
                PlaceRows(hospital, rows, places);
        if (_schema.Patient is not null)
            KeepTogether(sites, places);
        return _faults.Count == 0 ? Assemble(rowsOf, places) : Empty();
    }

    // A patient known from training must not be met again in the test: all rows of one go where the first goes.
    private void KeepTogether(List<HospitalId?> sites, Place[] places)
    {
        var first = new Dictionary<(HospitalId?, string), Place>();
        for (var row = 0; row < places.Length; row++)
        {
            var key = (sites[row], _rows[row].Patient);
            if (!first.TryAdd(key, places[row]))
                places[row] = first[key];
        }
    }

    // The list is read twice: here for the hospitals, later for the rest, which also says what is wrong with it.
    private List<HospitalId?> SitesByList(ref RawFile? listing)
    {
        if (listing is null)
            throw new ArgumentException("A split by list has a list.", nameof(listing));
        listing = listing with { Rows = [.. listing.Rows] };
        var (center, line) = (listing.Columns.IndexOf("center"), listing.Columns.IndexOf("line"));
        var named = new Dictionary<int, HospitalId>();
        foreach (var row in center < 0 || line < 0 ? [] : listing.Rows)
        {
            if (row.Fields.Length == listing.Columns.Length && HospitalId.IsValid(row.Fields[center])
                && int.TryParse(row.Fields[line], out var at))
                named.TryAdd(at, new HospitalId(row.Fields[center]));
        }
        return _rows.ConvertAll(row =>
            named.TryGetValue(row.Line - 1, out var hospital) ? hospital : (HospitalId?)null);
    }

    private List<HospitalId?> SitesByValue(SiteRule.PerValue rule)
    {
        var rowsBySite = _rows.CountBy(row => row.Site).ToDictionary();
        var ids = new Dictionary<string, HospitalId?>();
        foreach (var (site, count) in rowsBySite)
        {
            var name = rule.Prefix + (TryWhole(site, out var number) ? number.ToString($"D{rule.Digits}") : site);
            if (count < rule.MinimumRows)
                ids[site] = null;
            else if (HospitalId.IsValid(name))
                ids[site] = new HospitalId(name);
            else
                Report(FaultNumber.ValueNotAllowed,
                    $"{FileFaults.Show(site)} of column '{rule.Column}' makes no hospital name.",
                    _rows.First(row => row.Site == site),
                    "A name has 1 to 64 letters, digits, '-', '_' or '.': give a prefix, or mend the value.");
        }
        return _rows.ConvertAll(row => ids.GetValueOrDefault(row.Site));
    }

    private List<HospitalId?> SitesByGroup(SiteRule.PerGroup rule)
    {
        var isNumber = _schema.Column(rule.Column).Type == ColumnType.Number;
        var ids = new Dictionary<string, HospitalId?>();
        foreach (var group in rule.Groups)
        {
            foreach (var value in group.Values)
                ids[isNumber && DataSchema.TryNumber(value, out var number) ? number.ToString("R") : value] =
                    group.Hospital;
        }
        return _rows.ConvertAll(row => ids.GetValueOrDefault(row.Site));
    }

    private List<HospitalId?> SitesByLabelCount(SiteRule.PerLabelCount rule)
    {
        var sites = new List<HospitalId?>(_rows.Count);
        Span<int> at = [0, 0];
        var wanted =
            new[] { rule.Shares.Select(share => share.Negative).ToArray(),
                rule.Shares.Select(share => share.Positive).ToArray() };
        foreach (var row in _rows)
        {
            var label = (int)row.Label;
            while (at[label] < rule.Shares.Length && wanted[label][at[label]] == 0)
                at[label]++;
            if (at[label] == rule.Shares.Length)
            {
                sites.Add(null);
                continue;
            }
            wanted[label][at[label]]--;
            sites.Add(rule.Shares[at[label]].Hospital);
        }
        for (var i = 0; i < rule.Shares.Length; i++)
        {
            if (wanted[0][i] + wanted[1][i] > 0)
                Report(FaultNumber.EmptyHospital,
                    $"The data ends before this hospital has its rows: {wanted[1][i]} positive and {wanted[0][i]} "
                        + "negative lack.",
                    rule.Shares[i].Hospital, "Lower the hospitals' counts, or bring more rows.");
        }
        return sites;
    }

    private void PlaceRows(HospitalId hospital, List<int> rows, Place[] places)
    {
        foreach (var row in rows)
            places[row] = Place.Train;
        switch (_split.Holdout)
        {
            case HoldoutRule.Shuffled rule:
                var seed = _split.Sites is SiteRule.PerValue
                && TryWhole(rows.Count == 0 ? "" : _rows[rows[0]].Site, out var number)
                    ? unchecked((ulong)(1000 * rule.Seed + number))
                    : LocalTraining.BatchSeed(rule.Seed, hospital, round: 0);
                var tests = (int)Math.Round(rows.Count / (double)rule.OneIn);
                foreach (var j in new SplitMix64(seed).Permutation(rows.Count).AsSpan(0, tests))
                    places[rows[j]] = Place.Test;
                break;
            case HoldoutRule.EvenlySpaced rule:
                if (rows.Count > 0 && rows.Count < rule.Train)
                    Report(FaultNumber.EmptyHospital,
                        $"The hospital has {rows.Count} rows where {rule.Train} are to train.", hospital,
                        "Lower train.");
                for (long j = 0; j < rows.Count; j++)
                {
                    if ((j + 1) * rule.Train / rows.Count == j * rule.Train / rows.Count)
                        places[rows[(int)j]] = Place.Test;
                }
                break;
            default:
                break;
        }
    }

    private void PlaceByList(RawFile listing, SortedDictionary<HospitalId, List<int>> rowsOf, Place[] places)
    {
        var faults = new FileFaults(listing.Name);
        var (center, line, set) =
            (listing.Columns.IndexOf("center"), listing.Columns.IndexOf("line"), listing.Columns.IndexOf("set"));
        foreach (var name in ListColumns.Where(name => !listing.Columns.Contains(name)))
            faults.Add(FaultNumber.MissingColumn, $"There is no column '{name}'.", null, name,
                "A split list has the columns center, line and set.");
        var names = rowsOf.Keys.Select(hospital => hospital.ToString()).ToArray();
        var rowAt = rowsOf.ToDictionary(
            pair => pair.Key.ToString(), pair => pair.Value.ToDictionary(row => _rows[row].Line - 1, row => row));
        foreach (var row in faults.Any ? [] : listing.Rows)
        {
            if (row.Problem is not null || row.Fields.Length != listing.Columns.Length)
                faults.Add(FaultNumber.RowMalformed,
                    row.Problem ?? $"The row has {row.Fields.Length} fields where {listing.Columns.Length} belong.",
                    row.Line, null, "Mend the row.");
            else if (!rowAt.TryGetValue(row.Fields[center], out var lines))
                faults.Add(FaultNumber.UnknownHospital, $"There is no hospital {FileFaults.Show(row.Fields[center])}.",
                    row.Line, "center",
                    NearestName.Of(row.Fields[center], names) is { } nearest
                    ? $"Did you mean '{nearest}'?"
                    : $"Known: {string.Join(", ", names)}.");
            else if (!int.TryParse(row.Fields[line], out var at) || !lines.TryGetValue(at, out var index))
                faults.Add(FaultNumber.ValueNotAllowed,
                    $"The hospital has no row at line {FileFaults.Show(row.Fields[line])}, or the schema drops it.",
                    row.Line, "line", "Write the 0-based line of a row that is kept.");
            else if (places[index] != Place.Rest)
                faults.Add(FaultNumber.DuplicateName, $"Line {at} of {row.Fields[center]} is listed twice.", row.Line,
                    "line", "List each row once.");
            else if (row.Fields[set] is "train" or "test")
                places[index] = row.Fields[set] == "train" ? Place.Train : Place.Test;
            else
                faults.Add(FaultNumber.ValueNotAllowed, $"{FileFaults.Show(row.Fields[set])} is not allowed.", row.Line,
                    "set", "Write train or test.");
        }
        _faults.AddRange(faults.All);
    }

    private FederatedData Assemble(SortedDictionary<HospitalId, List<int>> rowsOf, Place[] places)
    {
        var hospitals = ImmutableArray.CreateBuilder<HospitalData>(rowsOf.Count);
        foreach (var (hospital, rows) in rowsOf)
        {
            var train = Table(rows.Where(row => places[row] == Place.Train));
            if (train.Rows == 0)
                Report(FaultNumber.EmptyHospital, "The hospital has no row to train on.", hospital,
                    "Give it rows, or take it out of the split.");
            else if (!_split.OneClassAllowed && train.Outcomes.Kind == OutcomeKind.Survival && train.Positives == 0)
                Report(FaultNumber.NoEvents,
                    $"None of the hospital's {train.Rows} training rows has an event: a hazard cannot be "
                        + "learned there.", hospital,
                    "Give it rows with events, take it out of the split, or say one-class = allow there.");
            else if (!_split.OneClassAllowed && IsOneClass(train))
                Report(FaultNumber.OneClassOnly, $"All {train.Rows} training rows of the hospital have the same label.",
                    hospital,
                    "Give it rows of both labels, take it out of the split, or say one-class = allow there.");
            hospitals.Add(new HospitalData(hospital, train, Table(rows.Where(row => places[row] == Place.Test))));
        }
        var rest = Table(Enumerable.Range(0, _rows.Count).Where(row => places[row] == Place.Rest));
        var test = _split.RestIsTest ? rest : hospitals.Count == 0
            ? Table([])
            : PatientTable.Concat([.. hospitals.Select(h => h.Test)]);
        if (hospitals.Count == 0)
            _faults.Add(
                new Fault(FaultNumber.EmptyHospital, "No hospital has any row, or enough of them.", FileNames(),
                    "Bring rows, or lower minimum-rows."));
        else if (_isTested
            && (test.Rows == 0
                || (test.Outcomes.Kind == OutcomeKind.Survival ? test.Positives == 0 : IsOneClass(test))))
            _faults.Add(
                new Fault(FaultNumber.OneClassOnly,
                    $"The {test.Rows} rows kept back for testing are not of both labels.", FileNames(),
                "Keep back rows of both labels: without them no model can be judged."));
        ReportConstants(hospitals);
        var external = !_split.RestIsTest && rest.Rows > 0 ? rest : null;
        return new FederatedData(hospitals.DrainToImmutable(), test, external, _schema.Inputs);
    }

    private FederatedData Empty() => new([], Table([]), null, _schema.Inputs);

    private PatientTable Table(IEnumerable<int> rows)
    {
        var width = _featureNames.Length;
        // Rows of one patient next to one another, in the order in which patients appear.
        int[] chosen = _schema.Patient is null
            ? [.. rows]
            : [.. rows.GroupBy(row => _rows[row].Patient).SelectMany(patient => patient)];
        var values = new double[chosen.Length * width];
        for (var i = 0; i < chosen.Length; i++)
            _features.CopyTo(chosen[i] * width, values, i * width, width);
        double[] labels = [.. chosen.Select(row => _rows[row].Label)];
        var outcomes = _schema.Label switch
        {
            LabelRule.Class rule => Outcomes.Class(labels, rule.Classes.Length),
            LabelRule.Real rule => Outcomes.Real(labels, rule.Scale),
            LabelRule.Survival => Outcomes.Survival([.. chosen.Select(row => _rows[row].Time)], labels),
            _ => Outcomes.Binary(labels),
        };
        return new PatientTable(_featureNames, values, outcomes, _schema.Patient is null ? null : UnitsOf(chosen));
    }

    private int[] UnitsOf(int[] rows)
    {
        var units = new int[rows.Length];
        for (var i = 1; i < rows.Length; i++)
            units[i] = units[i - 1] + (_rows[rows[i]].Patient == _rows[rows[i - 1]].Patient ? 0 : 1);
        return units;
    }

    // Survival has a check of its own, and a number may be anything.
    private static bool IsOneClass(PatientTable table) =>
        table.Outcomes.Kind is OutcomeKind.Binary or OutcomeKind.Class
        && table.Labels.IndexOfAnyExcept(table.Labels[0]) < 0;

    // What never changes over all hospitals teaches nothing, and without a penalty makes Newton's system singular.
    private void ReportConstants(IReadOnlyCollection<HospitalData> hospitals)
    {
        if (!_isTested || _faults.Count > 0 || hospitals.Sum(hospital => hospital.Train.Rows) < 2)
            return;
        for (var k = 0; k < _featureNames.Length; k++)
        {
            var first = hospitals.First().Train.Row(0)[k];
            if (
                hospitals.All(hospital => Enumerable.Range(0, hospital.Train.Rows)
                    .All(row => hospital.Train.Row(row)[k] == first)))
                _faults.Add(
                    new Fault(FaultNumber.ConstantColumn,
                        $"The feature '{_featureNames[k]}' is the same for every patient that trains.",
                    $"{FileNames()}: column '{_schema.Inputs[k].Column}'", "Leave it out of data.features."));
        }
    }

    private string FileNames() => string.Join(", ", _rows.Select(row => row.File).Distinct());

    private void Report(FaultNumber number, string what, HospitalId hospital, string fix) =>
        _faults.Add(new Fault(number, what, $"hospital {hospital}", fix));

    private void Report(FaultNumber number, string what, Row row, string fix) =>
        _faults.Add(new Fault(number, what, $"{row.File}: line {row.Line}", fix));

    private static bool TryWhole(string text, out long number) => long.TryParse(text, out number) && number >= 0;

    private readonly record struct Row(int Line, string File, string Site, double Label, double Time, string Patient);

    private enum Place : byte { Rest, Train, Test }
}
