using System.Collections.Immutable;
using System.Globalization;
using FedActors.Actors.Data;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Actors.Configuration;

/// <summary>
/// Reads <c>job.data</c>, which only a simulation has: files, columns, features, targets and splits. What is wrong goes
/// to the reader's faults; the plan is whole only where there are none.
/// </summary>
public static class DataSection
{
    private static readonly string[] MissingChoices = ["refuse", "drop-row"];
    private static readonly string[] SiteKinds = ["files", "column", "groups", "label-counts", "listed"];
    private static readonly string[] LabelKinds = ["binary", "class", "real", "survival"];
    private static readonly string[] HoldoutKinds = ["none", "shuffled", "evenly-spaced", "listed"];

    // Stands for a split that is not known: its own keys cannot be judged.
    private static readonly SplitPlan NoSplit = new(new SiteRule.PerFile(), new HoldoutRule.None(), true);

    /// <param name="patientId">What the job calls the column of the patient, where it does: the data are read by it.</param>
    public static DataPlan Read(HoconReader data, string? patientId = null)
    {
        var source = data.Text("source", "");
        var files = Files(data);
        var separator = data.Text("separator", ",");
        if (separator.Length != 1 || separator[0] > '~' || separator[0] == '"')
            data.Report(FaultNumber.ValueOutOfRange, "A separator is one character.", data.PathOf("separator"), "Write \",\" or \";\" or a tab \"\\t\".");
        var header = data.Switch("header", true);
        ImmutableArray<string> names = [.. data.Texts("column-names")];
        if (header != names.IsEmpty)
            data.Report(FaultNumber.NotAllowedTogether, header ? "column-names stands beside a header." : "Without a header the columns have no names.",
                data.PathOf("column-names"), "Set header = off and list column-names in order, or neither.");
        var columns = Columns(data);
        var inputs = Inputs(data, columns);
        var patient = Patient(data, patientId);
        // Any text names a patient: the column needs no rule of its own.
        if (patient is not null && columns.All(column => column.Name != patient))
            columns = columns.Add(new ColumnRule(
                patient, ColumnType.Category, [], double.NegativeInfinity, double.PositiveInfinity, [], DropMissing: false));
        var targets = data.Section("targets");
        var labels = targets.Keys.ToDictionary(key => key, key => Label(targets.Section(key), columns));
        var splits = data.Section("splits");
        var plans = splits.Keys.ToDictionary(key => key, key => Split(splits.Section(key), columns, files));
        var label = Chosen(data, "target", "targets", labels);
        var split = Chosen(data, "split", "splits", plans);
        if (split?.Sites is SiteRule.PerLabelCount && label is not (null or LabelRule.Binary))
            data.Report(FaultNumber.NotAllowedTogether, "Rows are counted out by label, and the target is not positive or negative.", data.PathOf("split"),
                "Choose another split, or a binary target.");
        var words = data.Section("words");
        var story = new DataStory(
            data.Text("title", ""), words.Text("positive", ""), words.Text("plural", ""), words.Text("case", ""), data.Text("attribution", ""));
        words.Done();
        data.Done();
        return new DataPlan(source, files, separator.Length == 1 ? separator[0] : ',', names,
            new DataSchema(columns, inputs, label ?? new LabelRule.Binary("", [], [], false), patient),
            split ?? NoSplit,
            story);
    }

    private static string? Patient(HoconReader data, string? patientId)
    {
        if (!data.Has("patient"))
            return patientId;
        var own = data.Text("patient");
        if (patientId is not null && own != patientId)
            data.Report(FaultNumber.UnitMismatch, $"The data are read by '{own}', and the job's patient is one '{patientId}'.",
                data.PathOf("patient"), $"Write patient = {patientId}, or leave job.privacy.patient-id out.");
        return own;
    }

    private static T? Chosen<T>(HoconReader data, string key, string section, Dictionary<string, T> all) where T : class
    {
        if (all.Count == 0)
        {
            data.Report(FaultNumber.MissingKey, $"The section '{section}' is missing.", data.PathOf(section), $"Declare at least one {key} there.");
            return null;
        }
        var name = data.OneOf(key, all.Keys, all.Count == 1 ? all.Keys.Single() : null);
        return all.GetValueOrDefault(name);
    }

