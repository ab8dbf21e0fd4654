using FedActors.Core.Links;
using FedActors.Core.Protocol;

namespace FedActors.Core.Tests.Links;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class OutboxTests
{
    private readonly Outbox _hospital = new(keepsLast: false, limit: 5);
    private readonly Outbox _hub = new(keepsLast: true, limit: 5);

    [Test]
    public void What_was_not_heard_is_said_again_in_order_and_what_was_is_not()
    {
        for (var i = 1; i <= 4; i++)
            _hospital.Add(1, Say(i), i);
        _hospital.Heard(2);

        Assert.That(Again(_hospital), Is.EqualTo((long[])[3, 4]));
    }

    [Test]
    public void The_hub_says_the_last_question_of_each_open_conversation_again_even_if_it_was_heard()
    {
        _hub.Add(1, Say(1), 1);
        _hub.Add(2, Say(2), 2);
        _hub.Add(2, Say(3), 3);
        _hub.Heard(3);

        Assert.That(Again(_hub), Is.EqualTo((long[])[1, 3]));
    }

    [Test]
    public void A_conversation_that_is_over_leaves_only_what_was_not_heard()
    {
        _hub.Add(1, Say(1), 1);
        _hub.Add(1, Say(2), 2);
        _hub.Heard(1);
        _hub.Close(1);

        Assert.That(Again(_hub), Is.EqualTo((long[])[2]));
        _hub.Heard(1);
        Assert.That(_hub.Count, Is.Zero);
    }

    [Test]
    public void What_was_said_while_nobody_was_there_waits()
    {
        _hub.Add(1, Say(1), null);
        _hub.Heard(1_000_000);

        Assert.That(Again(_hub), Is.EqualTo((long[])[1]));
    }

    [Test]
    public void Of_a_hospital_that_stays_away_the_oldest_messages_go()
    {
        for (var i = 1; i <= 7; i++)
            _hub.Add(i, Say(i), null);

        Assert.That(Again(_hub), Is.EqualTo((long[])[3, 4, 5, 6, 7]));
    }

    private static LineProtocol.Pulse Say(long what) => new(what);

    // Numbers them from 1, as a new session does.
    private static long[] Again(Outbox outbox)
    {
        var said = new List<long>();
        outbox.Resend((_, message) =>
        {
            said.Add(((LineProtocol.Pulse)message).Heard);
            return said.Count;
        });
        return [.. said];
    }
}
