using Akka.Actor;
using Akka.Event;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>Waits for what an actor system says in its log.</summary>
internal static class LogLine
{
    /// <summary>Ends when a line with this text is said from now on.</summary>
    public static Task Of(ActorSystem system, string text)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        system.EventStream.Subscribe(system.ActorOf(Props.Create<Listener>(text, heard)), typeof(LogEvent));
        return heard.Task.WaitAsync(TimeSpan.FromSeconds(120));
    }

    private sealed class Listener : ReceiveActor
    {
        public Listener(string text, TaskCompletionSource heard) => Receive<LogEvent>(said =>
        {
            if ((said.Message.ToString() ?? "").Contains(text, StringComparison.Ordinal))
                heard.TrySetResult();
        });
    }
}
