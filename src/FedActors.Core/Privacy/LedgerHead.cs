using FedActors.Core.Identity;

namespace FedActors.Core.Privacy;

/// <summary>Where a ledger stands: its last record and what it has granted. Sent with every release, kept by witnesses.</summary>
/// <param name="Sequence">Of the last record, from 0.</param>
/// <param name="Hash">SHA-256 of the last record, and through its chain of all before it.</param>
/// <param name="Spent">Of all jobs that were ever granted.</param>
public readonly record struct LedgerHead(long Sequence, Digest Hash, PrivacyBudget Spent);

/// <summary>A hospital's word on its ledger's head.</summary>
public sealed record SignedLedgerHead(HospitalId Hospital, string Scope, LedgerHead Head, Signature Signature)
{
    /// <summary>The head of <paramref name="hospital"/>'s ledger of <paramref name="scope"/>, signed by its key.</summary>
    public static SignedLedgerHead By(SiteKey key, HospitalId hospital, string scope, LedgerHead head) =>
        new(hospital, scope, head, key.Sign(Statement(hospital, scope, head)));

    /// <summary>Whether <paramref name="key"/>'s owner said so.</summary>
    public bool IsSignedBy(SitePublicKey key) => key.Verifies(Statement(Hospital, Scope, Head), Signature);

    /// <summary>The same in a message that carries it, signature included.</summary>
    internal void WriteTo(CanonicalWriter writer) => writer.Digest(Statement(Hospital, Scope, Head)).Bytes(Signature.Span);

    private static Digest Statement(HospitalId hospital, string scope, LedgerHead head) =>
        new CanonicalWriter("FA/ledger-head/v1").Hospital(hospital).Text(scope)
            .Int64(head.Sequence).Digest(head.Hash).Double(head.Spent.Epsilon).Double(head.Spent.Delta).Seal();
}
