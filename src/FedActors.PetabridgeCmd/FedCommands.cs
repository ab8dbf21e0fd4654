using System.Collections.Immutable;
using FedActors.Actors.Operations.Palette;
using Petabridge.Cmd;

namespace FedActors.PetabridgeCmd;

/// <summary>
/// The operator palette in Petabridge.Cmd's words: <c>rounds watch</c> is <c>fed rounds-watch</c> there, and every
/// value has a switch, since <c>pbm</c> knows no values by their place.
/// </summary>
public static class FedCommands
{
    /// <summary>What a person types first.</summary>
    public const string Name = "fed";

    /// <summary>Each of our commands with its definition there.</summary>
    public static ImmutableArray<(OperatorCommand Command, CommandDefinition Definition)> All { get; } =
        [.. OperatorPalette.All.Select(command => (command, DefinitionOf(command)))];

    public static CommandPalette Palette { get; } = new(Name, All.Select(pair => pair.Definition).ToArray());

    public static string SwitchOf(OperatorArgument argument) => "--" + argument.Name;

    private static CommandDefinition DefinitionOf(OperatorCommand command)
    {
        var builder = new CommandDefinitionBuilder().WithName($"{command.Group}-{command.Name}").WithDescription(
            command.Description);
        foreach (var argument in command.Arguments)
            builder = builder.WithArgument(made => made
                .WithName(argument.Name)
                .WithDescription(argument.Kind == ArgumentKind.File
                    ? $"{argument.Description} A path on the hub's machine." : argument.Description)
                .IsMandatory(argument.IsRequired)
                .WithSwitch(SwitchOf(argument)));
        return builder.Build();
    }
}