    private static ImmutableArray<DataFile> Files(HoconReader data)
    {
        var files = new List<DataFile>();
        foreach (var section in data.Sections("files"))
        {
            var hospital = section.Has("hospital") ? Hospital(section, "hospital").ToString() : null;
            var sha256 = section.Text("sha256", "");
            Digest? digest = null;
            if (sha256.Length == 2 * Digest.Size && sha256.All(char.IsAsciiHexDigit))
                digest = Digest.Parse(sha256);
            else if (sha256.Length > 0)
                section.Report(FaultNumber.WrongType, "This is no SHA-256.", section.PathOf("sha256"), "Write 64 hex digits, or leave the key out.");
            files.Add(new DataFile(section.Text("path"), hospital, digest));
            section.Done();
        }
        if (files.Count == 0)
            data.Report(FaultNumber.MissingKey, "No file is named.", data.PathOf("files"), "Write files = [ { path = \"patients.csv\" } ].");
        foreach (var twice in Twice(files.Select(file => file.Hospital).OfType<string>()))
            data.Report(FaultNumber.DuplicateName, $"Two files are those of hospital '{twice}'.", data.PathOf("files"), "Give each hospital its own name, and one file.");
        return [.. files];
    }

    private static ImmutableArray<ColumnRule> Columns(HoconReader data)
    {
        var columns = new List<ColumnRule>();
        foreach (var section in data.Sections("columns"))
        {
            var names = section.Texts("names");
            if (names.Count == 0)
                section.Report(FaultNumber.MissingKey, "The rule names no column.", section.PathOf("names"), "Write names = [A, B].");
            var type = section.OneOf("type", ["number", "category"]) == "number" ? ColumnType.Number : ColumnType.Category;
            ImmutableArray<string> values = [.. section.Texts("values")];
            var minimum = double.NegativeInfinity;
            var maximum = double.PositiveInfinity;
            if (type == ColumnType.Number)
            {
                CheckNumbers(section, "values", values);
                minimum = section.Has("minimum") ? section.Number("minimum", double.MinValue, double.MaxValue) : minimum;
                maximum = section.Has("maximum") ? section.Number("maximum", double.MinValue, double.MaxValue) : maximum;
                if (minimum > maximum)
                    section.Report(FaultNumber.ValueOutOfRange, $"minimum {minimum:R} is above maximum {maximum:R}.", section.PathOf("minimum"), "Swap them.");
            }
            else if (values.IsEmpty)
            {
                section.Report(FaultNumber.MissingKey, "A category lists its values.", section.PathOf("values"), "Write values = [A, B].");
            }
            ImmutableArray<string> missing = [.. section.Texts("missing")];
            var dropMissing = section.OneOf("when-missing", MissingChoices, "refuse") == "drop-row";
            columns.AddRange(names.Select(name => new ColumnRule(name, type, values, minimum, maximum, missing, dropMissing)));
            section.Done();
        }
        if (columns.Count == 0)
            data.Report(FaultNumber.MissingKey, "No column is declared.", data.PathOf("columns"), "Write columns = [ { names = [AGE], type = number } ].");
        foreach (var twice in Twice(columns.Select(column => column.Name)))
            data.Report(FaultNumber.DuplicateName, $"Two rules are for column '{twice}'.", data.PathOf("columns"), "Keep one.");
        return [.. columns];
    }

