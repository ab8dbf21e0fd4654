using System.Collections.Immutable;
using Akka.Configuration;
using Akka.Configuration.Hocon;
using FedActors.Core;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Actors.Configuration;

/// <summary>
/// Reads one object of a HOCON file and collects every fault instead of stopping at the first: a wrong type, a value
/// out of range, a missing key, and, when <see cref="Done"/> is called, each key nobody asked for with the nearest
/// known one. A faulty value reads as the given stand-in, so that reading can go on.
/// </summary>
public sealed class HoconReader
{
    private readonly string _file;
    private readonly string _path;
    private readonly List<Fault> _faults;
    private readonly Dictionary<string, HoconValue> _values = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HoconReader> _sections = new(StringComparer.Ordinal);

    // True where something else stands in the section's place: that is told once, not once more for every key it lacks.
    private readonly bool _isMisplaced;

    private HoconReader(HoconValue? value, string file, string path, List<Fault> faults)
    {
        (_file, _path, _faults) = (file, path, faults);
        if (value is null || value.IsEmpty)
            return;
        if (!value.IsObject())
        {
            Report(FaultNumber.WrongType, $"'{Show(value)}' stands where a section belongs.", path,
                "Write { ... } there.");
            _isMisplaced = true;
            return;
        }
        foreach (var (key, item) in value.GetObject().Items)
            _values[key] = item;
    }

    /// <summary>Reads the section <paramref name="path"/> of <paramref name="config"/>; an absent one reads as
    /// empty.</summary>
    /// <param name="file">Named in faults.</param>
    /// <param name="faults">Receives what is wrong.</param>
    public static HoconReader Of(Config config, string path, string file, List<Fault> faults) =>
        new(config.HasPath(path) ? config.GetValue(path) : null, file, path, faults);

    /// <summary>The keys that stand in this section, in order of name.</summary>
    public IReadOnlyList<string> Keys => [.. _values.Keys.Order(StringComparer.Ordinal)];

    /// <summary>This section's own path, or that of one of its keys.</summary>
    public string PathOf(string key = "") => key.Length == 0 ? _path : $"{_path}.{key}";

    /// <summary>The file this section stands in, as faults name it.</summary>
    public string File => _file;

    public bool Has(string key)
    {
        _asked.Add(key);
        return _values.TryGetValue(key, out var value) && !IsAbsent(value);
    }

    public string Text(string key, string? otherwise = null)
    {
        if (!Find(key, otherwise is not null, out var value))
            return otherwise ?? "";
        if (value.IsString())
            return value.GetString();
        Report(FaultNumber.WrongType, $"'{Show(value)}' stands where a text belongs.", PathOf(key),
            "Write one word or a quoted text.");
        return otherwise ?? "";
    }

    /// <summary>One of <paramref name="names"/>; anything else is a fault that names the nearest.</summary>
    public string OneOf(string key, IReadOnlyCollection<string> names, string? otherwise = null)
    {
        var text = Text(key, otherwise);
        if (names.Contains(text) || text.Length == 0)
            return text.Length == 0 ? names.First() : text;
        var nearest = NearestName.Of(text, names);
        Report(FaultNumber.UnknownName, $"'{text}' is not known here.", PathOf(key),
            (nearest is null ? "" : $"Did you mean '{nearest}'? ") + $"Known: {string.Join(", ", names)}.");
        return names.First();
    }

    public long Integer(string key, long minimum, long maximum, long? otherwise = null)
    {
        if (!Find(key, otherwise is not null, out var value))
            return otherwise ?? minimum;
        if (!value.IsString() || !long.TryParse(value.GetString(), out var number))
        {
            Report(FaultNumber.WrongType, $"'{Show(value)}' stands where a whole number belongs.", PathOf(key),
                $"Write a whole number from {minimum} to {maximum}.");
            return otherwise ?? minimum;
        }
        if (number >= minimum && number <= maximum)
            return number;
        Report(FaultNumber.ValueOutOfRange, $"{number} is out of range.", PathOf(key),
            $"Write a whole number from {minimum} to {maximum}.");
        return Math.Clamp(number, minimum, maximum);
    }

