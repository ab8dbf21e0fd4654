using System.Collections.Immutable;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Tests.Training;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Privacy;

/// <summary>
/// Attacks from the inside: 20,000 canaries, each a patient whose gradient is the clip in a direction of its own and
/// who took part or did not by a coin. Whoever sees the release guesses about the 5 % that look most in or out.
/// </summary>
public sealed class PrivacyAuditTests
{
    private const int Canaries = 20_000;
    private const int Guesses = Canaries / 20;
    private const double Delta = 1e-5;
    private const double Clip = 0.7;

    [Test]
    public void The_auditors_arithmetic_is_that_of_the_reference()
    {
        foreach (var row in ReferenceTable.Of("k_one_run_audit"))
        {
            var (canaries, guesses, correct, delta) =
                ((int)row["m_canaries"], (int)row["guesses"], (int)row["correct"], row["delta"]);
            Assert.That(
                OneRunAudit.EpsilonAtLeast(canaries, guesses, correct, delta),
                Is.EqualTo(row["eps_lower_95pct"]).Within(1e-6), row.Line);
            Assert.That(OneRunAudit.PValue(canaries, guesses, correct, 1, delta),
                Is.EqualTo(row["p_value_at_eps1"]).Within(1e-9).Percent
                .Or.EqualTo(row["p_value_at_eps1"]).Within(1e-12), row.Line);
        }
    }

    [Test]
    public void One_run_of_the_right_code_betrays_no_more_than_it_promises([Values(1UL, 2UL, 3UL, 4UL, 5UL)] ulong seed)
    {
        var noise = AnalyticGaussian.Sigma(1, Delta);
        Assert.That(EpsilonAtLeast(noise, noise, seed), Is.LessThanOrEqualTo(1), $"seed {seed}");
    }

    [Test]
    public void One_run_with_half_the_noise_is_caught([Values(1UL, 2UL, 3UL, 4UL, 5UL)] ulong seed)
    {
        var noise = AnalyticGaussian.Sigma(1, Delta);
        Assert.That(EpsilonAtLeast(noise, noise / 2, seed), Is.GreaterThan(1), $"seed {seed}");
    }

    [Test]
    public void A_patient_who_is_clipped_to_twice_the_norm_is_caught([Values(1UL, 2UL, 3UL)] ulong seed)
    {
        var noise = AnalyticGaussian.Sigma(1, Delta);
        Assert.That(EpsilonAtLeast(noise, noise, seed, forgetful: 2), Is.GreaterThan(1), $"seed {seed}");
    }

    [Test]
    public void Shared_noise_betrays_no_more_than_it_promises_when_the_colluders_take_theirs_out(
        [Values(1UL, 2UL, 3UL)] ulong seed)
    {
        const int Honest = 4;
        var noise = AnalyticGaussian.Sigma(1, Delta);
        var grid = new NoisyGrid(Canaries, Clip, noise, Honest, 12, 32_768);
        var (source, isIn) = (new SeededSource(seed), Coins(seed));
        var sum = Release(grid, isIn, source, forgetful: 1);
        for (var other = 1; other < Honest; other++)
            sum = [.. sum.Zip(Release(grid, new bool[Canaries], source, forgetful: 1), (a, b) => a + b)];
        Assert.That(Judge(sum, isIn), Is.LessThanOrEqualTo(1), $"seed {seed}");
    }

    private static double EpsilonAtLeast(double promised, double drawn, ulong seed, double forgetful = 1)
    {
        Assert.That(PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(1, promised, 1)).Spent(Delta).Epsilon,
            Is.EqualTo(1).Within(1e-6));
        var grid = new NoisyGrid(Canaries, Clip, drawn, shares: 1, bits: 12, mostUnits: 32_768);
        var isIn = Coins(seed);
        return Judge(Release(grid, isIn, new SeededSource(seed), forgetful), isIn);
    }

    private static bool[] Coins(ulong seed)
    {
        var coins = new SplitMix64(seed + 1000);
        return [.. Enumerable.Range(0, Canaries).Select(_ => coins.NextUniform() < 0.5)];
    }

    private static long[] Release(NoisyGrid grid, bool[] isIn, IRandomSource source, double forgetful)
    {
        var plan = PrivatePlans.Of(1, clip: Clip, weightCap: 32_768);
        double[] who =
            [.. Enumerable.Range(0, Canaries).Where(canary => isIn[canary]).Select(canary => (double)canary)];
        var released = new long[Canaries];
        PrivateTraining.Release(
            plan, grid, new CanaryModel(forgetful), new double[Canaries],
            new PatientTable(["direction"], who, new double[who.Length]), source, released,
            new TrainingScratch());
        return released;
    }

    private static double Judge(long[] released, bool[] isIn)
    {
        int[] order = [.. Enumerable.Range(0, Canaries).OrderByDescending(canary => released[canary])];
        var correct = order.Take(Guesses / 2).Count(canary => isIn[canary]) + order.TakeLast(Guesses / 2)
            .Count(canary => !isIn[canary]);
        return OneRunAudit.EpsilonAtLeast(Canaries, Guesses, correct, Delta);
    }

    /// <summary>Patient k's gradient is endless in direction k, and so the clip after clipping.</summary>
    /// <param name="forgetful">By how much the clip is missed: 1 is right.</param>
    private sealed class CanaryModel(double forgetful) : IPerPatientModel
    {
        public ImmutableArray<ParameterView> Views => [new("canaries", 0, [Canaries], Canaries, Penalised: false)];

        public int ParameterCount => Canaries;

        public OutcomeKind Outcome => OutcomeKind.Binary;

        public int Outputs => 1;

        public void ClippedGradientSum(
            ReadOnlySpan<double> parameters, PatientBatch batch, double clip, Span<double> sum)
        {
            sum.Clear();
            for (var i = 0; i < batch.Count; i++)
                sum[(int)batch.Patients.Row(batch.RowAt(i))[0]] += NormClipping.Factor(1e9, forgetful * clip, 1) * 1e9;
        }

        public void Initialize(Span<double> parameters, long seed) => parameters.Clear();

        public double Loss(ReadOnlySpan<double> parameters, PatientBatch batch) => throw new NotSupportedException();

        public double LossAndGradient(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient) =>
            throw new NotSupportedException();

        public void Predict(ReadOnlySpan<double> parameters, PatientTable patients, Span<double> answers) =>
            throw new NotSupportedException();
    }
}
