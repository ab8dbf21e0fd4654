using FedActors.Core.Participation;

namespace FedActors.Core.Tests.Participation;

public class OwnStateTests
{
    private static readonly OwnState AfterTwo = OwnState.Empty.Trained(2, [1, 2]).Settle(lastIncluded: 2);

    [Test]
    public void What_was_trained_counts_once_the_hub_says_that_its_round_does()
    {
        var trained = AfterTwo.Trained(5, [3, 4]);
        Assert.That(trained.Kept, Is.EqualTo(new double[] { 1, 2 }));
        Assert.That(trained.Settle(5).Kept, Is.EqualTo(new double[] { 3, 4 }));
        Assert.That(trained.Settle(5).Round, Is.EqualTo(5));
    }

    [Test]
    public void What_was_trained_for_a_round_that_does_not_count_is_forgotten()
    {
        var settled = AfterTwo.Trained(5, [3, 4]).Settle(2);
        Assert.That(settled.Kept, Is.EqualTo(new double[] { 1, 2 }));
        Assert.That(settled.PendingRound, Is.Zero);
    }

    [Test]
    public void A_hospital_that_counts_in_no_round_has_nothing_to_go_on_from() =>
        Assert.That(OwnState.Empty.Trained(1, [3, 4]).Settle(0), Is.EqualTo(OwnState.Empty));

    [Test]
    public void A_round_that_this_hospital_does_not_know_of_begins_anew_and_shows() =>
        Assert.That(AfterTwo.Trained(3, [3, 4]).Settle(4).Round, Is.Zero);

    [Test]
    public void Asking_twice_changes_nothing()
    {
        var settled = AfterTwo.Trained(5, [3, 4]).Settle(5);
        Assert.That(settled.Settle(5), Is.EqualTo(settled));
    }

    [Test]
    public void A_state_comes_back_from_its_bytes()
    {
        foreach (
            var state in (OwnState[])[OwnState.Empty, AfterTwo, OwnState.Empty.Trained(1, [8, 9]),
                AfterTwo.Trained(7, [8, 9])])
        {
            var read = OwnState.FromBytes(state.ToBytes(), length: 2)!;
            Assert.That((read.Round, read.PendingRound), Is.EqualTo((state.Round, state.PendingRound)));
            Assert.That(read.Kept, Is.EqualTo(state.Kept));
            Assert.That(read.Pending, Is.EqualTo(state.Pending));
        }
    }

    [Test]
    public void Bytes_that_are_no_state_of_this_length_are_not_read([Values(0, 11, 13, 20, 36, 52)] int length) =>
        Assert.That(OwnState.FromBytes(new byte[length], length: 2), Is.Null);

    [Test]
    public void A_damaged_count_is_not_followed()
    {
        var bytes = AfterTwo.ToBytes();
        bytes[8] = 200;
        Assert.That(OwnState.FromBytes(bytes, length: 2), Is.Null);
    }
}
