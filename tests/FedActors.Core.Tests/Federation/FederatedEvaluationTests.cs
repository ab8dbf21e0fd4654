using CsCheck;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Core.Tests.Federation;

public class FederatedEvaluationTests
{
    private static readonly string[] Models = [.. MadeUpOutcomes.Models];

    [Test]
    public void The_figures_of_a_sum_are_those_of_all_patients_within_the_error_that_they_state(
        [ValueSource(nameof(Models))] string name) =>
        Gen.Select(Gen.Int[1, 40].Array[1, 6], Gen.ULong[1, 1000], Gen.Bool).Sample((sizes, seed, wide) =>
        {
            var model = MadeUpOutcomes.Model(name, features: 2);
            var plan = Plan(model.Outcome, wide ? 64 : 32, minimum: 1);
            var parameters = MadeUpOutcomes.Parameters(model, seed);
            PatientTable[] hospitals =
                [.. sizes.Select((rows, h) => MadeUpOutcomes.Patients(model, rows, 2, seed + (ulong)h))];

            var figures = FiguresOf(plan, model, parameters, hospitals)!;

            Assert.That((figures.Hospitals, figures.N), Is.EqualTo((sizes.Length, (long)sizes.Sum())));
            var step = Math.ScaleB(sizes.Length, -FederatedEvaluation.FractionBits(plan, CodeOf(plan)))
                / (2.0 * figures.N) + 1e-9;
            if (figures is FederatedSurvivalFigures survival)
                HoldsWithinHospitals(survival, model, parameters, hospitals, step);
            else
                HoldsTogether(figures, ModelEvaluation.Of(model, parameters, PatientTable.Concat(hospitals)), step);
        }, iter: 40);

    private static void HoldsTogether(FederatedFigures figures, ModelMetrics all, double step)
    {
        var outcome =
            all switch
            {
                BinaryMetrics => OutcomeKind.Binary,
                ClassMetrics => OutcomeKind.Class,
                _ =>
                OutcomeKind.Real
            };
        foreach (var metric in ModelRules.MetricsOf(outcome))
        {
            var error = (metric, figures) switch
            {
                (Metric.Auroc, FederatedBinaryFigures f) => f.AurocError + 1e-12,
                (Metric.MacroAuroc, FederatedClassFigures f) => f.AurocError + 1e-12,
                (Metric.LogLoss, _) => step,
                (Metric.Rmse, FederatedRealFigures f) => f.RmseError + 1e-9,
                (Metric.RSquared, FederatedRealFigures f) => f.RSquaredError + 1e-9,
                _ => 1e-15,
            };
            // The spread of a few labels can be lost in rounding: then no R² is told. None else may be lacking.
            if (double.IsNaN(figures.Of(metric)))
                Assert.That(metric == Metric.RSquared || double.IsNaN(all.Of(metric)));
            else
                Assert.That(figures.Of(metric), Is.EqualTo(all.Of(metric)).Within(error), $"{metric}");
        }
    }

    // Pairs are counted, and the likelihood stratified by hospital is written down, from their definitions.
    private static void HoldsWithinHospitals(
        FederatedSurvivalFigures figures, IModel model, double[] parameters, PatientTable[] hospitals, double step)
    {
        var (agree, pairs, loss) = (0.0, 0, 0.0);
        foreach (var hospital in hospitals)
        {
            var hazards = new double[hospital.Rows];
            var times = hospital.Outcomes.Times;
            var strata = hospital.Outcomes.Strata;
            model.Predict(parameters, hospital, hazards);
            for (var i = 0; i < hospital.Rows; i++)
            {
                var atRisk = 0.0;
                for (var j = 0; j < hospital.Rows; j++)
                    atRisk += times[j] >= times[i] && strata[j] == strata[i] ? Math.Exp(hazards[j]) : 0;
                loss += hospital.Labels[i] == 1 ? Math.Log(atRisk) - hazards[i] : 0;
                for (var j = 0; j < hospital.Rows; j++)
                {
                    var isLonger = times[j] > times[i] || (times[j] == times[i] && hospital.Labels[j] == 0);
                    if (hospital.Labels[i] == 0 || i == j || !isLonger)
                        continue;
                    pairs++;
                    agree += hazards[i] > hazards[j] ? 1 : hazards[i] == hazards[j] ? 0.5 : 0;
                }
            }
        }
        var all = PatientTable.Concat(hospitals);
        Assert.That(figures.CIndex, pairs == 0 ? Is.NaN : Is.EqualTo(agree / pairs).Within(1e-15));
        Assert.That(figures.Events, Is.EqualTo(all.Positives));
        Assert.That(figures.Of(Metric.PartialLogLoss), Is.EqualTo(loss / all.Rows).Within(step));
    }

