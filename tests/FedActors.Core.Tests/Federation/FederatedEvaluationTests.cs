using CsCheck;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Core.Tests.Federation;

public class FederatedEvaluationTests
{
    private static readonly Gen<(double[] Scores, double[] Labels)[]> Hospitals =
        (from place in Gen.Double[-9, 9]
         from noise in Gen.Double[-3, 3]
         from sick in Gen.Bool
         select (Score: 1 / (1 + Math.Exp(-(place + (sick ? noise : -noise)))), Label: sick ? 1.0 : 0.0))
        .Array[1, 60].Array[1, 8]
        .Select(hospitals => hospitals.Select(patients =>
            (patients.Select(patient => patient.Score).ToArray(), patients.Select(patient => patient.Label).ToArray())).ToArray());

    [Test]
    public void The_figures_of_a_sum_are_those_of_all_patients_within_the_error_that_they_state() => Hospitals.Sample(hospitals =>
    {
        const int bits = 10;
        var figures = FederatedEvaluation.Of(SumOf(hospitals, bits), bits)!;
        var all = BinaryEvaluation.Of([.. hospitals.SelectMany(h => h.Scores)], [.. hospitals.SelectMany(h => h.Labels)]);
        var step = Math.ScaleB(1, -bits) * hospitals.Length / (2.0 * all.N);

        Assert.That((figures.Hospitals, figures.N), Is.EqualTo((hospitals.Length, (long)all.N)));
        Assert.That(figures.Accuracy, Is.EqualTo(all.Accuracy));
        Assert.That(figures.Sensitivity, Is.EqualTo(all.Sensitivity));
        Assert.That(figures.Specificity, Is.EqualTo(all.Specificity));
        Assert.That(figures.LogLoss, Is.EqualTo(all.LogLoss).Within(step + 1e-12));
        Assert.That(figures.CalibrationError, Is.EqualTo(CalibrationError(hospitals)).Within(FederatedEvaluation.Groups * step + 1e-12));
        if (double.IsNaN(all.Auroc))
            Assert.That(figures.Auroc, Is.NaN);
        else
            Assert.That(figures.Auroc, Is.EqualTo(all.Auroc).Within(figures.AurocError + 1e-12));
    });

    [Test]
    public void The_stated_error_of_the_AUROC_is_reached_where_one_bin_holds_all()
    {
        var counts = new long[FederatedEvaluation.Counts];
        FederatedEvaluation.Count([0.501, 0.502], [0, 1], fractionBits: 10, counts);
        var figures = FederatedEvaluation.Of(counts, 10)!;
        Assert.That((figures.Auroc, figures.AurocError), Is.EqualTo((0.5, 0.5)));
        Assert.That(BinaryEvaluation.Auroc([0.501, 0.502], [0, 1]), Is.EqualTo(1));
    }

    [Test]
    public void Certain_scores_have_bins_and_a_finite_loss()
    {
        var counts = new long[FederatedEvaluation.Counts];
        FederatedEvaluation.Count([0, 1, 1, 0], [0, 1, 0, 1], fractionBits: 10, counts);
        var figures = FederatedEvaluation.Of(counts, 10)!;
        Assert.That(figures.Auroc, Is.EqualTo(0.5));
        Assert.That(figures.LogLoss, Is.EqualTo(-Math.Log(BinaryEvaluation.SmallestProbability) / 2).Within(1e-3));
        Assert.Throws<ArgumentException>(() => FederatedEvaluation.Count([double.NaN], [0], 10, counts));
    }

    [Test]
    public void A_hospital_below_the_minimum_counts_nothing_not_even_itself([Values(4, 5)] int patients)
    {
        var code = CodeOf(Plan());
        var counts = new long[FederatedEvaluation.Counts];
        FederatedEvaluation.Count(
            new LogisticRegression(1), [0.5, 0], new PatientTable(["x"], new double[patients], new double[patients]), minimum: 5, code, counts);
        Assert.That(counts, patients < 5 ? Is.All.Zero : Has.Some.Not.Zero);
        Assert.That(counts[0], Is.EqualTo(patients < 5 ? 0 : 1));
    }

    [Test]
    public void The_worst_that_all_hospitals_can_count_stays_in_the_ring(
        [Values(3, 49, 1000)] int hospitals, [Values(32, 64)] int bits, [Values(50, 4096)] int cap)
    {
        var code = new FixedPointCode(bits, hospitals, cap, 1, 1, FederatedEvaluation.Counts);
        var counts = new long[FederatedEvaluation.Counts];
        var (scores, labels) = (Enumerable.Repeat(0.0, cap).ToArray(), Enumerable.Repeat(1.0, cap).ToArray());
        FederatedEvaluation.Count(scores, labels, FederatedEvaluation.FractionBits(code), counts);
        var residues = new byte[code.Bytes];
        code.Encode([0.5], cap, 0, residues, counts);
        var sum = new ModularSum(bits, code.Bytes);
        for (var i = 0; i < hospitals; i++)
            sum.Add(residues);

        var decoded = code.Decode(sum.Words, hospitals)!;

        Assert.That(decoded.Counts, Is.EqualTo(counts.Select(count => count * hospitals)));
        var figures = FederatedEvaluation.Of(decoded.Counts.AsSpan(), FederatedEvaluation.FractionBits(code))!;
        Assert.That(figures.N, Is.EqualTo((long)hospitals * cap));
        Assert.That(figures.LogLoss, Is.EqualTo(-Math.Log(BinaryEvaluation.SmallestProbability)).Within(0.05));
    }

