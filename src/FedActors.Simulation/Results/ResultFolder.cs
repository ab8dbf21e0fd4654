using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using FedActors.Core;

namespace FedActors.Simulation.Results;

/// <summary>
/// Where a run leaves its results. Each file appears whole or not at all; <c>summary.json</c> comes last, so a folder
/// that has it is finished.
/// </summary>
public sealed class ResultFolder(string path)
{
    /// <summary>Writes all results.</summary>
    /// <exception cref="FaultException">
    /// FA-3001: a file could not be written. FA-3006: the page could not be made; all other results are there.
    /// </exception>
    public void Write(RunSummary summary, IReadOnlyList<RoundLine> rounds, ModelFile model, ReportExtras extras)
    {
        Write("model.json", model.ToJson());
        Write("model.safetensors", model.ToSafetensors());
        Write("rounds.jsonl", Encoding.UTF8.GetBytes(
            string.Concat(rounds.Select(line => JsonSerializer.Serialize(line, ResultJson.Compact) + "\n"))));
        var reportFault = WriteReport(summary, rounds, model, extras);
        Write("summary.json", [.. JsonSerializer.SerializeToUtf8Bytes(summary, ResultJson.Indented), (byte)'\n']);
        if (reportFault is not null)
            throw new FaultException(ExitCode.Failed, reportFault);
    }

    /// <summary>The results of a finished run, or null where the folder holds none.</summary>
    /// <exception cref="FaultException">FA-3007: results are there, but cannot be read.</exception>
    public (RunSummary Summary, ImmutableArray<RoundLine> Rounds)? Read()
    {
        if (!File.Exists(PathOf("summary.json")))
            return null;
        var summary = Read("summary.json", text => JsonSerializer.Deserialize<RunSummary>(text, ResultJson.Indented)!);
        if (summary.Schema != RunSummary.CurrentSchema)
            throw Unreadable("summary.json", $"its schema is '{summary.Schema}', not '{RunSummary.CurrentSchema}'");
        var rounds = Read("rounds.jsonl", text => text
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<RoundLine>(line, ResultJson.Compact)!)
            .ToImmutableArray());
        return (summary, rounds);
    }

    private string PathOf(string name) => Path.Combine(path, name);

    // Drawing needs a native library, and its absence must not cost a person the figures.
    private Fault? WriteReport(
        RunSummary summary, IReadOnlyList<RoundLine> rounds, ModelFile model, ReportExtras extras)
    {
        string page;
        try
        {
            page = Report.Of(summary, rounds, model, extras);
        }
        catch (Exception failure)
            when (failure is DllNotFoundException or TypeInitializationException or BadImageFormatException)
        {
            return new Fault(
                FaultNumber.ReportFailed,
                $"The report's plots could not be drawn ({failure.GetBaseException().GetType().Name}); the other "
                    + "results are there.",
                PathOf("report.html"),
                "Use a platform for which SkiaSharp has a native library, then run again with --fresh.");
        }
        Write("report.html", Encoding.UTF8.GetBytes(page));
        return null;
    }

    private void Write(string name, byte[] content)
    {
        // In the same folder, since only there a rename is one step.
        var temporary = PathOf($".{name}.{Environment.ProcessId}.tmp");
        try
        {
            Directory.CreateDirectory(path);
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, PathOf(name), overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new FaultException(ExitCode.Failed, new Fault(
                FaultNumber.OutputUnwritable,
                $"A result could not be written: {failure.Message}",
                PathOf(name),
                "Free space or choose another folder with --out; the same command then goes on from the last "
                    + "committed round."));
        }
    }

    private static void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The fault that is about to be told names the folder; a left-over temporary file adds nothing to it.
        }
    }

    private T Read<T>(string name, Func<string, T> parse)
    {
        try
        {
            return parse(File.ReadAllText(PathOf(name)));
        }
        catch (JsonException failure)
        {
            throw Unreadable(name, $"line {failure.LineNumber + 1} is not what was written");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(name, failure.Message);
        }
    }

    private FaultException Unreadable(string name, string why) => new(ExitCode.Failed, new Fault(
        FaultNumber.ResultUnreadable,
        $"The results of a finished run cannot be read: {why}.",
        PathOf(name),
        "Choose another folder with --out, or start over with --fresh."));
}