    public double Number(string key, double minimum, double maximum, double? otherwise = null)
    {
        if (!Find(key, otherwise is not null, out var value))
            return otherwise ?? minimum;
        if (!value.IsString() || !double.TryParse(value.GetString(), out var number) || !double.IsFinite(number))
        {
            Report(FaultNumber.WrongType, $"'{Show(value)}' stands where a number belongs.", PathOf(key),
                $"Write a number from {minimum:R} to {maximum:R}.");
            return otherwise ?? minimum;
        }
        if (number >= minimum && number <= maximum)
            return number;
        Report(FaultNumber.ValueOutOfRange, $"{number:R} is out of range.", PathOf(key),
            $"Write a number from {minimum:R} to {maximum:R}.");
        return Math.Clamp(number, minimum, maximum);
    }

    public bool Switch(string key, bool? otherwise = null)
    {
        if (!Find(key, otherwise is not null, out var value))
            return otherwise ?? false;
        switch (value.IsString() ? value.GetString() : "")
        {
            case "on" or "true" or "yes": return true;
            case "off" or "false" or "no": return false;
            default:
                Report(FaultNumber.WrongType, $"'{Show(value)}' stands where on or off belongs.", PathOf(key),
                    "Write on or off.");
                return otherwise ?? false;
        }
    }

    public TimeSpan Duration(string key, TimeSpan minimum, TimeSpan maximum, TimeSpan? otherwise = null)
    {
        if (!Find(key, otherwise is not null, out var value))
            return otherwise ?? minimum;
        if (!TryDuration(value, out var duration))
        {
            Report(FaultNumber.WrongType, $"'{Show(value)}' stands where a duration belongs.", PathOf(key),
                "Write a number with a unit: 500ms, 60s, 5m, 1h.");
            return otherwise ?? minimum;
        }
        if (duration >= minimum && duration <= maximum)
            return duration;
        Report(FaultNumber.ValueOutOfRange, $"{Show(value)} is out of range.", PathOf(key),
            $"Write a duration from {minimum.TotalSeconds:R}s to {maximum.TotalSeconds:R}s.");
        return duration < minimum ? minimum : maximum;
    }

