using System.Collections.Immutable;

namespace FedActors.Core.Data;

/// <summary>A file of rows of text, as it is read: rows are taken one at a time and only once.</summary>
/// <param name="Name">As faults name it.</param>
/// <param name="Hospital">Whose file it is; null where the rows say it.</param>
/// <param name="Columns">Names of the fields, in order.</param>
public sealed record RawFile(string Name, string? Hospital, ImmutableArray<string> Columns, IEnumerable<RawRow> Rows);

/// <summary>One row of text.</summary>
/// <param name="Line">Where it begins in its file, from 1.</param>
/// <param name="Problem">Why it cannot be cut into fields, or null.</param>
public readonly record struct RawRow(int Line, string[] Fields, string? Problem = null);