    [Test]
    public void Counts_that_contradict_one_another_give_no_figures([Values(-1L, 1_000_000L)] long wrong, [Values(0, 1, 2, 3, 100)] int at)
    {
        var counts = new long[FederatedEvaluation.Counts];
        FederatedEvaluation.Count([0.2, 0.8], [0, 1], fractionBits: 10, counts);
        counts[at] = wrong;
        var possible = wrong > 0 && at is 0 or 3 or 100;
        if (wrong < 0 || !possible)
            Assert.That(FederatedEvaluation.Of(counts, 10), Is.Null);
        Assert.That(FederatedEvaluation.Of(new long[FederatedEvaluation.Counts], 10), Is.Null, "nobody counted");
        Assert.That(FederatedEvaluation.Of([], 10), Is.Null);
    }

    [Test]
    public void Hospitals_evaluate_in_round_1_and_after_each_round_in_which_it_falls_due() => Assert.That(
        Enumerable.Range(1, 11).Where(round => FederatedEvaluation.IsDue(Plan(), round)), Is.EqualTo(new[] { 1, 6, 11 }));

    [Test]
    public void With_plain_sums_nothing_is_counted_and_no_coordinate_is_there_for_it()
    {
        var plan = Plan();
        var plain = plan with { SecureAggregation = plan.SecureAggregation with { Enabled = false } };
        var off = plan with { Evaluation = plan.Evaluation with { ByHospitals = false } };
        Assert.That(FederatedEvaluation.IsPartOf(plan));
        Assert.That(FederatedEvaluation.IsPartOf(plain) || FederatedEvaluation.IsPartOf(off), Is.False);
        Assert.That(CodeOf(plain).Counts + CodeOf(off).Counts, Is.Zero);
        Assert.That(CodeOf(plan).Counts, Is.EqualTo(FederatedEvaluation.Counts));
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
        Digest With(Func<EvaluationPlan, EvaluationPlan> change) => PlanHash.Of(plan with { Evaluation = change(plan.Evaluation) });
        var hash = PlanHash.Of(plan);
        Assert.That(With(e => e with { Every = 7 }), Is.Not.EqualTo(hash));
        Assert.That(With(e => e with { MinimumPatients = 7 }), Is.Not.EqualTo(hash));
        Assert.That(With(e => e with { ByHospitals = false }), Is.Not.EqualTo(hash));
        Assert.That(With(e => e with { Keep = KeptModel.Best, Patience = 3, Metric = Metric.LogLoss }), Is.EqualTo(hash));
    }

    private static JobPlan Plan() => new(
        "test", Seed: 1, Patients: 100, new ModelPlan(ModelKind.LogisticRegression, ["x"]),
        new TrainingPlan(Algorithm.FedAvg, 20, 1, 0.1, null, 0), new CohortPlan(3, 1, TimeSpan.FromMinutes(1), [], 0, 1),
        new SecureAggregationPlan(true, 32, 8, 4096, TimeSpan.FromMinutes(1)), new PrivacyPlan(PrivacyMode.Off),
        new EvaluationPlan(5, Metric.Auroc, ByHospitals: true, MinimumPatients: 5));

    private static FixedPointCode CodeOf(JobPlan plan) => RoundCode.Of(plan, round: 1, parties: 5, updateLength: 2);

    private static long[] SumOf((double[] Scores, double[] Labels)[] hospitals, int bits)
    {
        var (sum, one) = (new long[FederatedEvaluation.Counts], new long[FederatedEvaluation.Counts]);
        foreach (var (scores, labels) in hospitals)
        {
            FederatedEvaluation.Count(scores, labels, bits, one);
            for (var i = 0; i < sum.Length; i++)
                sum[i] += one[i];
        }
        return sum;
    }

    // From the definition: groups of one unit of log odds, the outer ones open.
    private static double CalibrationError((double[] Scores, double[] Labels)[] hospitals)
    {
        var patients = hospitals.SelectMany(h => h.Scores.Zip(h.Labels, (score, label) => (score, label))).ToArray();
        return patients.GroupBy(patient => Math.Clamp(Math.Floor(Math.Log(patient.score / (1 - patient.score)) + 8), 0, 15))
            .Sum(group => Math.Abs(group.Sum(patient => patient.score - patient.label))) / patients.Length;
    }
}
