using System.CommandLine.Parsing;

namespace FedActors.Cli;

/// <summary>Checks of option values that System.CommandLine tells as usage errors.</summary>
internal static class Validate
{
    public static Action<OptionResult> Within(long minimum, long maximum) => option =>
    {
        if (option.Tokens.Count == 1 && long.TryParse(option.Tokens[0].Value, out var value)
            && (value < minimum || value > maximum))
            option.AddError($"{option.Option.Name} {value} is out of range: {minimum} to {maximum}.");
    };
}
