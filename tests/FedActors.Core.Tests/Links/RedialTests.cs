using CsCheck;
using FedActors.Core.Links;

namespace FedActors.Core.Tests.Links;

public sealed class RedialTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Test]
    public void A_door_that_does_not_answer_gets_a_new_connection_after_its_time_and_then_again()
    {
        var redial = new Redial(Patience);

        var renewed = Enumerable.Range(0, 61).Where(second => redial.NeedsNewConnection(0, At(second)));

        Assert.That(renewed, Is.EqualTo((int[])[20, 40, 60]));
    }

    [Test]
    public void An_answer_begins_the_time_anew()
    {
        var redial = new Redial(Patience);
        redial.NeedsNewConnection(0, At(0));
        redial.Answered();

        Assert.That(redial.NeedsNewConnection(0, At(25)), Is.False);
        Assert.That(redial.NeedsNewConnection(0, At(44)), Is.False);
        Assert.That(redial.NeedsNewConnection(0, At(45)), Is.True);
    }

    [Test]
    public void Doors_are_called_in_turn_and_each_has_its_own_time()
    {
        var redial = new Redial(Patience);
        redial.NeedsNewConnection(0, At(0));
        redial.NeedsNewConnection(1, At(2));

        Assert.That(redial.NeedsNewConnection(0, At(20)), Is.True);
        Assert.That(redial.NeedsNewConnection(1, At(21)), Is.False);
        Assert.That(redial.NeedsNewConnection(1, At(22)), Is.True);
    }

    /// <summary>A connection must have the time to come about: none is ended sooner, whenever it is called
    /// on.</summary>
    [Test]
    public void No_connection_is_given_up_before_its_time() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 9]).Array[1, 60].Sample(calls =>
        {
            var (redial, second, last) = (new Redial(Patience), 0, new Dictionary<int, int>());
            foreach (var (door, pause) in calls)
            {
                second += pause;
                last.TryAdd(door, second);
                if (redial.NeedsNewConnection(door, At(second)))
                {
                    Assert.That(second - last[door], Is.GreaterThanOrEqualTo(20));
                    last[door] = second;
                }
                else
                {
                    Assert.That(second - last[door], Is.LessThan(20));
                }
            }
        });

    private static DateTimeOffset At(int second) => Start.AddSeconds(second);
}
