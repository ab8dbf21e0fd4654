using FedActors.Actors.Hosting;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>Memory of updates goes round, and takes nothing of one hospital to the next.</summary>
public sealed class UpdateBuffersTests
{
    // Lengths that nothing else in these tests borrows.
    [TestCase(1_031)]
    [TestCase(300_007)]
    public void What_is_returned_is_wiped_and_lent_again(int length)
    {
        var first = UpdateBuffers.Rent(length);
        Array.Fill(first, (byte)7);

        UpdateBuffers.Return(first);

        Assert.That(first.AsSpan().IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That(UpdateBuffers.Rent(length), Is.SameAs(first));
        Assert.That(UpdateBuffers.Rent(length), Is.Not.SameAs(first).And.Length.EqualTo(length));
    }

    [Test]
    public void A_short_one_is_wiped_and_not_kept()
    {
        var first = UpdateBuffers.Rent(131);
        Array.Fill(first, (byte)7);

        UpdateBuffers.Return(first);

        Assert.That(first.AsSpan().IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That(UpdateBuffers.Rent(131), Is.Not.SameAs(first));
    }

    [Test]
    public void Of_long_ones_a_few_are_kept_and_no_more()
    {
        const int length = (1 << 22) + 1;
        var borrowed = Enumerable.Range(0, 10).Select(_ => UpdateBuffers.Rent(length)).ToArray();
        foreach (var buffer in borrowed)
            UpdateBuffers.Return(buffer);

        var again = Enumerable.Range(0, 10).Select(_ => UpdateBuffers.Rent(length)).ToArray();

        Assert.That(again.Count(buffer => borrowed.Contains(buffer)), Is.EqualTo(8));
    }
}
