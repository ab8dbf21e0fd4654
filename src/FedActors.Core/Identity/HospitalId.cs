namespace FedActors.Core.Identity;

/// <summary>
/// A hospital's name in a federation: 1 to 64 characters, letters, digits, '-', '_' or '.', the first a letter or a
/// digit. It names files, persistence ids and log lines, hence the narrow alphabet.
/// </summary>
public readonly record struct HospitalId : IComparable<HospitalId>
{
    private readonly string? _name;

    /// <exception cref="ArgumentException">Not a hospital name.</exception>
    public HospitalId(string name)
    {
        if (!IsValid(name))
            throw new ArgumentException($"'{name}' is not a hospital name: 1 to 64 letters, digits, '-', '_' or '.'.",
                nameof(name));
        _name = name;
    }

    public static bool IsValid(string? name) =>
        name is { Length: >= 1 and <= 64 } && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>Ordinal, so that every party sorts a roster alike.</summary>
    public int CompareTo(HospitalId other) => string.CompareOrdinal(ToString(), other.ToString());

    public static bool operator <(HospitalId left, HospitalId right) => left.CompareTo(right) < 0;

    public static bool operator >(HospitalId left, HospitalId right) => left.CompareTo(right) > 0;

    public static bool operator <=(HospitalId left, HospitalId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(HospitalId left, HospitalId right) => left.CompareTo(right) >= 0;

    public override string ToString() => _name ?? "";
}
