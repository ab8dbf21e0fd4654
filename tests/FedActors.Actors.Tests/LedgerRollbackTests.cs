using Akka.Actor;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Tests;

/// <summary>A hospital whose ledger was restored or lost, among hospitals and hubs that saw it before, through all four actors.</summary>
public sealed class LedgerRollbackTests : PrivateConsortiumTest
{
    private static readonly HospitalId Restored = Cohort[2];

    [TestCase("restored")]
    [TestCase("lost")]
    public void Peers_notice_a_ledger_that_was_lost_or_restored_even_to_a_hub_that_knows_nothing_and_let_it_in_once_reconciled(string how)
    {
        File.Copy(PathOf(Restored), PathOf(Restored) + ".backup");
        Assert.That(Committed("first").Included, Is.EqualTo(Cohort));
        TakeAway(how);

        Start("second");
        ExpectMsg<JobProtocol.JobStarted>();
        var attempt = ExpectMsg<JobProtocol.AttemptReported>();
        Assert.That(attempt.Number, Is.EqualTo(FaultNumber.SecaggLedgerBehind));
        Assert.That(attempt.Reason, Does.Contain(Restored.ToString()));
        // The peers' evidence came back to the hospital with the next offer: its own ledger says no.
        AssertRefused(ExpectMsg<JobProtocol.RoundReported>().Record);
        ExpectMsg<JobProtocol.JobFinished>();
        AssertRefused(Committed("third"));
        // Charged once, before anybody could know; who refuses spends nothing.
        Assert.That(Ledgers[Restored].Ledger.Grants.Single().Charged, Is.EqualTo(1));

        var cost = Ledgers[Restored].Ledger.Grants.Single().Terms.Cost.Epsilon;
        var reconciled = Ledgers[Restored].Reconcile("Dr. Ode", "restored after a fire", null, 0, default, DateTimeOffset.UnixEpoch);
        Assert.That(reconciled, Is.InstanceOf<LedgerDecision.Accepted>());
        Assert.That(Committed("fourth").Included, Is.EqualTo(Cohort));
        Assert.That(Ledgers[Restored].Ledger.Spent.Epsilon, Is.EqualTo(3 * cost).Within(1e-9), "what was forgotten is charged");
    }

    [Test]
    public void A_hub_remembers_through_plain_sums_too_and_hands_the_head_back()
    {
        File.Copy(PathOf(Restored), PathOf(Restored) + ".backup");
        Lines.Before = (hospital, message) =>
        {
            if (hospital == Restored && message is RoundProtocol.RoundOffered { Id.Round: 2 })
                TakeAway("restored");
        };
        Start("plain", secure: false, rounds: 2);
        ExpectMsg<JobProtocol.JobStarted>();
        Assert.That(ExpectMsg<JobProtocol.RoundReported>().Record.Included, Is.EqualTo(Cohort));
        AssertRefused(ExpectMsg<JobProtocol.RoundReported>().Record);
    }

    private static void AssertRefused(RoundRecord record)
    {
        Assert.That(record.Included, Is.EqualTo(Cohort.Remove(Restored)));
        var dropped = record.Dropped.Single();
        Assert.That((dropped.Hospital, dropped.Reason), Is.EqualTo((Restored, DropReason.PrivacyRefused)));
        Assert.That(dropped.Detail, Does.StartWith("FA-6025"));
    }

    private RoundRecord Committed(string job)
    {
        Start(job);
        ExpectMsg<JobProtocol.JobStarted>();
        var record = ExpectMsg<JobProtocol.RoundReported>().Record;
        ExpectMsg<JobProtocol.JobFinished>();
        return record;
    }

    private void TakeAway(string how)
    {
        Agents[Restored].GracefulStop(TimeSpan.FromSeconds(10)).Wait(TimeSpan.FromSeconds(10));
        Ledgers[Restored].Dispose();
        File.Delete(PathOf(Restored));
        if (how == "restored")
        {
            File.Copy(PathOf(Restored) + ".backup", PathOf(Restored));
            Ledgers[Restored] = PrivacyLedgerFile.Open(PathOf(Restored), "ward", isFlushed: false, out _)!;
        }
        else
        {
            Ledgers[Restored] = Create(Restored);
        }
        StartHospital(Restored);
    }
}
