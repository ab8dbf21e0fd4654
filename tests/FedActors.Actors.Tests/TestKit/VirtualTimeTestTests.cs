using Akka.Actor;

namespace FedActors.Actors.Tests.TestKit;

public sealed class VirtualTimeTestTests : VirtualTimeTest
{
    [Test]
    public async Task A_deadline_of_ten_minutes_falls_due_at_once_and_not_a_second_early()
    {
        var actor = Sys.ActorOf(Props.Create<Sleeper>(TestActor));
        actor.Tell(TimeSpan.FromMinutes(10));
        await Received(actor);

        Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        ExpectNoMsg(TimeSpan.FromMilliseconds(100));
        Advance(TimeSpan.FromSeconds(1));

        ExpectMsg("awake");
    }

    [Test]
    public void The_clock_moves_with_the_timers_and_only_with_them()
    {
        var before = Clock.GetTimestamp();
        Assert.That(Clock.GetUtcNow(), Is.EqualTo(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)));

        Advance(TimeSpan.FromHours(25));

        Assert.That(Clock.GetUtcNow(), Is.EqualTo(new DateTimeOffset(2026, 1, 2, 1, 0, 0, TimeSpan.Zero)));
        Assert.That(Clock.GetElapsedTime(before), Is.EqualTo(TimeSpan.FromHours(25)));
    }

    private sealed class Sleeper : ReceiveActor, IWithTimers
    {
        public Sleeper(IActorRef reader)
        {
            Receive<TimeSpan>(delay => Timers.StartSingleTimer("wake", "wake", delay));
            Receive<string>(_ => reader.Tell("awake"));
        }

        public ITimerScheduler Timers { get; set; } = null!;
    }
}
