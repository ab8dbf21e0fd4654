using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>What actor systems say in their logs: waited for, or kept for whoever reads of a failure.</summary>
internal static class LogLine
{
    /// <summary>Keeps what a node says from now on.</summary>
    /// <param name="name">Who says it.</param>
    public static void Keep(Node node, string name, ConcurrentQueue<string> lines)
    {
        foreach (var system in node.Systems)
            Listen(system, said => lines.Enqueue(
                $"{said.Timestamp:HH:mm:ss.fff} {name}/{system.Name} {said.LogLevel()}: {said.Message} {said.Cause}"));
    }

    /// <summary>Ends when a line with this text is said from now on.</summary>
    public static Task Of(ActorSystem system, string text)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Listen(system, said =>
        {
            if ((said.Message.ToString() ?? "").Contains(text, StringComparison.Ordinal))
                heard.TrySetResult();
        });
        return heard.Task.WaitAsync(TimeSpan.FromSeconds(120));
    }

    private static void Listen(ActorSystem system, Action<LogEvent> hear) =>
        system.EventStream.Subscribe(system.ActorOf(Props.Create<Listener>(hear)), typeof(LogEvent));

    private sealed class Listener : ReceiveActor
    {
        public Listener(Action<LogEvent> hear) => Receive(hear);
    }
}
