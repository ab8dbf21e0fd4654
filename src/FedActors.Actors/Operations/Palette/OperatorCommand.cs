using System.Collections.Immutable;
using System.Text.Json.Nodes;
using FedActors.Core;

namespace FedActors.Actors.Operations.Palette;

/// <summary>
/// One command of the operator palette: what a person types, and what the hub does. Defined once; every door to the
/// palette (the management endpoint with its command line, Petabridge.Cmd) is made from it.
/// </summary>
/// <param name="Group">First word, such as <c>job</c>.</param>
/// <param name="Name">Second word, such as <c>submit</c>.</param>
/// <param name="Example">What stands behind the program's name.</param>
public sealed record OperatorCommand(string Group, string Name, string Description, string Example)
{
    public ImmutableArray<OperatorArgument> Arguments { get; init; } = [];

    /// <summary>Whether it changes anything: no door does such a thing at a mere look.</summary>
    public bool IsChange { get; init; }

    /// <summary>Whether it goes on answering until it is told to stop, or there is no more to tell.</summary>
    public bool IsStream { get; init; }

    /// <summary>Does it, and answers, once unless it is a stream.</summary>
    /// <exception cref="FaultException">It cannot be done.</exception>
    public required Func<OperatorRequest, CancellationToken, IAsyncEnumerable<OperatorReply>> Run { get; init; }
}

/// <param name="Name">Lower case; an option is typed with two dashes before it.</param>
/// <param name="Value">Stands for the value in help texts.</param>
public sealed record OperatorArgument(string Name, string Value, string Description, ArgumentKind Kind)
{
    public bool IsRequired { get; init; }
}

public enum ArgumentKind
{
    /// <summary>By its place.</summary>
    Word = 1,

    /// <summary>
    /// By its place: the path of a file where the command is typed. Its text goes to the hub, and the path for faults.
    /// </summary>
    File = 2,

    /// <summary>By its name.</summary>
    Option = 3,
}

/// <summary>A command with its values, at a hub.</summary>
/// <param name="Values">By argument; of a file its text, and under <see cref="PathOf"/> its path.</param>
public sealed record OperatorRequest(OperatorHub Hub, IReadOnlyDictionary<string, string> Values)
{
    /// <summary>Under this name the path of a file argument stands.</summary>
    public static string PathOf(string argument) => argument + "-path";

    public string? Get(string argument) => Values.GetValueOrDefault(argument);

    /// <summary>What stands in a file, at the door where its path was typed.</summary>
    /// <exception cref="FaultException">It cannot be read.</exception>
    public static string TextOf(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(
                FaultNumber.JobFileMissing, $"The file cannot be read: {e.Message.TrimEnd('.')}.", file,
                "Give the path of a job file, for example samples/breast-tumour/job.conf."));
        }
    }
}

/// <summary>An answer, for programs and for people.</summary>
/// <param name="Text">One or more lines, without a line's end at the end.</param>
public sealed record OperatorReply(JsonNode Document, string Text);
