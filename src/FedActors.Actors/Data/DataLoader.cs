using System.Security.Cryptography;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Identity;

namespace FedActors.Actors.Data;

/// <summary>Reads what a <see cref="DataPlan"/> names into a dataset split over hospitals.</summary>
public static class DataLoader
{
    /// <param name="jobFileDirectory">Where the job file lies, and a split list beside it.</param>
    /// <param name="dataDirectory">Where the data lies; null for the job file's own folder.</param>
    /// <exception cref="FaultException">FA-20nn: a file that is not there; else everything that is wrong with files and
    /// rows, or, where those are right, with the split.</exception>
    /// <param name="isTested">Whether rows must be kept back to judge models by: a hospital's own node keeps
    /// none.</param>
    public static FederatedData Load(
        DataPlan plan, string jobFileDirectory, string? dataDirectory, bool isTested = true)
    {
        string PathOf(DataFile file) => Path.Combine(dataDirectory ?? jobFileDirectory, file.Path);
        var list = plan.Split.Holdout is HoldoutRule.Listed listed ? Path.Combine(jobFileDirectory, listed.File) : null;
        var absent = plan.Files.Select(file => Absent(file, plan.Source, PathOf(file), dataDirectory is null)).ToList();
        if (list is not null && Unreadable(list) is { } reason)
            absent.Add(
                new Fault(FaultNumber.DataFileMissing, $"The split list cannot be read: {reason}.", list,
                    "Put it beside the job file."));
        if (absent.Any(fault => fault is not null))
            throw new FaultException(absent.OfType<Fault>());
        var strange = plan.Files.Select(file => Strange(file, plan.Source, PathOf(file))).OfType<Fault>().ToArray();
        FederatedData data;
        try
        {
            data = FederatedDataBuilder.Build(
                plan.Schema,
                plan.Split,
                plan.Files.Select(file => Open(file.Path, file.Hospital, PathOf(file), plan)),
                list is null ? null
                : Open(Path.GetFileName(list), null, list, plan with { Separator = ',', ColumnNames = [] }),
                isTested);
        }
        catch (FaultException e) when (strange.Length > 0)
        {
            throw new FaultException([.. strange, .. e.Faults]);
        }
        return strange.Length == 0 ? data : throw new FaultException(strange);
    }

    private static Fault? Absent(DataFile file, string source, string path, bool noDirectoryGiven)
    {
        if (Unreadable(path) is not { } reason)
            return null;
        var sum = file.Sha256 is { } sha256 ? $"Its SHA-256 is {sha256}. " : "";
        return noDirectoryGiven && source.Length > 0
            ? new Fault(FaultNumber.DataNotGiven, $"This job does not carry its data: '{file.Path}' is wanted.", path,
                $"{From(source)}{sum}Then name its folder: --data DIR.")
            : new Fault(FaultNumber.DataFileMissing, $"The file cannot be read: {reason}.", path,
                $"{From(source)}{sum}Check its name under data.files, and the folder given by --data.");
    }

    private static Fault? Strange(DataFile file, string source, string path)
    {
        if (file.Sha256 is not { } expected)
            return null;
        using var stream = File.OpenRead(path);
        var actual = new Digest(SHA256.HashData(stream));
        return actual == expected
            ? null
            : new Fault(FaultNumber.ChecksumDiffers,
                $"This is not the file the job was made for: its SHA-256 is {actual}, not {expected}.", path,
                $"{From(source)}To use this file all the same, write its own sha256 under data.files, or "
                    + "leave the key out.");
    }

    private static string From(string source) => source.Length == 0 ? "" : $"Get it from {source}. ";

    private static string? Unreadable(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return "there is no such file";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Directory.Exists(path) ? "it is a folder" : "reading it is not allowed";
        }
    }

    private static RawFile Open(string name, string? hospital, string path, DataPlan plan)
    {
        var rows = CsvFile.Rows(path, plan.Separator);
        return plan.ColumnNames.IsEmpty
            ? new RawFile(name, hospital, [.. rows.Take(1).SelectMany(header => header.Fields)], rows.Skip(1))
            : new RawFile(name, hospital, plan.ColumnNames, rows);
    }
}
