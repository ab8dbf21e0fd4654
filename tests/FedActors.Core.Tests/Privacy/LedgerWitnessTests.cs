using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class LedgerWitnessTests
{
    private static readonly HospitalId Berlin = new("berlin");
    private static readonly SiteKey Key = SiteKey.Create(SecureRandomSource.Instance);

    [OneTimeTearDown]
    public void DropTheKey() => Key.Dispose();

    [Test]
    public void The_newest_head_is_kept_and_handed_back()
    {
        var witness = LedgerWitness.Empty.Observe(Head(3), Key.Public).Observe(Head(7), Key.Public).Observe(Head(5), Key.Public);
        Assert.That(witness.Of(Berlin).Single().Head.Sequence, Is.EqualTo(7));
        Assert.That(witness.Of(new HospitalId("rome")), Is.Empty);
    }

    [Test]
    public void A_head_that_its_hospital_did_not_sign_is_ignored()
    {
        var forged = Head(3) with { Head = Head(9).Head };
        Assert.That(forged.IsSignedBy(Key.Public), Is.False);
        Assert.That(LedgerWitness.Empty.Observe(forged, Key.Public).Of(Berlin), Is.Empty);
        Assert.That((Head(3) with { Scope = "other" }).IsSignedBy(Key.Public), Is.False);
        Assert.That((Head(3) with { Hospital = new HospitalId("rome") }).IsSignedBy(Key.Public), Is.False);
    }

    [Test]
    public void Each_patient_population_has_a_head_of_its_own() =>
        Assert.That(
            LedgerWitness.Empty.Observe(Head(3), Key.Public).Observe(Head(1, "cardiology"), Key.Public).Of(Berlin).Count(), Is.EqualTo(2));

    [Test]
    public void An_older_head_a_forked_one_and_none_at_all_are_spoken_against_and_a_newer_one_is_not()
    {
        var witness = LedgerWitness.Empty.Observe(Head(7), Key.Public);
        foreach (var behind in new[] { Head(3), Fork(7), null })
            Assert.That(witness.Against(Berlin, behind), Is.EqualTo(Head(7)).Using<SignedLedgerHead>((a, b) => a.Head == b.Head));
        foreach (var fine in new[] { Head(7), Head(8), Fork(8), Head(1, "cardiology") })
            Assert.That(witness.Against(Berlin, fine), Is.Null);
        Assert.That(witness.Against(new HospitalId("rome"), null), Is.Null, "who showed none before need show none");
    }

    private static SignedLedgerHead Fork(long sequence) => SignedLedgerHead.By(
        Key, Berlin, "ward", new LedgerHead(sequence, Digest.Of("another record"u8), default));

    private static SignedLedgerHead Head(long sequence, string scope = "ward") => SignedLedgerHead.By(
        Key, Berlin, scope, new LedgerHead(sequence, Digest.Of([(byte)sequence]), new PrivacyBudget(sequence, 1e-6)));
}
