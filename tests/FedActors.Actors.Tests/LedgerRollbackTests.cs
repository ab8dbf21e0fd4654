using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Simulation;

namespace FedActors.Actors.Tests;

/// <summary>A hospital whose ledger was restored or lost, among hospitals and hubs that saw it before, through all four actors.</summary>
public sealed class LedgerRollbackTests : ActorTest
{
    private static readonly HospitalSite[] Sites = Plans.Sites();
    private static readonly ImmutableArray<HospitalId> Cohort = [.. Sites.Select(site => site.Hospital)];
    private static readonly HospitalId Restored = Cohort[2];

    private readonly string _folder = Directory.CreateTempSubdirectory("fedactors-test-").FullName;
    private readonly ThrowawayConsortium _consortium = ThrowawayConsortium.Of(Cohort);
    private readonly ModelCache _models = new();
    private readonly SecureRoundTests.Lines _lines = new();
    private readonly Dictionary<HospitalId, IActorRef> _agents = [];
    private readonly Dictionary<HospitalId, PrivacyLedgerFile> _ledgers = [];

    [SetUp]
    public void StartHospitals()
    {
        foreach (var hospital in Cohort)
        {
            _ledgers[hospital] = Create(hospital);
            StartHospital(hospital);
        }
    }

    [TearDown]
    public void RemoveFolder()
    {
        foreach (var ledger in _ledgers.Values)
            ledger.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

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
        Assert.That(_ledgers[Restored].Ledger.Grants.Single().Charged, Is.EqualTo(1));

        var cost = _ledgers[Restored].Ledger.Grants.Single().Terms.Cost.Epsilon;
        var reconciled = _ledgers[Restored].Reconcile("Dr. Ode", "restored after a fire", null, 0, default, DateTimeOffset.UnixEpoch);
        Assert.That(reconciled, Is.InstanceOf<LedgerDecision.Accepted>());
        Assert.That(Committed("fourth").Included, Is.EqualTo(Cohort));
        Assert.That(_ledgers[Restored].Ledger.Spent.Epsilon, Is.EqualTo(3 * cost).Within(1e-9), "what was forgotten is charged");
    }

    [Test]
    public void A_hub_remembers_through_plain_sums_too_and_hands_the_head_back()
    {
        File.Copy(PathOf(Restored), PathOf(Restored) + ".backup");
        _lines.Before = (hospital, message) =>
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

    // On a hub of its own, which remembers nothing of any job before.
    private void Start(string job, bool secure = true, int rounds = 1)
    {
        var plan = Plans.Small(rounds: rounds, secure: secure, attempts: 2) with
        {
            Name = job,
            Privacy = new PrivacyPlan(secure ? PrivacyMode.PatientDistributed : PrivacyMode.PatientLocal, Epsilon: 2, Delta: 1e-5, MinimumSurvivors: 4),
        };
        plan = plan with { Training = plan.Training with { LocalSteps = 1 } };
        var blobs = Sys.ActorOf(Props.Create<MemoryBlobs>(new ConcurrentDictionary<Digest, ImmutableArray<byte>>()));
        var hub = new HubServices(_lines, blobs, _models, TimeProvider.System, ActorRefs.Nobody, _consortium.Hub);
        Sys.ActorOf(Coordinator.Props(hub, $"hub-{job}")).Tell(
            new JobProtocol.StartJob(plan, PlanHash.Of(plan), Cohort, [.. new double[5]]), TestActor);
    }

    private void TakeAway(string how)
    {
        _agents[Restored].GracefulStop(TimeSpan.FromSeconds(10)).Wait(TimeSpan.FromSeconds(10));
        _ledgers[Restored].Dispose();
        File.Delete(PathOf(Restored));
        if (how == "restored")
        {
            File.Copy(PathOf(Restored) + ".backup", PathOf(Restored));
            _ledgers[Restored] = PrivacyLedgerFile.Open(PathOf(Restored), "ward", isFlushed: false, out _)!;
        }
        else
        {
            _ledgers[Restored] = Create(Restored);
        }
        StartHospital(Restored);
    }

    private void StartHospital(HospitalId hospital)
    {
        var policy = SimulatedPrivacy.PolicyOf(hospital, 12) with { Scope = "ward" };
        var site = Sites.Single(site => site.Hospital == hospital) with
        {
            Security = _consortium.SecurityOf(hospital, new MemorySpool()) with { RequiresSecureSums = false },
            Privacy = new SitePrivacy(policy, _ledgers[hospital], null, SecureRandomSource.Instance, TimeProvider.System),
        };
        _agents[hospital] = Sys.ActorOf(HospitalAgent.Props(site, _models));
        _lines.Attach(hospital, _agents[hospital]);
    }

    private PrivacyLedgerFile Create(HospitalId hospital) =>
        PrivacyLedgerFile.Create(PathOf(hospital), "ward", new CompositionRule(null, 0), isFlushed: false, DateTimeOffset.UnixEpoch.AddTicks(_ledgers.Count));

    private string PathOf(HospitalId hospital) => Path.Combine(_folder, $"{hospital}.ledger");
}
