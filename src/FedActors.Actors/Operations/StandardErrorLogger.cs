using System.Globalization;
using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;

namespace FedActors.Actors.Operations;

/// <summary>Writes log lines to standard error: standard output belongs to results.</summary>
public sealed class StandardErrorLogger : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    public StandardErrorLogger()
    {
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(line =>
        {
            var cause = line.Cause is null ? "" : $" ({line.Cause.GetType().Name}: {line.Cause.Message})";
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{line.Timestamp:yyyy-MM-dd HH:mm:ss.fff} {line.LogLevel().ToString()[..^5].ToLowerInvariant()} "
                    + $"{line.Message}{cause}"));
        });
    }
}
