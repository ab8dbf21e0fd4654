using System.Collections.Immutable;
using FedActors.Actors.Hosting;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Protocol;
using FedActors.Core.Training;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Simulation;

public sealed class InProcessFederationTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(Algorithm.FedAvg, false)]
    [TestCase(Algorithm.Newton, false)]
    [TestCase(Algorithm.FedAvg, true)]
    [TestCase(Algorithm.Newton, true)]
    public async Task Every_committed_model_equals_the_integer_oracle(Algorithm algorithm, bool secure)
    {
        var (plan, sites) = (Plans.Small(algorithm: algorithm, secure: secure), Plans.Sites());

        var records = await Run(plan, sites);

        Assert.That(records.Select(record => record.Model), Is.EqualTo(Oracle(plan, sites)));
        Assert.That(records.Select(record => record.Included.Length), Is.All.EqualTo(5));
    }

    [Test]
    public async Task A_run_that_is_stopped_between_rounds_goes_on_to_the_same_model([Values] bool secure)
    {
        var sites = Plans.Sites();
        var undisturbed = await Run(Plans.Small(rounds: 6, secure: secure), sites, "undisturbed");
        await Run(Plans.Small(rounds: 2, secure: secure), sites, "stopped");

        var resumed = await Run(Plans.Small(rounds: 6, secure: secure), sites, "stopped");

        Assert.That(resumed.Select(record => record.Model), Is.EqualTo(undisturbed.Select(record => record.Model)));
    }

    [Test]
    public async Task Another_job_is_refused_by_a_journal_that_holds_one()
    {
        await Run(Plans.Small(), Plans.Sites());

        var fault = Assert.ThrowsAsync<FaultException>(() => Run(Plans.Small() with { Seed = 8 }, Plans.Sites()));

        Assert.That(fault!.Faults.Single().Number, Is.EqualTo(FaultNumber.OutputHoldsAnotherJob));
    }

    [Test]
    public async Task A_hospital_that_may_not_bring_its_weight_is_named_with_its_reason()
    {
        var sites = Plans.Sites(hospitals: 4, rows: 12);

        var records = await Run(Plans.Small(rounds: 1, weightCap: 14, minimum: 3), sites);

        Assert.That(records.Single().Included.Select(h => h.ToString()), Is.EqualTo(new[] { "h00", "h01", "h02" }));
        Assert.That(records.Single().Dropped.Single().Reason, Is.EqualTo(DropReason.WeightAboveCap));
    }

    [Test]
    public void Too_few_hospitals_end_the_job_with_a_fault_that_names_who_is_missing()
    {
        var fault = Assert.ThrowsAsync<FaultException>(
            () => Run(Plans.Small(rounds: 1, weightCap: 13, minimum: 3, attempts: 2), Plans.Sites(hospitals: 4)));

        Assert.That(fault!.ExitCode, Is.EqualTo(ExitCode.Failed));
        Assert.That(fault.Message, Does.Contain("FA-4001").And.Contain("h02").And.Contain("attempt 2"));
    }

    private async Task<ImmutableArray<RoundRecord>> Run(JobPlan plan, HospitalSite[] sites, string name = "state")
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        await using var federation = InProcessFederation.Start(
            plan, [.. sites.Select(site => KeyValuePair.Create(site.Hospital, site.Patients))], SimulationStorage.In(folder), sites[0].Patients);
        return await federation.RunAsync(plan, PlanHash.Of(plan), [.. sites.Select(site => site.Hospital)], _ => { }, CancellationToken.None);
    }

    // The same rounds as a loop of big-integer-free arithmetic: encode each hospital, add as 64-bit integers, decode, step.
    private static List<Digest> Oracle(JobPlan plan, HospitalSite[] sites)
    {
        var model = ModelCatalog.Create(plan.Model);
        var strategy = AggregationStrategies.Create(plan.Training, model);
        var code = RoundCode.Of(plan, sites.Length, LocalTraining.UpdateLength(plan.Training, model));
        var parameters = new double[model.ParameterCount];
        var models = new List<Digest>();
        for (var round = 1; round <= plan.Training.Rounds; round++)
        {
            var sums = new System.Numerics.BigInteger[code.Values];
            long weight = 0;
            foreach (var site in sites.Reverse())
            {
                var values = new double[code.Values];
                var outcome = LocalTraining.Run(plan.Training, plan.Patients, model, parameters, site.Patients,
                    LocalTraining.BatchSeed(plan.Seed, site.Hospital, round), values.AsSpan()[..^1], new TrainingScratch());
                values[^1] = ((LocalOutcome.Trained)outcome).Loss;
                for (var i = 0; i < values.Length; i++)
                    sums[i] += (System.Numerics.BigInteger)Math.Round(values[i] * (site.Patients.Rows * code.Scale), MidpointRounding.ToEven);
                weight += site.Patients.Rows;
            }
            var mean = sums.Select(sum => (double)sum / (code.Scale * weight)).ToArray();
            parameters = strategy.Next(parameters, new AggregatedUpdate(mean.AsMemory()[..^1], weight, sites.Length));
            models.Add(GlobalModel.Of([.. parameters]).Hash);
        }
        return models;
    }
}
