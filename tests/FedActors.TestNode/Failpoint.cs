using System.Diagnostics;

namespace FedActors.TestNode;

/// <summary>
/// What goes wrong at one event of the journal, once in a process:
/// <c>FEDACTORS_FAILPOINT=before|after:EVENT=kill|stop|fail</c>.
/// <c>before</c>: nothing is written. <c>after</c>: the event is durable, and nobody knows. <c>kill</c>: SIGKILL.
/// <c>stop</c>: SIGSTOP, until someone sends SIGCONT. <c>fail</c>: the journal says that the write failed.
/// </summary>
public sealed class Failpoint
{
    private readonly string _when;
    private readonly string _event;
    private readonly string _what;
    private int _isSpent;

    private Failpoint(string when, string @event, string what) => (_when, _event, _what) = (when, @event, what);

    /// <summary>That of the environment; null where there is none.</summary>
    public static Failpoint? Current { get; } = Parse(Environment.GetEnvironmentVariable("FEDACTORS_FAILPOINT"));

    /// <exception cref="FormatException">It is none.</exception>
    public static Failpoint? Parse(string? text) => text?.Split(':', '=') switch
    {
        null or [""] => null,
        [("before" or "after") and var when, { Length: > 0 } name, ("kill" or "stop" or "fail") and var what] =>
        new Failpoint(when, name, what),
        _ => throw new FormatException($"'{text}' is no failpoint: write before|after:EVENT=kill|stop|fail."),
    };

    /// <summary>Strikes where this is the place.</summary>
    /// <param name="events">Names of those that are written together.</param>
    /// <exception cref="IOException">The place of a <c>fail</c>.</exception>
    public void Reach(string when, IEnumerable<string> events)
    {
        if (when != _when || !events.Contains(_event) || Interlocked.Exchange(ref _isSpent, 1) == 1)
            return;
        switch (_what)
        {
            case "kill":
                Process.GetCurrentProcess().Kill();
                break;
            case "stop":
                using (var stop = Process.Start("kill", ["-STOP", $"{Environment.ProcessId}"]))
                    stop.WaitForExit();
                break;
            default:
                throw new IOException("The write failed, as the test asked.");
        }
    }
}
