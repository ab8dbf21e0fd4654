using CsvHelper;
using FedActors.Core.Data;

namespace FedActors.Actors.Data;

/// <summary>Cuts a CSV file (RFC 4180, UTF-8) into rows of trimmed text with the lines they begin at; empty lines are
/// skipped.</summary>
public static class CsvFile
{
    /// <summary>Streams the file's rows, the header like any other.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static IEnumerable<RawRow> Rows(string path, char separator)
    {
        string? problem = null;
        using var reader = CsvReader.FromFile(path, new CsvReaderOptions
        {
            HasHeader = false,
            Separator = separator,
            DetectSeparatorHint = false,
            TrimWhitespace = true,
            TrackLineNumbers = true,
            OnMalformedRecord = record => problem = record.Reason switch
            {
                CsvMalformedReason.UnterminatedQuote => "A quote is opened and never closed.",
                CsvMalformedReason.TextAfterClosingQuote => "Text follows a closing quote.",
                _ => "A quote stands where none belongs.",
            },
        });
        while (reader.Read())
        {
            yield return new RawRow((int)reader.LineNumber, reader.Current.ToArray(), problem);
            problem = null;
        }
    }
}
