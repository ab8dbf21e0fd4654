using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Actors.Hosting;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Protocol;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Simulation;

/// <summary>Jobs under differential privacy through all four actors.</summary>
public sealed class PrivateFederationTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(1)]
    [TestCase(2)]
    public async Task Shared_noise_of_hardly_any_size_leaves_the_very_gradient_steps_of_the_clipped_sum(int rowsOfAPatient)
    {
        var plan = Plan(PrivacyMode.PatientDistributed, rounds: 3) with
        {
            // Epsilon is in the thousands: a policy that allows it, for once.
            Privacy = new PrivacyPlan(PrivacyMode.PatientDistributed, NoiseMultiplier: 0.05, Delta: 1e-5, Clip: 0.5, MinimumSurvivors: 4),
        };
        var sites = Plans.Sites().Select(site => site with { Patients = Joined(site.Patients, rowsOfAPatient) }).ToArray();
        var (records, model) = await Run(plan, sites, policy: p => p with { PerJob = new(1e6, 1e-5), Lifetime = new(1e6, 1e-4) });
        Assert.That(records.Select(record => record.Included.Length), Is.All.EqualTo(5));

        var logistic = (IPerPatientModel)ModelCatalog.Create(plan.Model);
        var (expected, sum, one) = (new double[5], new double[5], new double[5]);
        for (var round = 0; round < 3; round++)
        {
            Array.Clear(sum);
            foreach (var site in sites)
            {
                logistic.ClippedGradientSum(expected, PatientBatch.All(site.Patients), 0.5, one);
                TensorPrimitives.Add(sum, one, sum);
            }
            var patients = sites.Sum(site => site.Patients.Units);
            for (var k = 0; k < 5; k++)
                expected[k] -= 0.5 * (sum[k] / patients + (k < 4 ? 1.0 / plan.Patients * expected[k] : 0));
        }
        // Each round's noise has a standard deviation of 0.5 * 0.05 * 0.5 * sqrt(5/3)/70 = 2.3e-4 a weight.
        Assert.That(model, Is.EqualTo(expected).Within(3e-3));
        Assert.That(model, Is.Not.EqualTo(expected).Within(1e-9), "there is noise");
    }

    private static PatientTable Joined(PatientTable rows, int each) => new(
        rows.FeatureNames, rows.Values.ToArray(), rows.Outcomes, [.. Enumerable.Range(0, rows.Rows).Select(row => row / each)]);

    [TestCase(PrivacyMode.PatientLocal)]
    [TestCase(PrivacyMode.PatientDistributed)]
    public async Task A_perceptron_trains_under_the_modes_that_protect_patients(PrivacyMode mode)
    {
        var small = Plan(mode, rounds: 3);
        var plan = small with { Model = small.Model with { Kind = ModelKind.Mlp, Hidden = [3] } };
        var sites = Plans.Sites();
        using var privacy = Privacy(sites, null);
        var (records, model) = await Run(plan, sites, privacy);

        Assert.That(records, Has.Length.EqualTo(3));
        Assert.That(model, Has.Length.EqualTo(ModelCatalog.Create(plan.Model).ParameterCount).And.All.Matches<double>(double.IsFinite));
        var cost = JobPrivacy.Terms(plan, 5).Cost.Epsilon;
        Assert.That(privacy.Spent.Select(one => one.Spent.Epsilon), Is.All.EqualTo(cost).Within(1e-12));
    }

    [TestCase(PrivacyMode.PatientLocal, true)]
    [TestCase(PrivacyMode.PatientLocal, false)]
    [TestCase(PrivacyMode.PatientDistributed, true)]
    [TestCase(PrivacyMode.Hospital, true)]
    public async Task Every_mode_trains_and_every_ledger_is_charged_once_a_round(PrivacyMode mode, bool secure)
    {
        var plan = Plan(mode, rounds: 4, secure: secure);
        var sites = Plans.Sites();
        using var privacy = Privacy(sites, null);
        var (records, _) = await Run(plan, sites, privacy);

        Assert.That(records, Has.Length.EqualTo(4));
        Assert.That(records.Select(record => record.Loss), Is.All.NaN, "no hospital tells its loss");
        Assert.That(records.Select(record => record.ByHospitals), Is.All.Null, "no hospital tells its figures");
        var cost = JobPrivacy.Terms(plan, 5).Cost.Epsilon;
        Assert.That(privacy.Spent.Select(one => one.Spent.Epsilon), Is.All.EqualTo(cost).Within(1e-12));
        Assert.That(privacy.Spent.Select(one => privacy.Of(one.Hospital)!.Ledger!.Ledger.Grants.Single().Charged), Is.All.EqualTo(4));
    }

    [Test]
    public async Task A_budget_that_is_spent_refuses_the_next_run_whatever_becomes_of_the_hubs_state()
    {
        var (plan, sites) = (Plan(PrivacyMode.PatientDistributed, rounds: 2, epsilon: 4), Plans.Sites());
        for (var run = 1; run <= 2; run++)
            await RunOnce($"hub-{run}");
        // Twice 4 of 10 are gone; another hub, another journal, another attempt: no.
        for (var run = 3; run <= 4; run++)
        {
            var fault = Assert.ThrowsAsync<FaultException>(() => RunOnce($"hub-{run}"));
            Assert.That(fault!.ExitCode, Is.EqualTo(ExitCode.Refused));
            Assert.That(fault.Faults.Single().Number, Is.EqualTo(FaultNumber.BudgetExhausted));
        }

        async Task RunOnce(string hub)
        {
            using var privacy = Privacy(sites, Path.Combine(_folder, "ledgers"));
            await Run(plan, sites, privacy, hub);
        }
    }

    [Test]
    public void A_simulated_ledger_shows_its_cap_before_anything_is_granted()
    {
        using var privacy = Privacy(Plans.Sites(), _folder);
        foreach (var (hospital, _, limit) in privacy.Spent)
            Assert.That(Actors.Storage.LedgerReading.Of(Path.Combine(_folder, $"{hospital}.ledger")).Ledger!.Limit, Is.EqualTo(limit));
    }

    [Test]
    public async Task One_hospital_that_refuses_is_a_planned_dropout_with_its_reason_and_the_others_go_on()
    {
        var sites = Plans.Sites(hospitals: 6);
        var plan = Plan(PrivacyMode.PatientLocal, rounds: 2);
        using var privacy = Privacy(sites, null, (hospital, policy) =>
            hospital == sites[2].Hospital ? policy with { Modes = [PrivacyMode.PatientDistributed] } : policy);
        var (records, _) = await Run(plan, sites, privacy);

        Assert.That(records.Select(record => record.Included.Length), Is.All.EqualTo(5));
        var dropped = records[0].Dropped.Single();
        Assert.That((dropped.Hospital, dropped.Reason), Is.EqualTo((sites[2].Hospital, DropReason.PrivacyRefused)));
        Assert.That(dropped.Detail, Does.StartWith("FA-6011"));
        Assert.That(privacy.Of(sites[2].Hospital)!.Ledger!.Ledger.Grants, Is.Empty, "who refuses spends nothing");
    }

    private static JobPlan Plan(PrivacyMode mode, int rounds, double epsilon = 3, bool secure = true)
    {
        var plan = Plans.Small(rounds: rounds, secure: secure);
        return plan with
        {
            Training = plan.Training with { LocalSteps = mode == PrivacyMode.PatientLocal ? 3 : 1 },
            Privacy = new PrivacyPlan(mode, Epsilon: epsilon, Delta: 1e-5, MinimumSurvivors: 4),
        };
    }

    private static SimulatedPrivacy Privacy(
        HospitalSite[] sites, string? folder, Func<HospitalId, Core.Participation.HospitalPolicy, Core.Participation.HospitalPolicy>? change = null) =>
        SimulatedPrivacy.Open(
            folder, sites.Select(site => KeyValuePair.Create(site.Hospital, (long)site.Patients.Units)), TimeProvider.System, change);

    private async Task<(ImmutableArray<RoundRecord> Records, ImmutableArray<double> Model)> Run(
        JobPlan plan, HospitalSite[] sites, Func<Core.Participation.HospitalPolicy, Core.Participation.HospitalPolicy> policy)
    {
        using var privacy = Privacy(sites, null, (_, known) => policy(known));
        return await Run(plan, sites, privacy);
    }

    private async Task<(ImmutableArray<RoundRecord> Records, ImmutableArray<double> Model)> Run(
        JobPlan plan, HospitalSite[] sites, SimulatedPrivacy privacy, string hub = "hub")
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, hub)).FullName;
        ImmutableArray<double> model = [];
        await using var federation = InProcessFederation.Start(
            plan, [.. sites.Select(site => KeyValuePair.Create(site.Hospital, site.Patients))], SimulationStorage.In(folder), null, privacy: privacy);
        var records = await federation.RunAsync(plan, PlanHash.Of(plan), [.. sites.Select(site => site.Hospital)], Watch, CancellationToken.None);
        return (records, model);

        void Watch(JobProtocol.IJobMessage message)
        {
            if (message is JobProtocol.JobFinished finished)
                model = finished.Parameters;
        }
    }
}
