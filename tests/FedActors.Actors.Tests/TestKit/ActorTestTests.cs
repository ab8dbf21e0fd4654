using Akka.Actor;
using Akka.Persistence;

namespace FedActors.Actors.Tests.TestKit;

public sealed class ActorTestTests : ActorTest
{
    private static readonly HashSet<string> Systems = [];
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(100);

    [Test]
    public void Each_case_has_a_system_of_its_own([Range(1, 3)] int _) =>
        Assert.That(Systems.Add(Sys.Name), Is.True, $"{Sys.Name} was used by another case");

    [Test]
    public void A_message_that_does_not_come_fails_the_test_and_says_so()
    {
        var failure = Assert.Throws<AssertionException>(() => FailingExpectation());
        Assert.That(failure!.Message, Does.Contain("Timeout").And.Contains("String"));
    }

    [Test]
    public async Task What_was_written_is_recovered_by_the_next_incarnation()
    {
        var first = Sys.ActorOf(Props.Create<Notebook>(TestActor));
        first.Tell("a");
        first.Tell("b");
        ExpectMsg("written a");
        ExpectMsg("written b");
        await first.GracefulStop(TimeSpan.FromSeconds(10));

        Sys.ActorOf(Props.Create<Notebook>(TestActor)).Tell("?");

        ExpectMsg("holds a,b");
    }

    [Test]
    public void A_failed_write_stops_the_actor_and_stores_nothing_and_then_the_journal_is_well()
    {
        Journal.FailWrite(2);
        var first = Watch(Sys.ActorOf(Props.Create<Notebook>(TestActor)));
        first.Tell("a");
        ExpectMsg("written a");
        first.Tell("b");
        ExpectMsg("failed b");
        ExpectTerminated(first);

        var second = Sys.ActorOf(Props.Create<Notebook>(TestActor));
        second.Tell("c");
        ExpectMsg("written c");
        second.Tell("?");
        ExpectMsg("holds a,c");
    }

    [Test]
    public void A_rejected_write_leaves_the_actor_running_and_is_not_recovered()
    {
        Journal.RejectWrites(@event => Equals(@event, "b"), times: 1);
        var actor = Sys.ActorOf(Props.Create<Notebook>(TestActor));
        foreach (var note in (string[])["a", "b", "c", "b"])
            actor.Tell(note);
        ExpectMsg("written a");
        ExpectMsg("rejected b");
        ExpectMsg("written c");
        ExpectMsg("written b");
        Watch(actor);
        Sys.Stop(actor);
        ExpectTerminated(actor);

        Sys.ActorOf(Props.Create<Notebook>(TestActor)).Tell("?");

        ExpectMsg("holds a,c,b");
    }

    [Test]
    public void Writes_that_match_fail_until_the_journal_recovers()
    {
        Journal.FailWrites(@event => Equals(@event, "b"));
        for (var attempt = 0; attempt < 12; attempt++)
        {
            var actor = Watch(Sys.ActorOf(Props.Create<Notebook>(TestActor)));
            actor.Tell("b");
            ExpectMsg("failed b");
            ExpectTerminated(actor);
        }

        Journal.Recover();
        Sys.ActorOf(Props.Create<Notebook>(TestActor)).Tell("b");

        ExpectMsg("written b");
    }

    [Test]
    public async Task Assertions_catch_what_is_thrown_and_fail_on_nothing_thrown()
    {
        var assertions = NUnitAssertions.Instance;
        Assert.That(assertions.AssertThrows(() => throw new InvalidOperationException("x")).Message, Is.EqualTo("x"));
        var thrown =
            await assertions.AssertThrowsAsync<ArgumentException>(() =>
                Task.FromException(new ArgumentNullException("y")));
        Assert.That(thrown, Is.InstanceOf<ArgumentNullException>());
        Assert.That(Failure(() => assertions.AssertThrows(() => { })), Does.Contain("Exception"));
        Assert.That(Failure(() => assertions.AssertTrue(false, "{0} left", 3)), Does.Contain("3 left"));
        Assert.That(Failure(() => assertions.AssertFalse(true, "a { brace")), Does.Contain("a { brace"));
        Assert.That(Failure(() => assertions.AssertEqual(1, 2, "differs")), Does.Contain("differs"));
        Assert.That(Failure(() => assertions.AssertEqual(1, 2, (_, _) => false, "differs")), Does.Contain("differs"));
        Assert.That(Failure(() => assertions.Fail("gone")), Does.Contain("gone"));
        Assert.That(
            Failure(() => assertions.AssertThrowsAsync(() => Task.CompletedTask).GetAwaiter().GetResult()),
            Does.Contain("nothing was thrown"));
    }

    private void FailingExpectation()
    {
        using (new NUnit.Framework.Internal.TestExecutionContext.IsolatedContext())
            ExpectMsg<string>(Soon);
    }

    private static string Failure(Action action)
    {
        using (new NUnit.Framework.Internal.TestExecutionContext.IsolatedContext())
            return Assert.Throws<AssertionException>(action)!.Message;
    }

    private sealed class Notebook : ReceivePersistentActor
    {
        private readonly List<string> _notes = [];

        public Notebook(IActorRef reader)
        {
            _reader = reader;
            Recover<string>(_notes.Add);
            Command<string>(text => text == "?", _ => _reader.Tell($"holds {string.Join(",", _notes)}"));
            Command<string>(text => Persist(text, note =>
            {
                _notes.Add(note);
                _reader.Tell($"written {note}");
            }));
        }

        private readonly IActorRef _reader;

        public override string PersistenceId => "notebook";

        protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
        {
            _reader.Tell($"failed {@event}");
            base.OnPersistFailure(cause, @event, sequenceNr);
        }

        protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
        {
            _reader.Tell($"rejected {@event}");
            base.OnPersistRejected(cause, @event, sequenceNr);
        }
    }
}
