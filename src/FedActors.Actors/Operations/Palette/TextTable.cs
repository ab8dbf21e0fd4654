namespace FedActors.Actors.Operations.Palette;

/// <summary>Columns of text, two spaces apart; the last one is not filled up.</summary>
internal static class TextTable
{
    public static string Of(string[] head, IEnumerable<string[]> rows)
    {
        string[][] all = [head, .. rows];
        var widths = head.Select((_, column) => all.Max(row => row[column].Length)).ToArray();
        return string.Join('\n', all.Select(row =>
            string.Join("  ", row.Select((text, column) => text.PadRight(widths[column]))).TrimEnd()));
    }
}