    private static ImmutableArray<InputDescription> Inputs(HoconReader data, ImmutableArray<ColumnRule> columns)
    {
        var inputs = new List<InputDescription>();
        foreach (var section in data.Sections("features"))
        {
            var column = ColumnOf(section, columns, out var rule);
            var name = section.Text("name", column);
            if (section.Has("is"))
            {
                inputs.Add(new InputDescription(name, column, 0, 1, Values(section, "is", rule)));
            }
            else
            {
                var (centre, scale) = Scaling(section);
                inputs.Add(new InputDescription(name, column, centre, scale, []));
                if (rule is { Type: ColumnType.Category })
                    section.Report(FaultNumber.NotAllowedTogether, $"'{column}' is a category and cannot be scaled.", section.PathOf("column"), "Add is = [VALUE].");
            }
            section.Done();
        }
        if (inputs.Count == 0)
            data.Report(FaultNumber.MissingKey, "The model has no feature.", data.PathOf("features"), "Write features = [ { column = AGE, centre = 70, scale = 12 } ].");
        foreach (var twice in Twice(inputs.Select(input => input.Feature)))
            data.Report(FaultNumber.DuplicateName, $"Two features are named '{twice}'.", data.PathOf("features"), "Give each its own name.");
        return [.. inputs];
    }

    private static (double Centre, double Scale) Scaling(HoconReader section)
    {
        if (!section.Has("minimum") && !section.Has("maximum"))
        {
            var scale = section.Number("scale", double.MinValue, double.MaxValue, 1);
            if (scale == 0)
                section.Report(FaultNumber.ValueOutOfRange, "A scale of 0 divides by zero.", section.PathOf("scale"), "Write the column's typical spread.");
            return (section.Number("centre", double.MinValue, double.MaxValue, 0), scale);
        }
        if (section.Has("centre") || section.Has("scale"))
            section.Report(FaultNumber.NotAllowedTogether, "centre and scale stand beside minimum and maximum.", section.PathOf("minimum"), "Keep one pair.");
        var minimum = section.Number("minimum", double.MinValue, double.MaxValue);
        var maximum = section.Number("maximum", double.MinValue, double.MaxValue);
        if (minimum == maximum)
            section.Report(FaultNumber.ConstantColumn, "A column that never changes cannot be scaled to [-1, 1].", section.PathOf("maximum"), "Leave the feature out.");
        else if (minimum > maximum)
            section.Report(FaultNumber.ValueOutOfRange, $"minimum {minimum:R} is above maximum {maximum:R}.", section.PathOf("minimum"), "Swap them.");
        return (minimum + (maximum - minimum) / 2, (maximum - minimum) / 2);
    }

    private static LabelRule Label(HoconReader section, ImmutableArray<ColumnRule> columns)
    {
        LabelRule label;
        switch (section.OneOf("kind", LabelKinds, "binary"))
        {
            case "class":
                var of = ColumnOf(section, columns, out var classRule);
                var classes = section.Section("classes");
                // A section keeps no order: classes are numbered in that of their names.
                ImmutableArray<ClassRule> all = [.. classes.Keys.Select(name => new ClassRule(name, Values(classes, name, classRule)))];
                if (all.Length < 2)
                    section.Report(FaultNumber.MissingKey, "A class target has at least two classes.", section.PathOf("classes"),
                        "Write classes { mild = [1, 2], severe = [3] }.");
                foreach (var twice in Twice(all.SelectMany(one => one.Values.Distinct())))
                    section.Report(FaultNumber.DuplicateName, $"'{twice}' belongs to two classes.", section.PathOf("classes"), "Give each value to one.");
                label = new LabelRule.Class(of, all, DropsOthers(section));
                break;
            case "real":
                var number = ColumnOf(section, columns, out var numberRule);
                if (numberRule is { Type: ColumnType.Category })
                    section.Report(FaultNumber.NotAllowedTogether, $"'{number}' is a category and no number.", section.PathOf("column"), "Say kind = class there.");
                var (centre, scale) = Scaling(section);
                label = new LabelRule.Real(number, centre, scale);
                break;
            case "survival":
                var time = ColumnOf(section, columns, out var timeRule, "time");
                if (timeRule is { Type: ColumnType.Category })
                    section.Report(FaultNumber.NotAllowedTogether, $"'{time}' is a category and no time.", section.PathOf("time"), "Declare it as a number.");
                var @event = ColumnOf(section, columns, out var eventRule, "event");
                var (happened, censored) = Sides(section, "happened", "censored", eventRule);
                label = new LabelRule.Survival(time, @event, happened, censored);
                break;
            default:
                var column = ColumnOf(section, columns, out var rule);
                var (positive, negative) = Sides(section, "positive", "negative", rule);
                label = new LabelRule.Binary(column, positive, negative, DropsOthers(section));
                break;
        }
        section.Done();
        return label;
    }

