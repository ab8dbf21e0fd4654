using CsCheck;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class RdpAccountantTests
{
    // q, sigma, order, divergence of one step, to 17 digits by quadrature and sums with 40 to 60 digits.
    [TestCase(0.001, 0.6, 1.1, 7.866425388275747e-06)]
    [TestCase(0.001, 0.6, 6.0, 0.16251943776310845)]
    [TestCase(1e-12, 0.3, 1.1, 3.6771668834021164e-20)]
    [TestCase(1e-12, 0.3, 5.3, 5.6628942463348468e-10)]
    [TestCase(1e-12, 20, 20, 2.5031276057951979e-26)]
    [TestCase(0.001, 0.7, 1.1, 3.6206689629662712e-06)]
    [TestCase(0.5, 1e5, 1024, 1.2800000327520008e-08)]
    public void One_step_has_the_divergence_that_quadrature_with_forty_digits_finds(
        double rate, double noise, double order, double exact)
    {
        var accountant = RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(rate, noise, 1));

        var divergence = accountant.Divergence[accountant.Orders.IndexOf(order)];
        Assert.That(divergence / exact - 1, Is.InRange(0, 2e-12), $"{divergence:R}");
    }

    [TestCase(0.001, 0.6, 1000, 1e-5, 2.545344231883415, 4.8)]
    [TestCase(0.001, 0.6, 1000, 1e-6, 3.141044751483853, 4.9)]
    [TestCase(0.001, 0.8, 1, 1e-5, 0.9835189824635685, 9.6)]
    public void Epsilon_is_the_exact_one_at_the_best_order_rounded_up(
        double rate, double noise, long steps, double delta, double exact, double order)
    {
        var spent = RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(rate, noise, steps)).Spent(delta);

        Assert.That(spent.Epsilon / exact - 1, Is.InRange(0, 1e-11));
        Assert.That(spent.Order, Is.EqualTo(order));
    }

    [Test]
    public void Every_divergence_of_the_reference_is_met_and_never_undercut()
    {
        foreach (var group in ReferenceTable.Of("a0_rdp_vectors_per_step").GroupBy(row => (row["q"], row["sigma"])))
        {
            var accountant =
                RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(group.Key.Item1, group.Key.Item2, 1));
            foreach (var row in group)
                Assert.That(
                    accountant.Divergence[accountant.Orders.IndexOf(row["alpha"])] / row["rdp_exact"] - 1,
                    Is.InRange(-1e-9, 1e-9), row.Line);
        }
    }

    [Test]
    public void Every_epsilon_of_the_reference_is_met_at_all_orders_and_at_integers()
    {
        foreach (var row in ReferenceTable.Of("a_rdp_poisson_gaussian"))
        {
            var steps = new DpEvent.SampledGaussian(row["q"], row["sigma"], row.Steps);
            var epsilon = RdpAccountant.Standard.Compose(steps).Spent(row["delta"]).Epsilon;
            Assert.That(epsilon / row["eps_rdp_exact_same_orders"] - 1, Is.InRange(-1e-12, 1e-9), row.Line);
            Assert.That(epsilon, Is.LessThanOrEqualTo(row["eps_dp_accounting"] * (1 + 1e-9)), row.Line);
            Assert.That(
                RdpAccountant.Integer.Compose(steps).Spent(row["delta"]).Epsilon / row["eps_integer_orders_only"] - 1,
                Is.InRange(-1e-9, 1e-9), row.Line);
            if (row.Has("eps_analytic_q1"))
                Assert.That(epsilon, Is.GreaterThanOrEqualTo(row["eps_analytic_q1"]), row.Line);
        }
    }

    [Test]
    public void Every_delta_of_the_reference_is_met()
    {
        foreach (var row in ReferenceTable.Of("a_rdp_delta_for_eps"))
            Assert.That(
                RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(row["q"], row["sigma"], row.Steps))
                .Delta(row["eps"])
                    / row["delta_rdp_exact"] - 1,
                Is.InRange(-1e-9, 1e-9), row.Line);
    }

    [Test]
    public void Every_composition_of_unlike_jobs_of_the_reference_is_met()
    {
        foreach (var row in ReferenceTable.Of("g_rdp_heterogeneous"))
            Assert.That(
                Segments.Of(row, RdpAccountant.Standard)
                .Spent(row["delta"]).Epsilon / row["eps_rdp_exact_same_orders"] - 1,
                Is.InRange(-1e-9, 1e-9), row.Line);
    }

    [Test]
    public void Sums_of_discrete_gaussians_and_of_skellams_match_the_reference_with_both_ways_of_rounding()
    {
        var accountant = RdpAccountant.Empty([.. Enumerable.Range(2, 127).Select(order => (double)order), 256]);
        foreach (var row in ReferenceTable.Of("d_distributed_ddgauss_skellam_rdp"))
        {
            var (scale, dimension) = (Math.Pow(2, row["log2_scale(C=1)"]), (int)row["dim"]);
            var sigma = row["central_z"] * scale;
            foreach (
                var (beta, column) in new[] { (0, "eps_ddgauss_beta0"), (Math.Exp(-0.5), "eps_ddgauss_beta_exp(-.5)") })
            {
                var l2 = GridSensitivity.RoundedL2(scale, dimension, beta);
                var gaussian = new DpEvent.DistributedDiscreteGaussian(
                    row["q"], l2, GridSensitivity.L1(l2, dimension), sigma, (int)row["n_clients"], dimension,
                    row.Steps);
                var ratio = accountant.Compose(gaussian).Spent(row["delta"]).Epsilon / row[column];
                // Under sampling the reference takes a bound that holds for any mechanism; that of discrete Gaussians
                // is tighter.
                Assert.That(ratio - 1, row["q"] == 1 ? Is.InRange(-1e-9, 1e-9) : Is.LessThan(1e-9), row.Line);
            }
            var always = GridSensitivity.RoundedL2(scale, dimension);
            var skellam =
                new DpEvent.Skellam(row["q"], always, GridSensitivity.L1(always, dimension), sigma * sigma, row.Steps);
            Assert.That(accountant.Compose(skellam).Spent(row["delta"]).Epsilon / row["eps_skellam_beta0"] - 1,
                Is.InRange(-1e-9, 1e-9), row.Line);
        }
    }

    [Test]
    public void A_sum_of_shares_is_as_far_from_one_discrete_gaussian_as_the_reference_says()
    {
        foreach (var row in ReferenceTable.Of("d_ddgauss_tau"))
        {
            var shares = (int)row["n"];
            var sum =
                new DpEvent.DistributedDiscreteGaussian(1, 1, 1, Math.Sqrt(shares) * row["local_sigma_grid"], shares, 1,
                    1);
            Assert.That(sum.Inflation / row["tau"] - 1, Is.InRange(-1e-9, 1e-9), row.Line);
        }
    }

    [Test]
    public void A_single_release_of_discrete_noise_costs_what_the_reference_says_of_concentrated_privacy()
    {
        foreach (var row in ReferenceTable.Of("d_discrete_gaussian_univariate"))
        {
            var release = new DpEvent.SampledGaussian(1, row["sigma"] / row["sensitivity"], row.Steps);
            Assert.That(
                RdpAccountant.Standard.Compose(release).Spent(row["delta"]).Epsilon / row["eps_zcdp_rdp"] - 1,
                Is.InRange(-1e-9, 1e-9), row.Line);
        }
    }

    [Test]
    public void Steps_composed_one_by_one_or_at_once_spend_the_same() =>
        Gen.Select(Gen.Double[1e-6, 1], Gen.Double[0.3, 100], Gen.Int[1, 40], Gen.Double[-28, -3]).Sample(
            (rate, noise, steps, logDelta) =>
            {
                var one = Enumerable.Range(0, steps).Aggregate(
                    RdpAccountant.Standard, (accountant, _) =>
                        accountant.Compose(new DpEvent.SampledGaussian(rate, noise, 1)));
                var all = RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(rate, noise, steps));
                return Math.Abs(one.Spent(Math.Exp(logDelta)).Epsilon - all.Spent(Math.Exp(logDelta)).Epsilon)
                    <= 1e-12 * (1 + all.Spent(Math.Exp(logDelta)).Epsilon);
            },
            iter: 40);

    [Test]
    public void More_steps_or_a_larger_rate_never_spend_less_and_more_noise_or_a_larger_delta_never_more() =>
        Gen.Select(Gen.Double[-13, 0], Gen.Double[0.3, 100], Gen.Long[1, 1_000_000], Gen.Double[-28, -3],
            Gen.Double[1, 2]).Sample(
            (logRate, noise, steps, logDelta, more) =>
            {
                double Spent(double rate, double sigma, long count, double delta) =>
                    RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(rate, sigma, count))
                    .Spent(delta).Epsilon;
                var (rate, delta) = (Math.Exp(logRate), Math.Exp(logDelta));
                var spent = Spent(rate, noise, steps, delta) * (1 - 1e-11);
                return Spent(Math.Min(1, rate * more), noise, steps, delta) >= spent
                    && Spent(rate, noise / more, steps, delta) >= spent
                    && Spent(rate, noise, (long)(steps * more), delta) >= spent
                    && Spent(rate, noise, steps, delta / more) >= spent
                    && spent >= 0 && double.IsFinite(spent);
            },
            iter: 100);

    [Test]
    public void The_order_of_the_jobs_does_not_matter_and_nothing_spends_nothing()
    {
        var (a, b) = (new DpEvent.SampledGaussian(0.01, 1.3, 20), new DpEvent.SampledGaussian(1, 8, 3));

        Assert.That(RdpAccountant.Standard.Compose(a).Compose(b).Spent(1e-6).Epsilon,
            Is.EqualTo(RdpAccountant.Standard.Compose(b).Compose(a).Spent(1e-6).Epsilon).Within(1e-14));
        Assert.That(RdpAccountant.Standard.Spent(1e-6).Epsilon, Is.Zero);
    }

    [Test]
    public void The_orders_are_those_of_the_contract()
    {
        Assert.That(RdpAccountant.StandardOrders,
            Has.Length.EqualTo(156).And.Contains(1.1).And.Contains(10.9).And.Contains(63).And.Contains(1024));
        Assert.That(RdpAccountant.IntegerOrders, Is.EqualTo(
            (double[])[.. Enumerable.Range(2, 62), 128, 256, 512, 1024]));
    }

    [TestCase(0, 1, 1)]
    [TestCase(1.5, 1, 1)]
    [TestCase(double.NaN, 1, 1)]
    [TestCase(0.1, 0, 1)]
    [TestCase(0.1, -1, 1)]
    [TestCase(0.1, double.PositiveInfinity, 1)]
    [TestCase(0.1, 1, 0)]
    [TestCase(0, 0, -5)]
    public void What_is_out_of_range_is_refused_with_every_fault_and_the_exit_code_of_bad_input(
        double rate, double noise, long steps)
    {
        foreach (var accountant in (IPrivacyAccountant[])[RdpAccountant.Standard, PldAccountant.Empty])
        {
            var refused =
                Assert.Throws<FaultException>(() =>
                    accountant.Compose(new DpEvent.SampledGaussian(rate, noise, steps)))!;
            Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.BadInput));
            Assert.That(refused.Faults.Select(fault => fault.Number), Is.SubsetOf(
                (FaultNumber[])[FaultNumber.SamplingRateOutOfRange, FaultNumber.NoiseMultiplierOutOfRange,
                    FaultNumber.StepsOutOfRange]));
            if (steps == -5)
                Assert.That(refused.Faults, Has.Length.EqualTo(3));
        }
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(-1e-6)]
    [TestCase(double.NaN)]
    public void A_delta_that_is_no_probability_of_failure_is_refused(double delta)
    {
        foreach (var accountant in (IPrivacyAccountant[])[RdpAccountant.Standard, PldAccountant.Empty])
            Assert.That(
                Assert.Throws<FaultException>(() => accountant.Spent(delta))!.Faults.Single().Number,
                Is.EqualTo(FaultNumber.DeltaOutOfRange));
    }
}
