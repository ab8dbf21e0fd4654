using Akka.Actor;
using Akka.TestKit;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// An <see cref="ActorTest"/> whose time stands still until <see cref="Advance"/>. Timers and <see cref="Clock"/> have
/// this one owner. The waits of the TestKit itself (ExpectMsg, Ask) go on in real time.
/// </summary>
public abstract class VirtualTimeTest(string hocon = "")
    : ActorTest($"akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"\n{hocon}")
{
    private SchedulerClock? _clock;

    /// <summary>Begins at 2026-01-01 00:00 UTC and moves with the timers; hand it to the actors under test.</summary>
    protected TimeProvider Clock => _clock ??= new SchedulerClock((TestScheduler)Sys.Scheduler);

    /// <summary>
    /// Moves time on and fires the timers that fall due. A timer set by a message counts only once that message has
    /// been handled: wait for the actor's reply first, or for <see cref="Received"/> where it sends none.
    /// </summary>
    protected void Advance(TimeSpan by)
    {
        _ = Clock;
        ((TestScheduler)Sys.Scheduler).Advance(by);
    }

    /// <summary>
    /// Ends when <paramref name="actor"/> has received all that this test told it before. It says nothing of a
    /// persistent actor's writes, nor of messages it stashed while writing: for those, wait for a reply.
    /// </summary>
    protected static async Task Received(IActorRef actor) =>
        await actor.Ask<ActorIdentity>(new Identify(null), TimeSpan.FromSeconds(10));

    /// <summary>A clock that tells the scheduler's time, from a fixed day on.</summary>
    private sealed class SchedulerClock(TestScheduler scheduler) : TimeProvider
    {
        private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private readonly DateTimeOffset _start = scheduler.Now;

        public override DateTimeOffset GetUtcNow() => Epoch + (scheduler.Now - _start);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => (scheduler.Now - _start).Ticks;
    }
}
