using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text.Json;
using FedActors.Core;
using FedActors.Core.Numerics;
using FedActors.Simulation;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary>Trains a job in simulation: <c>SimulationRun.RunAsync</c>, or what a test puts in its place.</summary>
internal delegate Task<RunOutcome> Simulate(
    SimulationOptions options, IRunObserver observer, CancellationToken cancellation);

/// <summary>
/// What a person types. It reads the command line, runs the command, and turns every way to fail into a numbered
/// message and an exit code; it decides nothing else.
/// </summary>
internal sealed class CommandLine
{
    private readonly Terminal _terminal;
    private readonly RootCommand _root;
    private readonly Option<bool> _json = new("--json")
    {
        Description = "Print one JSON document on standard output, and nothing else there.",
        Recursive = true,
    };

    public CommandLine(Terminal terminal, Simulate simulate, IReadOnlyList<Benchmark> benchmarks)
    {
        _terminal = terminal;
        _root = new RootCommand("Trains one medical model across hospitals without moving a patient record.")
        {
            _json,
            SimulateCommand.Create(terminal, simulate, _json),
            PrivacyCommands.Create(terminal, _json),
            ProvisionCommands.Create(terminal, _json),
            PolicyCommands.Create(terminal, _json),
            ConfigCommands.Config(terminal, _json),
            ConfigCommands.Doctor(terminal, _json),
        };
        foreach (var group in OperatorCommands.Create(terminal, _json))
            _root.Add(group);
        if (benchmarks.Count > 0)
            _root.Add(Benchmark.Group(terminal, benchmarks, _json));
        var help = _root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExample((HelpAction)help.Action!);
    }

    /// <returns>What the process exits with, one of <see cref="ExitCode"/>.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellation = default)
    {
        var parsed = _root.Parse(args);
        var json = args.Contains("--json");
        try
        {
            var unknown = UnknownWords(parsed);
            if (parsed.Action is not HelpWithExample && (parsed.Errors.Count > 0 || unknown.Length > 0))
                throw new FaultException(UsageFaults(parsed, unknown));
            return await parsed.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = _terminal.OutputText,
                    Error = _terminal.ProgressText,
                    EnableDefaultExceptionHandler = false,
                },
                cancellation);
        }
        catch (FaultException refused)
        {
            return Tell(refused, json);
        }
        catch (OperationCanceledException)
        {
            return Tell(
                new FaultException(ExitCode.Failed, new Fault(
                    FaultNumber.Interrupted, "The command was interrupted.", "",
                    "What was committed is kept: the same command goes on from there.")),
                json);
        }
        catch (Exception failure) when (_terminal.Variable("FEDACTORS_TRACE") != "1")
        {
            return Tell(new FaultException(ExitCode.Failed, Unexpected(failure)), json);
        }
    }

    // The text of an exception may quote the data it stumbled over, so only those about files are repeated.
    private static Fault Unexpected(Exception failure) => new(
        FaultNumber.Unexpected,
        failure is IOException or UnauthorizedAccessException
            ? $"Something unforeseen happened: {failure.Message}"
            : $"Something unforeseen happened ({failure.GetType().Name}).",
        "",
        "Set FEDACTORS_TRACE=1 and run the command again to see all of it, then please report it.");

    private int Tell(FaultException refused, bool json)
    {
        if (json)
            _terminal.OutputText.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Error = new
                    {
                        Faults = refused.Faults.Select(fault => new { fault.Code, fault.What, fault.Where, fault.Fix }),
                        ExitCode = (int)refused.ExitCode,
                    },
                },
                ResultJson.Indented));
        else
            foreach (var fault in refused.Faults)
            {
                _terminal.ProgressText.WriteLine($"{fault.Code}  {fault.What}");
                if (fault.Where.Length > 0)
                    _terminal.ProgressText.WriteLine($"         where: {fault.Where}");
                _terminal.ProgressText.WriteLine($"         fix:   {fault.Fix}");
            }
        return (int)refused.ExitCode;
    }

    /// <summary>Words that are nothing: not an option, not a command, or an option's misspelling that would pass for a
    /// file.</summary>
    private static ImmutableArray<string> UnknownWords(ParseResult parsed)
    {
        var taken = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)
            .Select(token => token.Value);
        var options = taken.Concat(parsed.UnmatchedTokens).Where(word => word.StartsWith('-')).Distinct()
            .ToImmutableArray();
        // A misspelt option or command leaves its own words behind as further unknown ones; one fault for all is
        // enough.
        return options.Length > 0 ? options : [.. parsed.UnmatchedTokens.Take(1)];
    }

    private static ImmutableArray<Fault> UsageFaults(ParseResult parsed, ImmutableArray<string> unknown)
    {
        var command = parsed.CommandResult.Command;
        var see = $"See '{PathOf(command)} --help'.";
        return
        [
            .. unknown.Select(word =>
            {
                var nearest = NearestName.Of(word.Split('=')[0], NamesIn(command));
                return new Fault(
                    FaultNumber.Usage, $"There is no '{word}' here.", "command line",
                    nearest is null ? see : $"Did you mean '{nearest}'? {see}");
            }),
            .. parsed.Errors
                .Where(error => unknown.Length == 0 || error.SymbolResult is OptionResult)
                .Select(error => new Fault(FaultNumber.Usage, Message(error), "command line", see)),
        ];
    }

    // System.CommandLine would tell a reader about System.Nullable`1.
    private static string Message(ParseError error)
    {
        if (error.SymbolResult is not OptionResult { Tokens.Count: > 0 } result
            || !error.Message.StartsWith("Cannot parse", StringComparison.Ordinal))
            return error.Message;
        var kind =
            Type.GetTypeCode(Nullable.GetUnderlyingType(result.Option.ValueType) ?? result.Option.ValueType) switch
            {
                TypeCode.Int32 or TypeCode.Int64 => "a whole number",
                TypeCode.Double => "a number",
                _ => "a value it can take",
            };
        return $"'{result.Option.Name} {string.Join(' ', result.Tokens)}': this is not {kind}.";
    }

    private static IEnumerable<string> NamesIn(Command command) =>
        command.Options.Select(option => option.Name)
            .Concat(command.Parents.OfType<Command>().SelectMany(parent => parent.Options).Where(o => o.Recursive)
                .Select(o => o.Name))
            .Concat(command.Subcommands.Select(subcommand => subcommand.Name));

    private static string PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent
        ? $"{PathOf(parent)} {command.Name}"
        : "fedactors";

    private sealed class HelpWithExample(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var result = help.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            foreach (var example in ExamplesOf(parseResult.CommandResult.Command))
                output.WriteLine($"Example:\n  {example}\n");
            return result;
        }

        private static IEnumerable<string> ExamplesOf(Command command) =>
            command is CommandWithExample own ? [own.Example] : command.Subcommands.SelectMany(ExamplesOf);
    }
}

/// <summary>A command whose <c>--help</c> ends with an example.</summary>
internal sealed class CommandWithExample(string name, string description, string example) : Command(name, description)
{
    public string Example { get; } = example;
}