    [Test]
    public void A_hospital_below_the_minimum_counts_nothing_not_even_itself(
        [ValueSource(nameof(Models))] string name, [Values(4, 5)] int patients)
    {
        var model = MadeUpOutcomes.Model(name, features: 1);
        var plan = Plan(model.Outcome, minimum: 5);
        var counts = new long[FederatedEvaluation.Counts(plan)];
        FederatedEvaluation.Count(
            plan, model, MadeUpOutcomes.Parameters(model, 1), MadeUpOutcomes.Patients(model, patients, 1, 1),
            CodeOf(plan), counts);
        Assert.That(counts, patients < 5 ? Is.All.Zero : Has.Some.Not.Zero);
        Assert.That(counts[0], Is.EqualTo(patients < 5 ? 0 : 1));
    }

    [Test]
    public void The_worst_that_all_hospitals_can_count_stays_in_the_ring(
        [Values] OutcomeKind outcome, [Values(3, 49, 1000)] int hospitals, [Values(32, 64)] int bits,
        [Values(50, 2048)] int cap)
    {
        var plan = Plan(outcome, bits, cap: cap);
        var code = RoundCode.Of(plan, round: 1, hospitals, updateLength: 1);
        var counts = new long[code.Counts];
        CountWorst(outcome, cap, FederatedEvaluation.FractionBits(plan, code), counts);
        var residues = new byte[code.Bytes];
        code.Encode(new double[code.Values], cap, 0, residues, counts);
        var sum = new ModularSum(bits, code.Bytes);
        for (var i = 0; i < hospitals; i++)
            sum.Add(residues);

        var decoded = code.Decode(sum.Words, hospitals)!;

        Assert.That(decoded.Counts, Is.EqualTo(counts.Select(count => count * hospitals)));
        Assert.That(FederatedEvaluation.Of(plan, decoded.Counts.AsSpan(), code)!.N, Is.EqualTo((long)hospitals * cap));
    }

    private static void CountWorst(OutcomeKind outcome, int n, int bits, Span<long> counts)
    {
        double[] ones = [.. Enumerable.Repeat(1.0, n)];
        switch (outcome)
        {
            case OutcomeKind.Binary:
                BinaryCounts.Count(new double[n], ones, bits, counts);
                break;
            case OutcomeKind.Class:
                new ClassCounts(3).Count([.. ones.SelectMany(_ => (double[])[1, 0, 0])], ones, bits, counts);
                break;
            case OutcomeKind.Real:
                RealCounts.Count([.. ones.Select(_ => double.NaN)], [.. ones.Select(_ => 1e300)], bits, counts);
                break;
            default:
                double[] times = [.. Enumerable.Range(1, n).Select(i => (double)i)];
                new SurvivalCounts(n)
                    .Count([.. times.Select(time => -time)], Outcomes.Survival(times, ones), double.PositiveInfinity,
                        bits, counts);
                break;
        }
    }

    [Test]
    public void Counts_that_contradict_one_another_give_no_figures([ValueSource(nameof(Models))] string name)
    {
        var model = MadeUpOutcomes.Model(name, features: 2);
        var plan = Plan(model.Outcome, minimum: 1);
        var (code, counts) = (CodeOf(plan), new long[FederatedEvaluation.Counts(plan)]);
        FederatedEvaluation.Count(plan, model, MadeUpOutcomes.Parameters(model, 1),
            MadeUpOutcomes.Patients(model, 9, 2, 1), code, counts);
        Assert.That(FederatedEvaluation.Of(plan, counts, code), Is.Not.Null);
        for (var at = 0; at < Math.Min(counts.Length, 9); at++)
        {
            long[] wrong = [.. counts];
            wrong[at] = -1;
            Assert.That(FederatedEvaluation.Of(plan, wrong, code), Is.Null);
        }
        // More found, right, beyond or with an event than there are patients.
        var many = model.Outcome == OutcomeKind.Binary ? 1 : 2;
        counts[many] = 1_000_000;
        Assert.That(FederatedEvaluation.Of(plan, counts, code), Is.Null);
        Assert.That(FederatedEvaluation.Of(plan, new long[counts.Length], code), Is.Null, "nobody counted");
        Assert.That(FederatedEvaluation.Of(plan, [], code), Is.Null);
    }