    private static (ImmutableArray<string> One, ImmutableArray<string> Zero) Sides(HoconReader section, string one, string zero, ColumnRule? rule)
    {
        var (ones, zeros) = (Values(section, one, rule), Values(section, zero, rule));
        foreach (var both in ones.Intersect(zeros))
            section.Report(FaultNumber.DuplicateName, $"'{both}' is both {one} and {zero}.", section.PathOf(zero), "Keep it on one side.");
        return (ones, zeros);
    }

    private static bool DropsOthers(HoconReader section) => section.OneOf("others", MissingChoices, "refuse") == "drop-row";

    private static SplitPlan Split(HoconReader section, ImmutableArray<ColumnRule> columns, ImmutableArray<DataFile> files)
    {
        var (siteKind, holdoutKind) = (section.OneOf("sites", SiteKinds), section.OneOf("holdout", HoldoutKinds));
        if (siteKind != section.Text("sites", "") || holdoutKind != section.Text("holdout", ""))
            return NoSplit;
        var sites = Sites(siteKind, section, columns, files);
        HoldoutRule holdout = holdoutKind switch
        {
            "shuffled" => new HoldoutRule.Shuffled((int)section.Integer("test-one-in", 2, 1_000), section.Integer("seed", 0, 1_000_000_000, 1)),
            "evenly-spaced" => new HoldoutRule.EvenlySpaced((int)section.Integer("train", 1, int.MaxValue)),
            "listed" => new HoldoutRule.Listed(section.Text("list")),
            _ => new HoldoutRule.None(),
        };
        var restIsTest = section.OneOf("rest", ["external", "test"], "external") == "test";
        if (restIsTest != holdout is HoldoutRule.None)
            section.Report(FaultNumber.NotAllowedTogether,
                restIsTest ? "Hospitals keep rows back, and the rest is the test as well." : "No hospital keeps rows back, and the rest is no test.",
                section.PathOf("rest"), "Set holdout = none with rest = test, or another holdout with rest = external.");
        var oneClassAllowed = section.OneOf("one-class", ["refuse", "allow"], "refuse") == "allow";
        section.Done();
        return new SplitPlan(sites, holdout, restIsTest, oneClassAllowed);
    }

    private static SiteRule Sites(
        string kind, HoconReader section, ImmutableArray<ColumnRule> columns, ImmutableArray<DataFile> files)
    {
        switch (kind)
        {
            case "listed":
                if (files.Length != 1)
                    section.Report(FaultNumber.NotAllowedTogether, "A list places the rows of one file.", section.PathOf("sites"), "Name one file.");
                if (section.Text("holdout", "") != "listed")
                    section.Report(FaultNumber.NotAllowedTogether, "Hospitals come from a list, and the holdout does not.", section.PathOf("holdout"), "Set holdout = listed.");
                return new SiteRule.Listed();
            case "column":
                return new SiteRule.PerValue(ColumnOf(section, columns, out _), section.Text("prefix", ""),
                    (int)section.Integer("digits", 1, 9, 1), (int)section.Integer("minimum-rows", 1, int.MaxValue, 1));
            case "groups":
                var column = ColumnOf(section, columns, out var rule);
                var groups = Hospitals(section, one => new SiteGroup(Hospital(one, "name"), Values(one, "values", rule)));
                foreach (var twice in Twice(groups.SelectMany(group => group.Values)))
                    section.Report(FaultNumber.DuplicateName, $"'{twice}' belongs to two hospitals.", section.PathOf("hospitals"), "Give each value to one.");
                ReportTwins(section, groups.Select(group => group.Hospital));
                return new SiteRule.PerGroup(column, groups);
            case "label-counts":
                var shares = Hospitals(section, one => new SiteShare(
                    Hospital(one, "name"), (int)one.Integer("positive", 0, int.MaxValue), (int)one.Integer("negative", 0, int.MaxValue)));
                ReportTwins(section, shares.Select(share => share.Hospital));
                return new SiteRule.PerLabelCount(shares);
            default:
                if (files.Any(file => file.Hospital is null))
                    section.Report(FaultNumber.MissingKey, "A file does not say whose it is.", section.PathOf("sites"), "Give every entry of files a hospital.");
                return new SiteRule.PerFile();
        }
    }

