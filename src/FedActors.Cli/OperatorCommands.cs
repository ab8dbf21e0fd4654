using System.CommandLine;
using FedActors.Actors.Operations.Palette;
using FedActors.Core;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary>
/// The operator palette as commands: <c>fedactors job|rounds|hospitals|cluster</c>, and <c>privacy status</c> without a
/// ledger.
/// </summary>
internal static class OperatorCommands
{
    public static Option<string> Node => new("--node")
    {
        Description = "The hub's management endpoint.",
        HelpName = "HOST:PORT",
        DefaultValueFactory = _ => "127.0.0.1:7072",
    };

    public static IEnumerable<Command> Create(Terminal terminal, Option<bool> json) =>
        OperatorPalette.All.Where(command => command.Group != "privacy").GroupBy(command =>
            command.Group).Select(group =>
        {
            var commands = new Command(group.Key, group.Key switch
            {
                "job" => "At a hub: jobs to train.",
                "rounds" => "At a hub: a job's rounds.",
                "hospitals" => "At a hub: the federation's hospitals.",
                _ => "At a hub: its own nodes.",
            });
            foreach (var command in group)
                commands.Add(Create(command, terminal, json));
            return commands;
        });

    /// <summary>
    /// Runs a command and prints its answers: of one that follows something, a line or a document each.
    /// </summary>
    public static async Task<int> RunAsync(
        OperatorCommand command, string node, IReadOnlyDictionary<string, string> values, Terminal terminal,
            bool isJson, CancellationToken cancel)
    {
        await foreach (var reply in OperatorClient.RunAsync(command, UriOf(node), values, cancel))
            terminal.OutputText.WriteLine(
                isJson ? reply.Document.ToJsonString(command.IsStream ? ResultJson.Compact : ResultJson.Indented)
                    : reply.Text);
        return (int)ExitCode.Done;
    }

    private static CommandWithExample Create(OperatorCommand command, Terminal terminal, Option<bool> json)
    {
        var made = new CommandWithExample(command.Name, command.Description, $"fedactors {command.Example}");
        var arguments = command.Arguments.Where(argument => argument.Kind != ArgumentKind.Option).Select(argument =>
        {
            var word = new Argument<string?>(argument.Value)
            {
                Description = argument.Description,
                Arity = argument.IsRequired ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
            };
            made.Add(word);
            return (Definition: argument, Word: word);
        }).ToArray();
        var options = command.Arguments.Where(argument => argument.Kind == ArgumentKind.Option).Select(argument =>
        {
            var option = new Option<string?>("--" + argument.Name)
            {
                Description = argument.Description,
                HelpName = argument.Value,
                Required = argument.IsRequired,
            };
            made.Add(option);
            return (Definition: argument, Option: option);
        }).ToArray();
        var node = Node;
        made.Add(node);
        made.SetAction((parsed, cancel) =>
        {
            var values = new Dictionary<string, string>();
            foreach (var (definition, word) in arguments)
                Add(values, definition, parsed.GetValue(word));
            foreach (var (definition, option) in options)
                Add(values, definition, parsed.GetValue(option));
            return RunAsync(command, parsed.GetValue(node)!, values, terminal, parsed.GetValue(json), cancel);
        });
        return made;
    }

    private static void Add(Dictionary<string, string> values, OperatorArgument argument, string? value)
    {
        if (value is null)
            return;
        values[argument.Name] = argument.Kind == ArgumentKind.File ? OperatorRequest.TextOf(value) : value;
        if (argument.Kind == ArgumentKind.File)
            values[OperatorRequest.PathOf(argument.Name)] = value;
    }

    private static Uri UriOf(string node) =>
        Uri.TryCreate($"http://{node}/", UriKind.Absolute, out var uri) && uri.PathAndQuery == "/"
            && uri.UserInfo.Length == 0 && !uri.IsDefaultPort
            ? uri
            : throw new FaultException(new Fault(FaultNumber.Usage, $"'{node}' is no HOST:PORT.", "--node",
                "Write it as in 127.0.0.1:7072."));
}