    /// <summary>A list of texts; absent reads as empty.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        if (!Find(key, true, out var value))
            return [];
        if (IsList(value) && value.GetArray().All(item => item.IsString()))
            return [.. value.GetArray().Select(item => item.GetString())];
        Report(FaultNumber.WrongType, $"'{Show(value)}' stands where a list belongs.", PathOf(key), "Write [a, b, c].");
        return [];
    }

    /// <summary>A list of hospitals, none twice; absent reads as empty.</summary>
    public ImmutableArray<HospitalId> Hospitals(string key)
    {
        var hospitals = new List<HospitalId>();
        foreach (var name in Texts(key))
        {
            if (!HospitalId.IsValid(name))
                Report(FaultNumber.ValueOutOfRange, $"'{name}' cannot name a hospital.", PathOf(key),
                    "Use 1 to 64 letters, digits, '-', '_' or '.'.");
            else if (hospitals.Contains(new HospitalId(name)))
                Report(FaultNumber.DuplicateName, $"'{name}' stands twice.", PathOf(key), "Name each hospital once.");
            else
                hospitals.Add(new HospitalId(name));
        }
        return [.. hospitals];
    }

    /// <summary>A list of whole numbers; absent reads as empty.</summary>
    public IReadOnlyList<long> Integers(string key, long minimum, long maximum)
    {
        var numbers = new List<long>();
        foreach (var text in Texts(key))
        {
            if (!long.TryParse(text, out var number))
                Report(FaultNumber.WrongType, $"'{text}' stands where a whole number belongs.", PathOf(key),
                    $"Write whole numbers from {minimum} to {maximum}.");
            else if (number < minimum || number > maximum)
                Report(FaultNumber.ValueOutOfRange, $"{number} is out of range.", PathOf(key),
                    $"Write whole numbers from {minimum} to {maximum}.");
            else
                numbers.Add(number);
        }
        return numbers;
    }

    /// <summary>A section within this one; absent reads as empty.</summary>
    public HoconReader Section(string key)
    {
        _asked.Add(key);
        if (!_sections.TryGetValue(key, out var section))
            _sections.Add(key, section = new HoconReader(_values.GetValueOrDefault(key), _file, PathOf(key), _faults));
        return section;
    }

    /// <summary>A list of sections, paths <c>key[0]</c>, <c>key[1]</c>, ...; absent reads as empty.</summary>
    public IReadOnlyList<HoconReader> Sections(string key)
    {
        if (!Find(key, true, out var value))
            return [];
        if (IsList(value) && value.GetArray().All(item => item.IsObject()))
            return [.. value.GetArray()
                .Select((item, index) => new HoconReader(item, _file, $"{PathOf(key)}[{index}]", _faults))];
        Report(FaultNumber.WrongType, $"'{Show(value)}' stands where a list of sections belongs.", PathOf(key),
            "Write [ { ... }, { ... } ], one a line.");
        return [];
    }

    /// <summary>Whether a fault was found at this key: what it reads as is then a stand-in, and no more is to be said
    /// of it.</summary>
    public bool IsFaulty(string key) => _faults.Any(fault => fault.Where == $"{_file}: {PathOf(key)}");

    /// <summary>Adds a fault found by the caller about one of this section's keys.</summary>
    public void Report(FaultNumber number, string what, string where, string fix) =>
        _faults.Add(new Fault(number, what, $"{_file}: {where}", fix));

    /// <summary>Every key must have been asked for by now: one that was not is unknown.</summary>
    public void Done()
    {
        foreach (var key in Keys.Where(key => !_asked.Contains(key)))
        {
            var nearest = NearestName.Of(key, _asked);
            Report(FaultNumber.UnknownKey, $"There is no key '{key}'.", PathOf(key),
                nearest is null ? $"Known here: {string.Join(", ", _asked)}." : $"Did you mean '{nearest}'?");
        }
    }

    private bool Find(string key, bool optional, out HoconValue value)
    {
        _asked.Add(key);
        if (_values.TryGetValue(key, out value!) && !IsAbsent(value))
            return true;
        if (!optional && !_isMisplaced)
            Report(FaultNumber.MissingKey, $"The key '{key}' is missing.", PathOf(key), "Add it.");
        return false;
    }

    // Akka's own IsArray() is false for [].
    private static bool IsList(HoconValue value) => value.Values.OfType<HoconArray>().Any();

    private static bool IsAbsent(HoconValue value) =>
        value.IsEmpty || (value.IsString() && value.GetString() == "null");

    // Akka's own reader takes a bare number as milliseconds and "infinite" as -1; here a unit is required, since a
    // deadline that is off by a factor of 1,000 is found out at night.
    private static bool TryDuration(HoconValue value, out TimeSpan duration)
    {
        duration = default;
        if (!value.IsString())
            return false;
        var text = value.GetString().Trim();
        var digits = text.Length - text.TrimStart([.. "0123456789."]).Length;
        if (digits == 0 || !double.TryParse(text[..digits], out var amount))
            return false;
        TimeSpan? unit = text[digits..].Trim() switch
        {
            "ms" or "milliseconds" => TimeSpan.FromMilliseconds(1),
            "s" or "second" or "seconds" => TimeSpan.FromSeconds(1),
            "m" or "minute" or "minutes" => TimeSpan.FromMinutes(1),
            "h" or "hour" or "hours" => TimeSpan.FromHours(1),
            "d" or "day" or "days" => TimeSpan.FromDays(1),
            _ => null,
        };
        if (unit is null || amount > 1e6)
            return false;
        duration = unit.Value * amount;
        return true;
    }

    private static string Show(HoconValue value)
    {
        var text = value.IsString() ? value.GetString() : value.IsArray() ? "[...]" : value.IsObject() ? "{...}" : "";
        return text.Length <= 60 ? text : text[..60] + "...";
    }
}
