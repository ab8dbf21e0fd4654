using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Rounds;

public sealed class RoundWordsTests
{
    [Test]
    public void Every_phase_has_words([Values] RoundPhase phase) => Assert.That(RoundWords.Of(phase), Is.Not.Empty);

    [Test]
    public void Every_reason_says_what_happened_and_what_to_do([Values] DropReason reason)
    {
        var (what, fix) = RoundWords.Of(reason);

        Assert.That(what, Does.EndWith("."));
        Assert.That(fix, Does.EndWith("."));
    }
}
