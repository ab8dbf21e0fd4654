using System.CommandLine;
using System.Text.Json;
using FedActors.Actors.Configuration;
using FedActors.Actors.Operations;
using FedActors.Core;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary>
/// <c>fedactors config validate</c> and <c>fedactors doctor</c>: what is wrong before anything is started.
/// </summary>
internal static class ConfigCommands
{
    public static Command Config(Terminal terminal, Option<bool> json) =>
        new("config", "The files that FedActors reads.") { Validate(terminal, json) };

    public static Command Doctor(Terminal terminal, Option<bool> json)
    {
        var config = new Option<string>("--config")
        {
            Description = "The node's HOCON file.",
            HelpName = "FILE.conf",
            Required = true
        };
        var command = new CommandWithExample(
            "doctor",
                "At a node: file, kit, key, clock, folder, disk, journal, ports, patients and rules. Exit code 3: "
                    + "it is not ready.",
            "fedactors doctor --config /etc/fedactors/node.conf") { config };
        command.SetAction(async (parsed, _) =>
        {
            var findings = await new Doctor(terminal.Clock).ExamineAsync(parsed.GetValue(config)!);
            var isReady = findings.All(finding => finding.Health != Health.Fail);
            if (parsed.GetValue(json))
                terminal.OutputText.WriteLine(JsonSerializer.Serialize(
                    new
                    {
                        Ready = isReady,
                        Findings = findings.Select(finding => new
                        {
                            finding.Check,
                            Health = Word(finding.Health),
                            finding.What,
                            finding.Code,
                            finding.Fix,
                        }),
                    },
                    ResultJson.Indented));
            else
                Print(terminal.OutputText, findings, isReady);
            return (int)(isReady ? ExitCode.Done : ExitCode.NotReady);
        });
        return command;
    }

    private static CommandWithExample Validate(Terminal terminal, Option<bool> json)
    {
        var file = new Argument<string>("FILE.conf") { Description = "A node's, a job's or a policy's file." };
        var command = new CommandWithExample(
            "validate",
                "Reads a file as its reader would, and tells all that is wrong with it. Exit code 4: something is.",
            "fedactors config validate hocon/hospital.conf") { file };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(file)!;
            var kind = ConfigFile.Check(path);
            terminal.OutputText.WriteLine(parsed.GetValue(json)
                ? JsonSerializer.Serialize(new { File = path, Kind = kind, Valid = true }, ResultJson.Indented)
                : $"{path} is a {kind} file, and nothing is wrong with it.");
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static void Print(TextWriter output, IReadOnlyList<Finding> findings, bool isReady)
    {
        var width = findings.Max(finding => finding.Check.Length);
        foreach (var finding in findings)
        {
            output.WriteLine(
                $"{Word(finding.Health),-4}  {finding.Check.PadRight(width)}  {Lead(finding.Code)}{finding.What}");
            if (finding.Fix.Length > 0)
                output.WriteLine($"{new string(' ', 6 + width + 2)}do: {finding.Fix}");
        }
        output.WriteLine();
        output.WriteLine(isReady ? "Ready." : "Not ready.");
    }

    private static string Lead(string code) => code.Length == 0 ? "" : code + "  ";

    private static string Word(Health health) => health.ToString().ToLowerInvariant();
}
