using System.Text;
using Spectre.Console;

namespace FedActors.Cli;

/// <summary>Where a command reads its surroundings and writes: results to standard output, all else to standard
/// error.</summary>
/// <param name="Output">Results.</param>
/// <param name="Progress">Progress, notes and faults.</param>
/// <param name="IsLive">Progress may move the cursor: standard error is a terminal.</param>
/// <param name="Variable">Reads an environment variable.</param>
internal sealed record Terminal(
    IAnsiConsole Output, IAnsiConsole Progress, bool IsLive, Func<string, string?> Variable, TimeProvider Clock)
{
    // Lines of a file or a pipe have no edge to wrap at.
    private const int WidthOfPipes = 10_000;

    public TextWriter OutputText => Output.Profile.Out.Writer;

    public TextWriter ProgressText => Progress.Profile.Out.Writer;

    /// <summary>The process's own streams. Colours follow NO_COLOR and the terminal's abilities.</summary>
    public static Terminal OfProcess()
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var colours = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var progress = ConsoleOn(Console.Error, Console.IsErrorRedirected, colours);
        return new Terminal(
            ConsoleOn(Console.Out, Console.IsOutputRedirected, colours),
            progress,
            !Console.IsErrorRedirected && progress.Profile.Capabilities.Ansi,
            Environment.GetEnvironmentVariable,
            TimeProvider.System);
    }

    /// <param name="plain">No colours, no cursor, no wrapping.</param>
    /// <param name="colours">Colours where the terminal has them; false where NO_COLOR is set (no-color.org).</param>
    public static IAnsiConsole ConsoleOn(TextWriter writer, bool plain, bool colours)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain || !colours ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
        });
        if (plain)
            console.Profile.Width = WidthOfPipes;
        return console;
    }
}