    [Test]
    public void Hospitals_evaluate_in_round_1_and_after_each_round_in_which_it_falls_due() => Assert.That(
        Enumerable.Range(1, 11).Where(round => FederatedEvaluation.IsDue(Plan(), round)),
        Is.EqualTo(new[] { 1, 6, 11 }));

    [Test]
    public void With_plain_sums_nothing_is_counted_and_no_coordinate_is_there_for_it()
    {
        var plan = Plan();
        var plain = plan with { SecureAggregation = plan.SecureAggregation with { Enabled = false } };
        var off = plan with { Evaluation = plan.Evaluation with { ByHospitals = false } };
        Assert.That(FederatedEvaluation.IsPartOf(plan));
        Assert.That(FederatedEvaluation.IsPartOf(plain) || FederatedEvaluation.IsPartOf(off), Is.False);
        Assert.That(CodeOf(plain).Counts + CodeOf(off).Counts, Is.Zero);
        Assert.That(CodeOf(plan).Counts, Is.EqualTo(FederatedEvaluation.Counts(plan)));
        Assert.That(RoundCode.Of(plan, 2, 5, 2).Counts, Is.Zero);
    }

    [TestCase(PrivacyMode.PatientLocal)]
    [TestCase(PrivacyMode.PatientDistributed)]
    [TestCase(PrivacyMode.Hospital)]
    public void Under_differential_privacy_nothing_is_counted(PrivacyMode mode)
    {
        var plan = Plan() with { Privacy = new PrivacyPlan(mode, Epsilon: 1) };
        Assert.That(FederatedEvaluation.IsPartOf(plan), Is.False);
        Assert.That(Enumerable.Range(1, 20).Any(round => FederatedEvaluation.IsDue(plan, round)), Is.False);
        Assert.That(CodeOf(plan).Counts, Is.Zero);
    }

    [Test]
    public void What_changes_a_sum_changes_the_plans_hash_and_the_choice_among_models_does_not()
    {
        var plan = Plan();
        Digest With(Func<EvaluationPlan, EvaluationPlan> change) =>
            PlanHash.Of(plan with { Evaluation = change(plan.Evaluation) });
        var hash = PlanHash.Of(plan);
        Assert.That(With(e => e with { Every = 7 }), Is.Not.EqualTo(hash));
        Assert.That(With(e => e with { MinimumPatients = 7 }), Is.Not.EqualTo(hash));
        Assert.That(With(e => e with { ByHospitals = false }), Is.Not.EqualTo(hash));
        Assert.That(With(e => e with { Keep = KeptModel.Best, Patience = 3, Metric = Metric.LogLoss }),
            Is.EqualTo(hash));
    }

    private static JobPlan Plan(
        OutcomeKind outcome = OutcomeKind.Binary, int ring = 32, int minimum = 5, int cap = 4096) => new(
        "test", Seed: 1, Patients: 100,
        new ModelPlan(ModelKind.Mlp, ["x"])
        {
            Outcome = outcome,
            Classes = outcome == OutcomeKind.Class ? ["a", "b", "c"] : [],
        },
        new TrainingPlan(Algorithm.FedAvg, 20, 1, 0.1, null, 0),
        new CohortPlan(3, 1, TimeSpan.FromMinutes(1), [], 0, 1),
        new SecureAggregationPlan(true, ring, 0.5, cap, TimeSpan.FromMinutes(1)), new PrivacyPlan(PrivacyMode.Off),
        new EvaluationPlan(5, Metric.Auroc, ByHospitals: true, MinimumPatients: minimum));

    private static FixedPointCode CodeOf(JobPlan plan) => RoundCode.Of(plan, round: 1, parties: 6, updateLength: 2);

    private static FederatedFigures? FiguresOf(
        JobPlan plan, IModel model, double[] parameters, PatientTable[] hospitals)
    {
        var code = CodeOf(plan);
        var (sum, one) = (new long[code.Counts], new long[code.Counts]);
        foreach (var hospital in hospitals)
        {
            FederatedEvaluation.Count(plan, model, parameters, hospital, code, one);
            for (var i = 0; i < sum.Length; i++)
                sum[i] += one[i];
        }
        return FederatedEvaluation.Of(plan, sum, code);
    }
}
