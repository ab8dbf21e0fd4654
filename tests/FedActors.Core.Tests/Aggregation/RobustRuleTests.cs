using System.Reflection;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Aggregation;

public class RobustRuleTests
{
    private const int D = 50;

    private static readonly Algorithm[] Rules =
        [Algorithm.Median, Algorithm.TrimmedMean, Algorithm.Krum, Algorithm.MultiKrum, Algorithm.GeometricMedian,
            Algorithm.NormBound];

    [Test]
    public void One_of_eight_that_sends_a_hundredfold_or_the_opposite_cannot_move_the_result_out_of_the_honest(
        [ValueSource(nameof(Rules))] Algorithm rule, [Values(100f, -1f, -100f)] float factor)
    {
        // Honest hospitals agree on a direction and differ around it by less than they move.
        var noise = AggregationKernelTests.MadeUp(8, D, seed: 4);
        var honest = noise.Select(row => row.Select((x, k) => 1 + (k % 3) + 0.3f * x).ToArray()).ToArray();
        var attacked = honest.ToArray();
        attacked[5] = [.. honest[5].Select(x => factor * x)];
        var truth = Enumerable.Range(0, D).Select(k => 1.0 + k % 3).ToArray();

        var off = Distance(Aggregate(rule, attacked), truth);

        var worstHonest = honest.Max(update => Distance([.. update.Select(x => (double)x)], truth));
        // A bound on the length lets a liar push as hard as an honest hospital can, in a direction of its own.
        var allowed = rule == Algorithm.NormBound ? Length(truth) * 2.1 / 8 + worstHonest : worstHonest;
        Assert.That(off, Is.LessThan(allowed));
        if (factor != -1)
            Assert.That(Distance(Mean(attacked), truth), Is.GreaterThan(3 * allowed),
                "the attack must be one that a mean does not withstand");
    }

    [Test]
    public void Where_all_agree_every_rule_gives_what_they_agree_on([ValueSource(nameof(Rules))] Algorithm rule)
    {
        var update = AggregationKernelTests.MadeUp(1, D)[0];
        var result = Aggregate(rule, [.. Enumerable.Repeat(update, 5)]);
        Assert.That(result, Is.EqualTo(update.Select(x => (double)x)).Within(1e-14));
    }

    [Test]
    public void Updates_of_zeros_give_zeros([ValueSource(nameof(Rules))] Algorithm rule) =>
        Assert.That(Aggregate(rule, [.. Enumerable.Range(0, 5).Select(_ => new float[D])]), Is.All.Zero);

    [Test]
    public void Krum_takes_the_update_of_the_lowest_score_and_multi_Krum_the_mean_of_the_lowest()
    {
        var updates = AggregationKernelTests.MadeUp(9, D, seed: 8);
        var scores = updates.Select((a, i) => updates.Where((_, j) => j != i)
            .Select(b => a.Zip(b, (x, y) => ((double)x - y) * ((double)x - y)).Sum()).Order().Take(9 - 2 - 2).Sum())
                .ToArray();
        var order = Enumerable.Range(0, 9).OrderBy(i => scores[i]).ToArray();
        Assert.That(new Krum(2, null).Select(AggregationKernelTests.Single(updates), SimdForms.Best),
            Is.EqualTo(order[..5]));
        Assert.That(Aggregate(Algorithm.Krum, updates, faulty: 2),
            Is.EqualTo(updates[order[0]].Select(x => (double)x)));
        Assert.That(Aggregate(Algorithm.MultiKrum, updates, faulty: 2, selected: 3),
            Is.EqualTo(Mean([.. order[..3].Select(i => updates[i])])).Within(1e-15));
    }

    [Test]
    public void The_geometric_median_leaves_no_direction_in_which_the_sum_of_distances_falls()
    {
        var updates = AggregationKernelTests.MadeUp(7, D, seed: 6);
        var point = Aggregate(Algorithm.GeometricMedian, updates);
        double Sum(double[] z) => updates.Sum(update => Distance([.. update.Select(x => (double)x)], z));
        var least = Sum(point);
        var source = new SplitMix64(9);
        for (var trial = 0; trial < 200; trial++)
        {
            var step = MadeUpPatients.Normals(source, D);
            Assert.That(Sum([.. point.Zip(step, (z, s) => z + 1e-3 * s)]), Is.GreaterThan(least));
        }
    }

