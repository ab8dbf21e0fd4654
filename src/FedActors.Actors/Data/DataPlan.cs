using System.Collections.Immutable;
using FedActors.Core.Data;
using FedActors.Core.Identity;

namespace FedActors.Actors.Data;

/// <summary>The checked <c>data</c> section of a job file: which files, what they hold, who holds which rows.</summary>
/// <param name="Source">Where a person gets the files, told when one is absent; may be empty.</param>
/// <param name="Attribution">Whose data it is and under which licence, told where its results are shown; may be empty.</param>
/// <param name="Words">How its results are spoken of.</param>
/// <param name="ColumnNames">Names of the columns of files without a header; empty where the first line names them.</param>
/// <param name="Schema">With the chosen target's label.</param>
/// <param name="Split">The chosen one.</param>
public sealed record DataPlan(
    string Source,
    string Attribution,
    DataWords Words,
    ImmutableArray<DataFile> Files,
    char Separator,
    ImmutableArray<string> ColumnNames,
    DataSchema Schema,
    SplitPlan Split);

/// <summary>The words of a dataset, for tables and reports.</summary>
/// <param name="Cases">What rows are, in the plural: biopsies.</param>
/// <param name="Condition">What label 1 means, in the singular: tumour.</param>
/// <param name="Conditions">The same in the plural: tumours.</param>
public sealed record DataWords(string Cases, string Condition, string Conditions);

/// <summary>One file of a job's data.</summary>
/// <param name="Path">Relative to the data directory.</param>
/// <param name="Hospital">Whose file it is, or null.</param>
/// <param name="Sha256">The file the job was made for; null takes any.</param>
public sealed record DataFile(string Path, string? Hospital, Digest? Sha256);
