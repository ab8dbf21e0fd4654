using FedActors.Core.Identity;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

/// <summary>Small jobs and ledgers.</summary>
internal static class Ledgers
{
    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Three releases for about epsilon 1 in all.</summary>
    public static readonly PrivacyTerms Terms = PrivacyTerms.Of(new DpEvent.SampledGaussian(0.1, 2, 5), 3, 1e-6);

    /// <summary>Room for two such jobs.</summary>
    public static readonly PrivacyBudget Limit = new(2.5 * Terms.Cost.Epsilon, 1e-5);

    public static PrivacyLedger New(int? order = null) =>
        PrivacyLedger.From(PrivacyLedger.Open("ward", new CompositionRule(order, 1e-6), Limit, Now));

    public static ChargeRequest Request(string job, int round, int attempt = 1, PrivacyTerms? terms = null) =>
        new(job, Digest.Of(System.Text.Encoding.UTF8.GetBytes(job)), round, attempt, terms ?? Terms);

    public static LedgerDecision Charge(this PrivacyLedger ledger, string job, int round, int attempt = 1) =>
        ledger.Charge(Request(job, round, attempt), Limit, Now);

    public static PrivacyLedger Charged(this PrivacyLedger ledger, string job, params int[] rounds) =>
        rounds.Aggregate(ledger, (now, round) => now.Charge(job, round).Next());

    public static PrivacyLedger Next(this LedgerDecision decision) => decision is LedgerDecision.Accepted accepted
        ? accepted.Next
        : throw new AssertionException($"Refused: {((LedgerDecision.Refused)decision).Reason}");

    public static PrivacyRefusal Refusal(this LedgerDecision decision) => decision is LedgerDecision.Refused refused
        ? refused.Reason
        : throw new AssertionException("It was not refused.");

    public static IReadOnlyList<LedgerEvent> Events(this LedgerDecision decision) =>
        [.. ((LedgerDecision.Accepted)decision).Records.Select(record => record.Event)];
}
