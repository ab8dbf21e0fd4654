using System.Diagnostics;

namespace FedActors.TestNode;

/// <summary>
/// What goes wrong at one event of the journal: <c>FEDACTORS_FAILPOINT=before|after:EVENT=kill|stop|fail</c>, or
/// several with commas between, of which each waits for the one before it and strikes once.
/// <c>before</c>: nothing is written. <c>after</c>: the event is durable, and nobody knows. <c>kill</c>: SIGKILL.
/// <c>stop</c>: SIGSTOP, until someone sends SIGCONT. <c>fail</c>: the journal says that the write failed.
/// </summary>
public sealed record Failpoint(string When, string Event, string Action)
{
    private static readonly Lock Gate = new();

    private static readonly Queue<Failpoint> Ahead =
        new(Parse(Environment.GetEnvironmentVariable("FEDACTORS_FAILPOINT")));

    /// <exception cref="FormatException">One of them is none.</exception>
    public static IEnumerable<Failpoint> Parse(string? text) =>
        (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split(':', '=') switch
        {
            [("before" or "after") and var when, { Length: > 0 } name, ("kill" or "stop" or "fail") and var action] =>
                new Failpoint(when, name, action),
            _ => throw new FormatException($"'{one}' is no failpoint: write before|after:EVENT=kill|stop|fail."),
        });

    /// <summary>Strikes where this is the place of the next one.</summary>
    /// <param name="events">Names of those that are written together.</param>
    /// <exception cref="IOException">The place of a <c>fail</c>.</exception>
    public static void Reach(string when, IEnumerable<string> events)
    {
        lock (Gate)
        {
            if (Ahead.TryPeek(out var next) && next.When == when && events.Contains(next.Event))
                Ahead.Dequeue().Strike();
        }
    }

    private void Strike()
    {
        switch (Action)
        {
            case "kill":
                Process.GetCurrentProcess().Kill();
                break;
            case "stop":
                using (var stop = Process.Start("kill", ["-STOP", $"{Environment.ProcessId}"]))
                    stop.WaitForExit();
                break;
            default:
                Console.Error.WriteLine($"Failed {When}:{Event}.");
                throw new IOException("The write failed, as the test asked.");
        }
    }
}
