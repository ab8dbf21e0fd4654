using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.Training;
using FedActors.Simulation;

namespace FedActors.Actors.Tests;

/// <summary>What a hospital's trainer does under differential privacy: the order of charge and noise, and what
/// leaves.</summary>
public sealed class PrivateRoundTests
{
    private const long Nominal = 50;

    private static readonly HospitalId Berlin = new("berlin");

    [TestCase(PrivacyMode.PatientLocal)]
    [TestCase(PrivacyMode.PatientDistributed)]
    [TestCase(PrivacyMode.Hospital)]
    public void No_bit_of_noise_is_drawn_before_the_charge_stands_in_the_ledger(PrivacyMode mode)
    {
        var plan = Plan(mode);
        var ledger = Ledger();
        var random = new Watched(() => ledger.Ledger.Grants.Sum(grant => grant.Charged));
        Assert.That(Run(plan, Site(ledger, random)), Is.InstanceOf<LocalTrainer.Trained>());
        Assert.That(random.SeenAtEachDraw, Is.Not.Empty.And.All.EqualTo(1));
    }

    [TestCase(PrivacyMode.PatientLocal)]
    [TestCase(PrivacyMode.PatientDistributed)]
    [TestCase(PrivacyMode.Hospital)]
    public void Nothing_that_leaves_tells_of_a_patient_but_what_was_released(PrivacyMode mode)
    {
        var plan = Plan(mode);
        foreach (var rows in (int[])[3, 12, 90])
        {
            var site = Site(Ledger(), SecureRandomSource.Instance) with { Patients = Plans.Patients(rows, 4, seed: 9) };
            var code = CodeOf(plan);
            var sum = code.Decode(((LocalTrainer.Trained)Run(plan, site)).Update, parties: 1)!;
            Assert.That(sum.TotalWeight, Is.EqualTo(mode == PrivacyMode.Hospital ? 1 : Nominal),
                "the weight is the public number of patients");
            Assert.That(sum.Saturated, Is.Zero, "no count");
            Assert.That(sum.Mean.Skip(ModelCatalog.Create(plan.Model).ParameterCount), Is.All.Zero, "no loss");
        }
    }

    [Test]
    public void The_same_round_asked_for_again_is_charged_again_and_never_gets_fresh_noise_on_the_old_charge()
    {
        var (plan, ledger) = (Plan(PrivacyMode.PatientLocal), Ledger());
        var site = Site(ledger, SecureRandomSource.Instance);
        var first = ((LocalTrainer.Trained)Run(plan, site)).Update;
        var second = ((LocalTrainer.Trained)Run(plan, site)).Update;
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(ledger.Ledger.Grants.Single().Charged, Is.EqualTo(2));
    }

    [Test]
    public void A_spent_budget_refuses_the_round_before_anything_is_computed()
    {
        var (plan, ledger) = (Plan(PrivacyMode.PatientLocal, epsilon: 6), Ledger());
        var random = new Watched(() => 0);
        // Round 1 after round 1 of a longer run is a new run of the job: its own grant, for which nothing is left.
        Assert.That(Run(plan, Site(ledger, random), round: 2), Is.InstanceOf<LocalTrainer.Trained>());
        random.SeenAtEachDraw.Clear();
        var refused = Run(plan, Site(ledger, random), round: 1);
        Assert.That(refused, Is.InstanceOf<LocalTrainer.Refused>());
        Assert.That(((LocalTrainer.Refused)refused).Reason.Number, Is.EqualTo(Core.FaultNumber.BudgetExhausted));
        Assert.That(random.SeenAtEachDraw, Is.Empty, "no noise was drawn");
    }

    [Test]
    public void A_hospital_whose_ledger_could_not_be_opened_declines_for_that_reason()
    {
        var site = Site(Ledger(), SecureRandomSource.Instance);
        site = site
            with
        { Privacy = site.Privacy! with { Ledger = null, Unavailable = new PrivacyRefusal.LedgerLocked() } };
        Assert.That(Run(Plan(PrivacyMode.PatientLocal), site),
            Is.InstanceOf<LocalTrainer.Refused>().With.Property("Reason").InstanceOf<PrivacyRefusal.LedgerLocked>());
        Assert.That(Run(Plan(PrivacyMode.PatientLocal), site with { Privacy = null }),
            Is.InstanceOf<LocalTrainer.Refused>().With.Property("Reason").InstanceOf<PrivacyRefusal.PolicyMissing>());
    }

    [Test]
    public void The_order_of_batches_and_the_seed_of_the_job_have_no_say_in_who_is_drawn_or_in_the_noise()
    {
        var plan = Plan(PrivacyMode.PatientLocal);
        plan = plan with { Privacy = plan.Privacy with { SamplingRate = 0.5 } };
        var (one, other) =
            (Run(plan, Site(Ledger(), new Counted())), Run(plan with { Seed = 99 }, Site(Ledger(), new Counted())));
        Assert.That(((LocalTrainer.Trained)other).Update, Is.EqualTo(((LocalTrainer.Trained)one).Update));
    }

    private static JobPlan Plan(PrivacyMode mode, double epsilon = 2)
    {
        var plan = Plans.Small(secure: true);
        return plan with
        {
            Training = plan.Training with { LocalSteps = mode == PrivacyMode.PatientLocal ? 2 : 1 },
            Privacy = new PrivacyPlan(mode, Epsilon: epsilon, Delta: 1e-5, MinimumSurvivors: 4),
        };
    }

    private static PrivacyLedgerFile Ledger() =>
        PrivacyLedgerFile.InMemory("berlin", new CompositionRule(null, 0), DateTimeOffset.UnixEpoch);

    private static HospitalSite Site(PrivacyLedgerFile ledger, IRandomSource random) =>
        new(Berlin, Plans.Patients(12, 4, seed: 3))
        {
            Privacy =
            new SitePrivacy(SimulatedPrivacy.PolicyOf(Berlin, Nominal), ledger, null, random, TimeProvider.System),
        };

    private static Core.Aggregation.FixedPointCode CodeOf(JobPlan plan) =>
        RoundCode.Of(plan, 1, 5, LocalTraining.UpdateLength(plan.Training, ModelCatalog.Create(plan.Model)));

    private static object Run(JobPlan plan, HospitalSite site, int round = 1)
    {
        var model = ModelCatalog.Create(plan.Model);
        var offer = new RoundProtocol.RoundOffered(
            new RoundId(plan.Name, round, 1), plan, PlanHash.Of(plan), default,
            [.. Enumerable.Range(0, 5).Select(i => new HospitalId($"h{i}"))]);
        return PrivateRound.Run(site, offer, new double[model.ParameterCount], model, CodeOf(plan),
            new TrainingScratch());
    }

    /// <summary>The system's generator, and what was true whenever it was asked.</summary>
    private sealed class Watched(Func<long> look) : IRandomSource
    {
        public List<long> SeenAtEachDraw { get; } = [];

        public void Fill(Span<byte> bytes)
        {
            SeenAtEachDraw.Add(look());
            SecureRandomSource.Instance.Fill(bytes);
        }
    }

    /// <summary>The same bits each time, from a counter.</summary>
    private sealed class Counted : IRandomSource
    {
        private readonly SplitMix64 _stream = new(5);

        public void Fill(Span<byte> bytes)
        {
            foreach (ref var one in bytes)
                one = (byte)_stream.NextUInt64();
        }
    }
}
