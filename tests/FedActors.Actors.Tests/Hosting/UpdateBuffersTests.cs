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
}
