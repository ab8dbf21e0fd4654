using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>An epsilon and a delta: spent, asked for, or allowed.</summary>
public readonly record struct PrivacyBudget(double Epsilon, double Delta)
{
    /// <summary>For a person, to four digits.</summary>
    public override string ToString() => this == default
        ? "nothing"
        : FormattableString.Invariant($"epsilon {Epsilon:0.####} at delta {NumberText.Of(Delta, 4)}");
}

/// <summary>
/// What a job may release about one patient in all, and what that costs: fixed before its first release, as composition
/// inside a job asks. Compares by value.
/// </summary>
public sealed record PrivacyTerms
{
    private PrivacyTerms(DpEvent release, long releases, PrivacyBudget cost) =>
        (Release, Releases, Cost) = (release, releases, cost);

    /// <summary>What one round releases, at its worst case.</summary>
    public DpEvent Release { get; }

    /// <summary>The most rounds that may be charged.</summary>
    public long Releases { get; }

    /// <summary>Of all releases, by <see cref="RdpAccountant.Integer"/>: what is proven for noise drawn as whole
    /// numbers.</summary>
    public PrivacyBudget Cost { get; }

    /// <summary>All releases as one event.</summary>
    public DpEvent Whole => Release with { Steps = Release.Steps * Releases };

    /// <summary>The terms, with their price.</summary>
    /// <exception cref="FaultException">The event, the number of releases or delta is out of range, or no epsilon
    /// bounds it.</exception>
    public static PrivacyTerms Of(DpEvent release, long releases, double delta)
    {
        PrivacyRange.Require(
            [.. PrivacyRange.Steps(releases), .. PrivacyRange.Steps((double)release.Steps * releases)]);
        var whole = release with { Steps = release.Steps * releases };
        var epsilon = RdpAccountant.Integer.Compose(whole).Spent(delta).Epsilon;
        if (!double.IsFinite(epsilon))
            throw new FaultException(
                new Fault(FaultNumber.BudgetOutOfReach, "No epsilon bounds this job.", "epsilon", "Give more noise."));
        return new PrivacyTerms(release, releases, new PrivacyBudget(epsilon, delta));
    }

    /// <summary>As a ledger wrote them down.</summary>
    internal static PrivacyTerms Recorded(DpEvent release, long releases, PrivacyBudget cost) =>
        new(release, releases, cost);
}
