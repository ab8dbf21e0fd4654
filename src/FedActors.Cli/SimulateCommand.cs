using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using FedActors.Core;
using FedActors.Simulation;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary><c>fedactors simulate</c>.</summary>
internal static class SimulateCommand
{
    public static Command Create(Terminal terminal, Simulate simulate, Option<bool> json)
    {
        var job = new Argument<string>("JOB.conf") { Description = "The job's HOCON file." };
        var data =
            new Option<string?>(
                "--data")
            {
                Description = "Where the job's data files lie. Default: beside the job file.",
                HelpName = "DIR"
            };
        var output =
            new Option<string?>("--out")
            {
                Description = "Where results go. Default: out/<job name>.",
                HelpName = "DIR"
            };
        var seed =
            new Option<long?>("--seed")
            {
                Description = "Seeds what must repeat: cohorts, batches, first weights.",
                HelpName = "N"
            };
        var rounds = new Option<long?>("--rounds") { Description = "Rounds to train.", HelpName = "N" };
        var set = new Option<string[]>("--set")
        {
            Description =
                "Replaces a key of the job file, as in job.training.l2=0.5. May be repeated; the last one wins.",
            HelpName = "path=value",
        };
        var fresh = new Option<bool>("--fresh") { Description = "Start over, even if the folder holds a run." };
        var command = new CommandWithExample(
            "simulate",
            "Trains a job on simulated hospitals and compares it with each hospital alone and with all data pooled.",
            "fedactors simulate samples/breast-tumour/job.conf --rounds 20 --set job.training.learning-rate=0.3")
        {
            job, data, output, seed, rounds, set, fresh,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var options = new SimulationOptions(
                parsed.GetValue(job)!,
                parsed.GetValue(data),
                parsed.GetValue(output),
                Overrides(parsed.GetValue(set) ?? [], parsed.GetValue(seed), parsed.GetValue(rounds)),
                parsed.GetValue(fresh));
            var outcome =
                await RoundProgress.WatchAsync(terminal, observer => simulate(options, observer, cancellation));
            if (parsed.GetValue(json))
                terminal.OutputText.WriteLine(Document(outcome));
            else
                Comparison.Print(terminal.Output, outcome);
            return (int)ExitCode.Done;
        });
        return command;
    }

    /// <summary>What <c>--set</c> and its short forms replace in a job file.</summary>
    internal static ImmutableArray<KeyValuePair<string, string>> Overrides(
        IEnumerable<string> set, long? seed, long? rounds)
    {
        var faults = new List<Fault>();
        var overrides = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach (var text in set)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                overrides.Add(new(text[..equals].Trim(), text[(equals + 1)..].Trim()));
            else
                faults.Add(new Fault(
                    FaultNumber.Usage, $"'--set {text}' is not path=value.", "command line",
                    "Write, for example, --set job.training.l2=0.5."));
        }
        if (seed is not null)
            overrides.Add(new("job.seed", seed.Value.ToString(CultureInfo.InvariantCulture)));
        if (rounds is not null)
            overrides.Add(new("job.training.rounds", rounds.Value.ToString(CultureInfo.InvariantCulture)));
        return faults.Count == 0 ? overrides.ToImmutable() : throw new FaultException(faults);
    }

    /// <summary>summary.json, with what only this call knows behind it.</summary>
    private static string Document(RunOutcome outcome)
    {
        var document = JsonSerializer.SerializeToNode(outcome.Summary, ResultJson.Indented)!.AsObject();
        document["out"] = outcome.OutDirectory;
        document["alreadyFinished"] = outcome.AlreadyFinished;
        document["resumedAfterRound"] = outcome.ResumedAfterRound;
        return document.ToJsonString(ResultJson.Indented);
    }
}