    [Test]
    public void A_norm_bound_shortens_what_is_longer_and_leaves_the_rest()
    {
        var result = Aggregate(Algorithm.NormBound, [[3, 4], [0.3f, 0.4f]], bound: 1);
        Assert.That(result, Is.EqualTo(new[] { (0.6 + 0.3) / 2, (0.8 + 0.4) / 2 }).Within(1e-7));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void A_value_that_is_not_finite_is_refused_on_receipt_and_the_others_go_on(float bad)
    {
        HospitalId[] cohort = [new("a"), new("b"), new("c"), new("d")];
        var code = new SingleUpdateCode(3, 100);
        using var robust = new RobustCollection(new RobustPlan(Algorithm.Median, 1, null, null), code, null);
        var uploads = new UploadCollection(robust, cohort);

        Assert.That(Send(uploads, code, cohort[2], [1, bad, 0.5f]), Is.InstanceOf<UploadStep.Refused>());
        foreach (var hospital in (HospitalId[])[cohort[3], cohort[0], cohort[1]])
            Assert.That(Send(uploads, code, hospital, [Array.IndexOf(cohort, hospital), 2, 0.5f]),
                Is.InstanceOf<UploadStep.Completed>());

        Assert.That(uploads.IsSettled);
        Assert.That(uploads.Complete, Is.EqualTo(new[] { cohort[0], cohort[1], cohort[3] }));
        var sum = code.Read(uploads.Sum.AsSpan(), 3)!;
        Assert.That(sum.Mean, Is.EqualTo(new[] { 1, 2, 0.5 }));
        Assert.That((sum.TotalWeight, sum.Saturated), Is.EqualTo((30, 0)));
    }

    [Test]
    public void A_weight_that_was_not_agreed_is_refused([Values(0, -1, 101)] int weight)
    {
        var code = new SingleUpdateCode(1, 100);
        var bytes = new byte[code.Bytes];
        code.Encode([1], weight, 0, bytes);
        Assert.That(code.FaultOf(bytes), Is.Not.Null);
    }

    [Test]
    public void A_result_is_none_of_another_number_of_hospitals()
    {
        var code = new SingleUpdateCode(1, 100);
        var bytes = code.Write(new DecodedSum([1.5], 30, 3, 2));
        Assert.That(code.Read(bytes, 4), Is.Null);
        Assert.That(code.Read(bytes.AsSpan()[..^1], 3), Is.Null);
        Assert.That(code.Read(bytes, 3)!.Mean, Is.EqualTo(new[] { 1.5 }));
    }

    [Test]
    public void The_order_of_arrival_changes_no_bit([ValueSource(nameof(Rules))] Algorithm rule)
    {
        var updates = AggregationKernelTests.MadeUp(7, 5, seed: 12);
        byte[] Result(IEnumerable<int> order)
        {
            var code = new SingleUpdateCode(5, 100);
            using var robust = new RobustCollection(new RobustPlan(rule, 1, null, null), code, new MemoryStream());
            var uploads =
                new UploadCollection(robust, [.. Enumerable.Range(0, 7).Select(i => new HospitalId($"h{i}"))]);
            foreach (var i in order)
                Send(uploads, code, new HospitalId($"h{i}"), updates[i]);
            return [.. uploads.Sum];
        }
        Assert.That(Result([6, 2, 0, 5, 1, 4, 3]), Is.EqualTo(Result(Enumerable.Range(0, 7))));
    }

    [Test]
    public void Nothing_of_secure_aggregation_can_be_given_to_a_robust_rule()
    {
        // Both are public types without a way from one to the other: asking for both does not compile.
        Type[] single =
            [typeof(SingleUpdates), typeof(IRobustRule), typeof(RobustCollection), typeof(SingleUpdateCode)];
        var secure = typeof(IRobustRule).Assembly.GetTypes()
            .Where(type => type.Namespace == "FedActors.Core.SecureAggregation")
            .Append(typeof(IAggregationStrategy)).Append(typeof(AggregatedUpdate))
            .Append(typeof(SecureAggregationProtocol));
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
            | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var touching = secure.SelectMany(type => type.GetFields(All).Select(field => field.FieldType)
            .Concat(type.GetMethods(All)
                .SelectMany(method => method.GetParameters().Select(p => p.ParameterType).Append(method.ReturnType))));
        Assert.That(touching.Intersect(single), Is.Empty);
        Assert.That(single.Any(type => typeof(IAggregationStrategy).IsAssignableFrom(type)), Is.False);
    }

    private static UploadStep Send(UploadCollection uploads, SingleUpdateCode code, HospitalId hospital, float[] values)
    {
        var bytes = new byte[code.Bytes];
        code.Encode([.. values.Select(x => (double)x)], 10, 0, bytes);
        return uploads.Accept(
            new RoundProtocol.UpdateChunk(new RoundId("job", 1, 1), hospital, 0, bytes.Length, Digest.Of(bytes),
                new(bytes)));
    }

    private static double[] Aggregate(
        Algorithm rule, float[][] updates, int faulty = 1, int? selected = null, double? bound = null)
    {
        var result = new double[updates[0].Length];
        RobustRules.Create(new RobustPlan(rule, faulty, selected, bound))
            .Aggregate(AggregationKernelTests.Single(updates), result, SimdForms.Best);
        return result;
    }

    private static double[] Mean(float[][] updates) =>
        [.. Enumerable.Range(0, updates[0].Length).Select(k => updates.Average(update => (double)update[k]))];

    private static double Length(double[] vector) => Math.Sqrt(vector.Sum(x => x * x));

    private static double Distance(double[] a, double[] b) => Length([.. a.Zip(b, (x, y) => x - y)]);
}