    private static ImmutableArray<T> Hospitals<T>(HoconReader section, Func<HoconReader, T> read)
    {
        var hospitals = ImmutableArray.CreateBuilder<T>();
        foreach (var one in section.Sections("hospitals"))
        {
            hospitals.Add(read(one));
            one.Done();
        }
        if (hospitals.Count == 0)
            section.Report(FaultNumber.MissingKey, "The split has no hospitals.", section.PathOf("hospitals"), "Write hospitals = [ { name = berlin, ... } ], one a line.");
        return hospitals.ToImmutable();
    }

    private static void ReportTwins(HoconReader section, IEnumerable<HospitalId> hospitals)
    {
        foreach (var twice in Twice(hospitals))
            section.Report(FaultNumber.DuplicateName, $"Two hospitals are named '{twice}'.", section.PathOf("hospitals"), "Give each its own name.");
    }

    private static HospitalId Hospital(HoconReader section, string key)
    {
        var name = section.Text(key);
        if (HospitalId.IsValid(name))
            return new HospitalId(name);
        if (name.Length > 0)
            section.Report(FaultNumber.ValueOutOfRange, $"'{name}' is not a hospital name.", section.PathOf(key),
                "Write 1 to 64 letters, digits, '-', '_' or '.', the first a letter or a digit.");
        return new HospitalId("unnamed");
    }

    private static string ColumnOf(HoconReader section, ImmutableArray<ColumnRule> columns, out ColumnRule? rule, string key = "column")
    {
        var name = section.Text(key);
        rule = columns.FirstOrDefault(column => column.Name == name);
        if (rule is null && name.Length > 0)
        {
            var nearest = NearestName.Of(name, columns.Select(column => column.Name));
            section.Report(FaultNumber.UnknownColumn, $"No column '{name}' is declared.", section.PathOf(key),
                (nearest is null ? "" : $"Did you mean '{nearest}'? ") + "Declare it under data.columns.");
        }
        return name;
    }

    // Values that a column cannot hold would never match, in silence.
    private static ImmutableArray<string> Values(HoconReader section, string key, ColumnRule? rule)
    {
        ImmutableArray<string> values = [.. section.Texts(key)];
        if (values.IsEmpty)
            section.Report(FaultNumber.MissingKey, "No value is listed.", section.PathOf(key), $"Write {key} = [VALUE].");
        if (rule is { Type: ColumnType.Number })
        {
            CheckNumbers(section, key, values);
        }
        else if (rule is not null)
        {
            foreach (var value in values.Where(value => !rule.Values.Contains(value)))
            {
                var nearest = NearestName.Of(value, rule.Values);
                section.Report(FaultNumber.UnknownName, $"'{value}' is not a value of column '{rule.Name}'.", section.PathOf(key),
                    (nearest is null ? "" : $"Did you mean '{nearest}'? ") + $"Known: {string.Join(", ", rule.Values.Select(known => $"'{known}'"))}.");
            }
        }
        return values;
    }

    private static void CheckNumbers(HoconReader section, string key, ImmutableArray<string> values)
    {
        foreach (var value in values)
        {
            if (!double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || !double.IsFinite(number))
                section.Report(FaultNumber.WrongType, $"'{value}' stands where a number belongs.", section.PathOf(key), "The column is declared as a number.");
        }
    }

    private static IEnumerable<T> Twice<T>(IEnumerable<T> names) =>
        names.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key);
}
