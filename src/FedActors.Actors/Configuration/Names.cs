using System.Text;

namespace FedActors.Actors.Configuration;

/// <summary>The names that files use for enum values: <c>LogisticRegression</c> is written
/// <c>logistic-regression</c>.</summary>
public static class Names
{
    public static string Of<T>(T value) where T : struct, Enum => Spelled<T>.ByValue[value];

    /// <summary>Reads one of the enum's names; anything else is a fault that names the nearest.</summary>
    public static T Read<T>(HoconReader reader, string key) where T : struct, Enum =>
        Spelled<T>.ByName[reader.OneOf(key, Spelled<T>.ByName.Keys)];

    /// <summary>The same, with what an absent key means.</summary>
    public static T Read<T>(HoconReader reader, string key, T otherwise) where T : struct, Enum =>
        Spelled<T>.ByName[reader.OneOf(key, Spelled<T>.ByName.Keys, Of(otherwise))];

    /// <summary>As <see cref="Of{T}"/>, for a value of any of the enums that files name.</summary>
    public static string OfAny(Enum value) => Spell(value.ToString());

    private static string Spell(string name)
    {
        // The field's own names are one word: fedavg, fedavgm.
        if (name.StartsWith("Fed", StringComparison.Ordinal))
            return name.ToLowerInvariant();
        var text = new StringBuilder();
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0)
                text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }

    private static class Spelled<T> where T : struct, Enum
    {
        public static readonly Dictionary<T, string> ByValue =
            Enum.GetValues<T>().ToDictionary(value => value, value => Spell(value.ToString()));

        public static readonly SortedDictionary<string, T> ByName =
            new(ByValue.ToDictionary(pair => pair.Value, pair => pair.Key), StringComparer.Ordinal);
    }
}
