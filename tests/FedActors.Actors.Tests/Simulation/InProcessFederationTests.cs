using System.Collections.Immutable;
using FedActors.Actors.Hosting;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;
using FedActors.Core.Training;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.Simulation;

public sealed class InProcessFederationTests
{
    private string _folder = "";
    private JobProtocol.JobFinished? _finished;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(Algorithm.FedAvg, false)]
    [TestCase(Algorithm.Newton, false)]
    [TestCase(Algorithm.FedAvg, true)]
    [TestCase(Algorithm.Newton, true)]
    [TestCase(Algorithm.FedAvgM, true)]
    [TestCase(Algorithm.FedAdam, true)]
    [TestCase(Algorithm.FedAdagrad, false)]
    [TestCase(Algorithm.Scaffold, false)]
    [TestCase(Algorithm.Scaffold, true)]
    [TestCase(Algorithm.FedProx, true, "bias")]
    [TestCase(Algorithm.FedYogi, false, "weights")]
    public async Task Every_committed_model_equals_the_integer_oracle(
        Algorithm algorithm, bool secure, params string[] localLayers)
    {
        var (plan, sites) =
            (Plans.Small(algorithm: algorithm, secure: secure, localLayers: localLayers), Plans.Sites());

        var records = await Run(plan, sites);

        Assert.That(records.Select(record => record.Model), Is.EqualTo(Oracle(plan, sites)));
        Assert.That(records.Select(record => record.Included.Length), Is.All.EqualTo(5));
    }

    [TestCase(Algorithm.FedAvg, false)]
    [TestCase(Algorithm.FedAvg, true)]
    [TestCase(Algorithm.FedYogi, false)]
    [TestCase(Algorithm.Scaffold, false)]
    [TestCase(Algorithm.Scaffold, true)]
    [TestCase(Algorithm.Krum, false)]
    [TestCase(Algorithm.FedAvgM, true, "bias")]
    public async Task A_run_that_is_stopped_between_rounds_goes_on_to_the_same_model(
        Algorithm algorithm, bool secure, params string[] localLayers)
    {
        var sites = Plans.Sites();
        JobPlan Plan(int rounds) => Plans.Small(rounds, algorithm: algorithm, secure: secure, localLayers: localLayers);
        var undisturbed = await Run(Plan(6), sites, "undisturbed");
        await Run(Plan(2), sites, "stopped");

        var resumed = await Run(Plan(6), sites, "stopped");

        Assert.That(resumed.Select(record => record.Model), Is.EqualTo(undisturbed.Select(record => record.Model)));
    }

    private static readonly EvaluationPlan ByHospitals =
        new(Every: 2, Metric.LogLoss, ByHospitals: true, MinimumPatients: 13);

    [Test]
    public async Task The_hospitals_evaluate_what_each_round_begins_with_and_those_with_too_few_patients_count_none()
    {
        var sites = Plans.Sites();
        var records = await Run(Plans.Small(rounds: 4, secure: true) with { Evaluation = ByHospitals }, sites);

        Assert.That(records.Select(record => record.ByHospitals?.Hospitals),
            Is.EqualTo(new int?[] { 4, null, 4, null }));
        Assert.That(records[0].ByHospitals!.Of(Metric.LogLoss), Is.EqualTo(Math.Log(2)).Within(1e-3),
            "the initial model says one half to all");
        // One hospital of twelve patients is left out; the others are judged together, as in one place.
        var judged = BareRecount(sites[1..], await ModelAfter(sites, round: 2));
        var counted = (FederatedBinaryFigures)records[2].ByHospitals!;
        Assert.That(counted.N, Is.EqualTo(judged.N));
        Assert.That(counted.Accuracy, Is.EqualTo(judged.Accuracy));
        Assert.That(counted.LogLoss, Is.EqualTo(judged.LogLoss).Within(1e-3));
        Assert.That(counted.Auroc, Is.EqualTo(judged.Auroc).Within(counted.AurocError + 1e-12));
    }

    [Test]
    public async Task What_hospitals_count_changes_no_model()
    {
        var sites = Plans.Sites();
        var plan = Plans.Small(rounds: 3, secure: true);
        var counted = await Run(plan with { Evaluation = ByHospitals }, sites, "counted");
        var uncounted = await Run(plan, sites, "uncounted");
        Assert.That(counted.Select(record => record.Model), Is.EqualTo(uncounted.Select(record => record.Model)));
    }

    [Test]
    public async Task With_plain_sums_no_hospital_counts()
    {
        var records = await Run(Plans.Small(rounds: 1) with { Evaluation = ByHospitals }, Plans.Sites());
        Assert.That(records.Single().ByHospitals, Is.Null);
    }

    [Test]
    public async Task A_job_that_keeps_the_best_and_stops_early_ends_the_same_when_it_was_stopped_between(
        [Values] bool stopped)
    {
        // Such steps overshoot: the loss rises from the first round on, and the initial model stays the best.
        var sites = Plans.Sites();
        var plan = Plans.Small(rounds: 9, secure: true) with
        {
            Evaluation = ByHospitals with { Every = 1, Keep = KeptModel.Best, Patience = 3 },
            Training = Plans.Small().Training with { Rounds = 9, LearningRate = 60 },
        };
        if (stopped)
            await Run(plan with { Training = plan.Training with { Rounds = 2 } }, sites);

        var records = await Run(plan, sites);

        var best = ModelSelection.Best(records, Metric.LogLoss)!.Value;
        Assert.That(records, Has.Length.EqualTo(best + 1 + 3));
        Assert.That(_finished!.Round, Is.EqualTo(best));
        Assert.That(_finished.Model, Is.EqualTo(GlobalModel.Of(_finished.Parameters).Hash));
        Assert.That(_finished.Model,
            Is.EqualTo(best == 0 ? GlobalModel.Of([0, 0, 0, 0, 0]).Hash : records[best - 1].Model));
    }

    [Test]
    public async Task A_job_of_any_kind_of_model_keeps_the_best_by_what_its_hospitals_count(
        [Values(ModelKind.Softmax, ModelKind.LinearRegression, ModelKind.Cox)] ModelKind kind)
    {
        var outcome = ModelRules.OutcomesOf(kind)[0];
        var sites = Plans.Sites();
        for (var i = 0; i < sites.Length; i++)
            sites[i] = sites[i] with { Patients = OfKind(outcome, sites[i].Patients) };
        var small = Plans.Small(rounds: 4, secure: true);
        var plan = small with
        {
            Model = small.Model
                with
            { Kind = kind, Outcome = outcome, Classes = outcome == OutcomeKind.Class ? ["a", "b"] : [] },
            Evaluation = ByHospitals
            with
            { Every = 1, MinimumPatients = 1, Keep = KeptModel.Best, Metric = ModelRules.MetricsOf(outcome)[0] },
        };

        var records = await Run(plan, sites);

        // Of the model that is kept the record of the next round says what it says of itself on all patients, each with
        // its own.
        var best = ModelSelection.Best(records, plan.Evaluation.Metric)!.Value;
        Assert.That(_finished!.Round, Is.EqualTo(best));
        var counted = records[best].ByHospitals!;
        Assert.That((counted.Hospitals, counted.N),
            Is.EqualTo((sites.Length, sites.Sum(site => (long)site.Patients.Rows))));
        var model = ModelCatalog.Create(plan.Model);
        if (counted is FederatedSurvivalFigures survival)
        {
            var all = PatientBatch.All(PatientTable.Concat([.. sites.Select(site => site.Patients)]));
            Assert.That(survival.PartialLogLoss,
                Is.EqualTo(model.Loss(_finished.Parameters.AsSpan(), all)).Within(1e-3));
            return;
        }
        var judged =
            ModelEvaluation.Of(model, _finished.Parameters.AsSpan(),
                PatientTable.Concat([.. sites.Select(site => site.Patients)]));
        var error = counted is FederatedClassFigures classes
            ? classes.AurocError
            : ((FederatedRealFigures)counted).RmseError;
        Assert.That(counted.Of(plan.Evaluation.Metric),
            Is.EqualTo(judged.Of(plan.Evaluation.Metric)).Within(error + 1e-12));
    }

    [Test]
    public async Task A_network_that_diverges_is_named_with_its_hospital_and_round_and_the_last_good_model_stays()
    {
        var sites = Plans.Sites();
        var small = Plans.Small(rounds: 2, minimum: 5, attempts: 2);
        var plan = small with { Model = small.Model with { Kind = ModelKind.Mlp, Hidden = [5] } };
        var good = await Run(plan, sites);
        // From the third round on one hospital has numbers in another unit, in which single precision overflows.
        var values = sites[3].Patients.Values.ToArray();
        double[] other = [.. values.Select(value => 1e60 * value)];
        sites[3] = sites[3]
            with
        {
            Patients = new PatientTable(sites[3].Patients.FeatureNames, other,
                sites[3].Patients.Labels.ToArray())
        };

        var failure =
            Assert.ThrowsAsync<FaultException>(() =>
                Run(plan with { Training = plan.Training with { Rounds = 4 } }, sites))!;

        var what = failure.Faults.Single().What;
        Assert.That(what,
            Does.Contain("Round 3, attempt 2").And.Contain("h03 (Diverged").And.Contain("job.training.learning-rate"));
        Assert.That((await Run(plan, sites)).Select(record => record.Model),
            Is.EqualTo(good.Select(record => record.Model)));
        Assert.That(_finished!.Model, Is.EqualTo(good[^1].Model));
    }

    [Test]
    public async Task A_hospital_whose_patients_have_another_shape_is_left_out_with_its_name_and_the_key_that_says_so()
    {
        var sites = Plans.Sites();
        sites[3] = sites[3] with { Patients = Plans.Patients(12, features: 5, seed: 1) };

        var records = await Run(Plans.Small(rounds: 2), sites);

        Assert.That(records.SelectMany(record => record.Dropped.Select(drop => (record.Id.Round, drop.Hospital))),
            Is.EqualTo(new[] { (1, sites[3].Hospital), (2, sites[3].Hospital) }));
        Assert.That(records[0].Dropped.Single().Detail, Does.Contain("job.data.features"));
    }

    [Test]
    public async Task A_column_that_never_changes_at_one_hospital_is_learned_from_the_others()
    {
        var sites = Plans.Sites();
        var small = Plans.Small(rounds: 2, algorithm: Algorithm.Newton);
        sites[3] = sites[3] with { Patients = Constant(sites[3].Patients) };

        var records = await Run(small with { Training = small.Training with { L2 = 0 } }, sites);

        Assert.That(records.Select(record => record.Included.Length), Is.All.EqualTo(5));
        Assert.That(_finished!.Parameters, Is.All.Matches<double>(double.IsFinite));
    }

    [Test]
    public async Task A_column_that_never_changes_anywhere_is_told_with_round_and_key_and_the_last_good_model_stays()
    {
        var sites = Plans.Sites();
        var small = Plans.Small(rounds: 2, algorithm: Algorithm.Newton);
        var plan = small with { Training = small.Training with { L2 = 0 } };
        var good = await Run(plan, sites);
        HospitalSite[] constant = [.. sites.Select(site => site with { Patients = Constant(site.Patients) })];

        var failure = Assert.ThrowsAsync<FaultException>(() =>
            Run(plan with { Training = plan.Training with { Rounds = 4 } }, constant))!;

        Assert.That(failure.Message,
            Does.Contain("FA-4005").And.Contain("Round 3").And.Contain("job.training.l2"));
        await Run(plan, sites);
        Assert.That(_finished!.Model, Is.EqualTo(good[^1].Model));
    }

    [Test]
    public void A_fit_for_comparison_that_has_no_minimum_names_its_hospital_and_the_key()
    {
        var sites = Plans.Sites(rows: 80);
        sites[3] = sites[3] with { Patients = Constant(sites[3].Patients) };
        var data = new FederatedData(
            [.. sites.Select(site => new HospitalData(site.Hospital, site.Patients, sites[0].Patients))],
            sites[0].Patients, null, []);
        var small = Plans.Small();

        var fault = Assert.Throws<FaultException>(() =>
            Baselines.Of(data, small with { Training = small.Training with { L2 = 0 } }))!.Faults.Single();

        Assert.That((fault.Number, fault.Where),
            Is.EqualTo((FaultNumber.Singular, "hospital h03 alone: job.training.l2")));
    }

    // Their last feature is the same for all.
    private static PatientTable Constant(PatientTable patients)
    {
        var values = patients.Values.ToArray();
        for (var at = patients.Features - 1; at < values.Length; at += patients.Features)
            values[at] = 0.5;
        return new PatientTable(patients.FeatureNames, values, patients.Labels.ToArray());
    }

    // The same patients; their first feature says how they fare.
    private static PatientTable OfKind(OutcomeKind outcome, PatientTable patients)
    {
        double[] leaning = [.. Enumerable.Range(0, patients.Rows).Select(row => patients.Row(row)[0])];
        return new PatientTable(patients.FeatureNames, patients.Values.ToArray(), outcome switch
        {
            OutcomeKind.Class => Outcomes.Class(patients.Labels.ToArray(), 2),
            OutcomeKind.Real => Outcomes.Real(leaning),
            _ => Outcomes.Survival([.. leaning.Select(x => 2 - x)], patients.Labels.ToArray()),
        });
    }

    [Test]
    public async Task A_robust_rule_through_the_actors_is_the_rule_over_the_hospitals_updates(
        [Values(Algorithm.Median, Algorithm.TrimmedMean, Algorithm.Krum, Algorithm.MultiKrum, Algorithm.GeometricMedian,
            Algorithm.NormBound)]
        Algorithm rule)
    {
        var (plan, sites) = (Plans.Small(rounds: 2, algorithm: rule, minimum: 5), Plans.Sites());

        var records = await Run(plan, sites);

        var (model, parameters) = (ModelCatalog.Create(plan.Model), new double[5]);
        foreach (var record in records)
        {
            var updates = sites.Select(site =>
            {
                var update = new double[5];
                LocalTraining.Run(plan.Training, plan.Patients, model, parameters, site.Patients, 1, update,
                    new TrainingScratch());
                return (ReadOnlyMemory<float>)update.Select(x => (float)x).ToArray();
            });
            var step = new double[5];
            RobustRules.Create(plan.Training.Robust!).Aggregate(new SingleUpdates([.. updates]), step, SimdForms.Best);
            for (var k = 0; k < 5; k++)
                parameters[k] += step[k];
            Assert.That(record.Model, Is.EqualTo(GlobalModel.Of([.. parameters]).Hash));
            Assert.That(record.TotalWeight, Is.EqualTo(sites.Sum(site => site.Patients.Rows)));
        }
    }

    [Test]
    public async Task A_hospital_that_cannot_write_what_it_must_remember_sends_nothing_and_is_named()
    {
        var sites = Plans.Sites();
        Directory.CreateDirectory(Path.Combine(_folder, "state", "spool"));
        // A file stands where the folder of h02 would.
        File.WriteAllText(Path.Combine(_folder, "state", "spool", "h02"), "");

        var records = await Run(Plans.Small(rounds: 2, algorithm: Algorithm.Scaffold), sites);

        Assert.That(records.SelectMany(record => record.Dropped)
            .Select(drop => (drop.Hospital.ToString(), drop.Reason)),
            Is.EqualTo(new[] { ("h02", DropReason.StateNotKept), ("h02", DropReason.StateNotKept) }));
    }

    [Test]
    public async Task Ten_thousand_hospitals_of_one_process_train_within_memory()
    {
        var tables = Plans.Sites(hospitals: 10).Select(site => site.Patients).ToArray();
        var patients = Enumerable.Range(0, 10_000)
            .Select(h => KeyValuePair.Create(new HospitalId($"h{h:00000}"), tables[h % 10])).ToArray();
        var plan =
            Plans.Small(rounds: 2, patients: patients.Sum(pair => pair.Value.Rows), minimum: 10_000, weightCap: 24);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        await using var federation =
            InProcessFederation.Start(plan, patients, SimulationStorage.InMemory, judged: null);
        var records =
            await federation.RunAsync(plan, PlanHash.Of(plan), [.. patients.Select(pair => pair.Key)], _ =>
                { }, CancellationToken.None);

        Assert.That(records.Select(record => record.Included.Length), Is.EqualTo(new[] { 10_000, 10_000 }));
        Assert.That((GC.GetTotalMemory(forceFullCollection: true) - before) / 10_000, Is.LessThan(30_000),
            "bytes a hospital");
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
            plan, [.. sites.Select(site => KeyValuePair.Create(site.Hospital, site.Patients))],
            SimulationStorage.In(folder), sites[0].Patients);
        return await federation.RunAsync(plan, PlanHash.Of(plan), [.. sites.Select(site => site.Hospital)], Watch,
            CancellationToken.None);

        void Watch(JobProtocol.IJobMessage message) => _finished = message as JobProtocol.JobFinished ?? _finished;
    }

    private async Task<ImmutableArray<double>> ModelAfter(HospitalSite[] sites, int round)
    {
        await Run(Plans.Small(rounds: round), sites, "plain");
        return _finished!.Parameters;
    }

    private static BinaryMetrics BareRecount(HospitalSite[] sites, ImmutableArray<double> model)
    {
        var all = PatientTable.Concat([.. sites.Select(site => site.Patients)]);
        var scores = new double[all.Rows];
        new LogisticRegression(all.Features).Predict(model.AsSpan(), all, scores);
        return BinaryEvaluation.Of(scores, all.Labels);
    }

    // The same rounds as a loop of big-integer-free arithmetic: encode each hospital, add as 64-bit integers, decode,
    // step.
    private static List<Digest> Oracle(JobPlan plan, HospitalSite[] sites)
    {
        var model = ModelCatalog.Create(plan.Model);
        var strategy = AggregationStrategies.Create(plan.Training, model, plan.Patients);
        var own =
            sites.ToDictionary(site => site, _ =>
                LocalTraining.FirstOwn(plan.Training, model, new double[model.ParameterCount]));
        var code = RoundCode.Of(plan, round: 1, sites.Length, LocalTraining.UpdateLength(plan.Training, model));
        var global = NextGlobalModel.First(strategy, [.. new double[model.ParameterCount]]);
        var models = new List<Digest>();
        for (var round = 1; round <= plan.Training.Rounds; round++)
        {
            var sums = new System.Numerics.BigInteger[code.Values];
            long weight = 0;
            foreach (var site in sites.Reverse())
            {
                var values = new double[code.Values];
                var outcome =
                    LocalTraining.Run(plan.Training, plan.Patients, model, global.Parameters.AsSpan(), site.Patients,
                    LocalTraining.BatchSeed(plan.Seed, site.Hospital, round), values.AsSpan()[..^1],
                    new TrainingScratch(),
                    new LocalMemory(global.State.AsSpan(), own[site]));
                if (plan.Training.Algorithm == Algorithm.Scaffold)
                    Scaffold.Advance(own[site], global.State.AsSpan(), values.AsSpan()[..^1], plan.Training.LocalSteps,
                        plan.Training.LearningRate);
                values[^1] = ((LocalOutcome.Trained)outcome).Loss;
                for (var i = 0; i < values.Length; i++)
                    sums[i] += (System.Numerics.BigInteger)Math.Round(values[i] * (site.Patients.Rows * code.Scale),
                        MidpointRounding.ToEven);
                weight += site.Patients.Rows;
            }
            var mean = sums.Select(sum => (double)sum / (code.Scale * weight)).ToArray();
            global = NextGlobalModel.Of(strategy, global, new DecodedSum([.. mean], weight, sites.Length, 0));
            models.Add(global.Hash);
        }
        return models;
    }
}
