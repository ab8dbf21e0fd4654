using System.Collections.Immutable;
using FedActors.Core.Data;
using FedActors.Core.Identity;

namespace FedActors.Actors.Data;

/// <summary>The checked <c>data</c> section of a job file: which files, what they hold, who holds which rows.</summary>
/// <param name="Source">Where a person gets the files, told when one is absent; may be empty.</param>
/// <param name="ColumnNames">Names of the columns of files without a header; empty where the first line names
/// them.</param>
/// <param name="Schema">With the chosen target's label.</param>
/// <param name="Split">The chosen one.</param>
/// <param name="Story">What a report tells a doctor about the data.</param>
public sealed record DataPlan(
    string Source, ImmutableArray<DataFile> Files, char Separator, ImmutableArray<string> ColumnNames,
    DataSchema Schema, SplitPlan Split,
    DataStory Story);

/// <summary>How a report speaks of the data; every text may be empty.</summary>
/// <param name="Title">The report's heading.</param>
/// <param name="Positive">What label 1 means, in the singular: <c>tumour</c>.</param>
/// <param name="Plural">The same in the plural: <c>tumours</c>.</param>
/// <param name="Case">What a row is, in the plural: <c>biopsies</c>.</param>
/// <param name="Attribution">Whose data these are, and under which licence.</param>
public sealed record DataStory(string Title, string Positive, string Plural, string Case, string Attribution);

/// <summary>One file of a job's data.</summary>
/// <param name="Path">Relative to the data directory.</param>
/// <param name="Hospital">Whose file it is, or null.</param>
/// <param name="Sha256">The file the job was made for; null takes any.</param>
public sealed record DataFile(string Path, string? Hospital, Digest? Sha256);
