using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using FedActors.Core;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary>One command of <c>fedactors bench</c>. To add one, add it to the list in <c>Program.cs</c>.</summary>
/// <param name="Example">A whole command line.</param>
/// <param name="Run">Gives a record whose properties are the result, printed as they are or as JSON.</param>
internal sealed record Benchmark(
    string Name, string Description, string Example,
    ImmutableArray<Option> Options, Func<ParseResult, CancellationToken, Task<object>> Run)
{
    public static Command Group(Terminal terminal, IEnumerable<Benchmark> benchmarks, Option<bool> json)
    {
        var group = new Command("bench", "Measures this machine.");
        foreach (var benchmark in benchmarks)
            group.Add(benchmark.ToCommand(terminal, json));
        return group;
    }

    private CommandWithExample ToCommand(Terminal terminal, Option<bool> json)
    {
        var command = new CommandWithExample(Name, Description, Example);
        foreach (var option in Options)
            command.Add(option);
        command.SetAction(async (parsed, cancellation) =>
        {
            var result =
                JsonSerializer.SerializeToNode(await Run(parsed, cancellation), ResultJson.Indented)!.AsObject();
            if (parsed.GetValue(json))
                terminal.OutputText.WriteLine(result.ToJsonString(ResultJson.Indented));
            else
                foreach (var (name, value) in result)
                    terminal.OutputText.WriteLine($"{name,-24} {value?.ToJsonString() ?? FigureText.None}");
            return (int)ExitCode.Done;
        });
        return command;
    }
}
