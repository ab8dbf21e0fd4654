using CsCheck;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class PldAccountantTests
{
    // q, sigma, steps, delta; lower bound of an independent accountant (PRV) and a pessimistic figure at a grid of
    // 2e-5.
    [TestCase(0.001, 0.6, 1000, 1e-5, 1.4175999206988004, 1.4252599583701915)]
    [TestCase(0.001, 0.6, 1000, 1e-6, 2.0989993715602098, 2.106664249962628)]
    [TestCase(0.01, 0.8, 1000, 1e-5, 3.1307687645648823, 3.1410143067224836)]
    [TestCase(0.001, 0.8, 1, 1e-5, 0, 0.021707093736720664)]
    [TestCase(0.05, 2.0, 1, 1e-6, 0, 0.25240983858489763)]
    public void Epsilon_lies_between_a_lower_bound_and_a_fine_pessimistic_figure(
        double rate, double noise, long steps, double delta, double lower, double fine)
    {
        var epsilon = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(rate, noise, steps)).Spent(delta).Epsilon;

        Assert.That(epsilon, Is.InRange(lower, fine * 1.001 + 1e-4));
    }

    [Test]
    public void A_single_sampled_release_is_never_below_its_curve_in_closed_form_and_hardly_above()
    {
        foreach (
            var (rate, noise, epsilon) in new[] { (0.3, 1.0, 0.7), (1e-3, 0.5, 2.0), (0.9, 3.0, 0.2), (1e-6, 0.3, 5.0),
                (0.05, 20.0, 0.001) })
        {
            // P[L > e] - e^e Q[L > e] at the x where the likelihood ratio is e^e, for a removed and for an added unit.
            double Tail(double x) => FedActors.Core.Numerics.StandardNormal.UpperTail(x / noise);
            var x = noise * noise * Math.Log((Math.Exp(epsilon) - 1 + rate) / rate) + 0.5;
            var removed = rate * Tail(x - 1) + (1 - rate - Math.Exp(epsilon)) * Tail(x);
            var exact = removed;
            if (Math.Exp(-epsilon) - 1 + rate > 0)
            {
                var y = noise * noise * Math.Log((Math.Exp(-epsilon) - 1 + rate) / rate) + 0.5;
                exact =
                    Math.Max(exact, 1 - Tail(y) - Math.Exp(epsilon) * (1 - (1 - rate) * Tail(y) - rate * Tail(y - 1)));
            }

            var delta = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(rate, noise, 1)).Delta(epsilon);
            Assert.That(delta / exact - 1, Is.InRange(-1e-9, 2e-3),
                $"{rate} {noise} {epsilon}: {delta:R} against {exact:R}");
        }
    }

    [Test]
    public void Every_epsilon_of_the_reference_is_met_within_a_hundredth_and_a_thousandth_and_never_below_the_exact_one()
    {
        foreach (var row in ReferenceTable.Of("b_pld_poisson_gaussian"))
        {
            var steps = new DpEvent.SampledGaussian(row["q"], row["sigma"], row.Steps);
            var epsilon = PldAccountant.Empty.Compose(steps).Spent(row["delta"]).Epsilon;
            Assert.That(epsilon, Is.LessThanOrEqualTo(row["eps_pld_upper"] * 1.01 + 1e-3), row.Line);
            Assert.That(epsilon,
                Is.LessThanOrEqualTo(RdpAccountant.Standard.Compose(steps).Spent(row["delta"]).Epsilon * (1 + 1e-6)),
                row.Line);
            if (row.Has("eps_analytic_q1"))
                Assert.That(epsilon, Is.GreaterThanOrEqualTo(row["eps_analytic_q1"]), row.Line);
        }
    }

    [Test]
    public void No_epsilon_is_below_the_lower_bound_of_an_independent_accountant()
    {
        foreach (var row in ReferenceTable.Of("f_opacus_prv_sandwich"))
            Assert.That(
                PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(row["q"], row["sigma"], row.Steps))
                .Spent(row["delta"]).Epsilon,
                Is.GreaterThanOrEqualTo(row["eps_lower"]), row.Line);
    }

    [Test]
    public void Unlike_jobs_compose_to_within_a_hundredth_of_the_reference()
    {
        foreach (var row in ReferenceTable.Of("g_pld_heterogeneous"))
            Assert.That(
                Segments.Of(row, PldAccountant.Empty).Spent(row["delta"]).Epsilon,
                Is.InRange(row["eps_pld_upper_1e-4"] * 0.98, row["eps_pld_upper_1e-4"] * 1.01 + 1e-3), row.Line);
    }

    [Test]
    public void Every_delta_of_the_reference_is_met()
    {
        // The reference's own rounding ends near 1.5e-15: below it is only known that ours is smaller.
        foreach (var row in ReferenceTable.Of("b_pld_delta_for_eps"))
        {
            var delta = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(row["q"], row["sigma"], row.Steps))
                .Delta(row["eps"]);
            if (row["delta_pld_upper"] > 1e-13)
                Assert.That(delta / row["delta_pld_upper"] - 1, Is.InRange(-0.01, 0.01), row.Line);
            else
                Assert.That(delta, Is.LessThanOrEqualTo(row["delta_pld_upper"]), row.Line);
        }
    }

    [Test]
    public void Steps_composed_one_by_one_or_at_once_in_any_order_are_the_same()
    {
        var (a, b) = (new DpEvent.SampledGaussian(0.02, 1.1, 1), new DpEvent.SampledGaussian(0.3, 4, 2));
        var mixed = PldAccountant.Empty.Compose(a).Compose(b).Compose(a).Compose(b).Compose(a);
        var sorted = PldAccountant.Empty.Compose(b with { Steps = 4 }).Compose(a with { Steps = 3 });

        Assert.That(mixed.Spent(1e-6), Is.EqualTo(sorted.Spent(1e-6)));
        Assert.That(mixed.Delta(0.5), Is.EqualTo(sorted.Delta(0.5)));
    }

    [Test]
    public void Events_whose_noise_is_all_but_equal_compose_like_events_whose_noise_is()
    {
        // Another way through the transform: two segments instead of one.
        var one = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(0.01, 1, 200)).Spent(1e-6).Epsilon;
        var two = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(0.01, 1, 120))
            .Compose(new DpEvent.SampledGaussian(0.01, 1 + 1e-12, 80)).Spent(1e-6).Epsilon;

        Assert.That(two / one - 1, Is.InRange(-1e-6, 1e-6));
    }

    [Test]
    public void Without_sampling_the_answer_is_the_analytic_curve()
    {
        var accountant = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(1, 2, 3))
            .Compose(new DpEvent.SampledGaussian(1, 4, 5));

        Assert.That(accountant.Spent(1e-6).Epsilon,
            Is.EqualTo(AnalyticGaussian.Epsilon(Math.Sqrt(3 / 4.0 + 5 / 16.0), 1e-6)).Within(1e-12));
    }

    [Test]
    public void A_rate_all_but_one_is_never_below_what_less_sampling_and_hardly_above_what_none_spends()
    {
        var none = AnalyticGaussian.Epsilon(Math.Sqrt(100) / 5, 1e-6);
        var all = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(1 - 1e-9, 5, 100)).Spent(1e-6).Epsilon;

        Assert.That(all, Is.InRange(none * (1 - 1e-6), none * 1.001 + 1e-4));
    }

    [Test]
    public void Extreme_parameters_give_a_finite_answer_below_the_renyi_bound(
        [Values(1e-6, 1e-3, 0.1, 0.999)] double rate, [Values(0.3, 1, 10, 100)] double noise,
        [Values(1, 1000)] long steps, [Values(1e-12, 1e-6, 1e-3)] double delta)
    {
        var @event = new DpEvent.SampledGaussian(rate, noise, steps);
        var epsilon = PldAccountant.Empty.Compose(@event).Spent(delta).Epsilon;

        Assert.That(epsilon, Is.InRange(0, RdpAccountant.Standard.Compose(@event).Spent(delta).Epsilon * (1 + 1e-6)));
    }

    // Rate, noise, steps, delta; a pessimistic figure of an independent accountant at a grid of 1e-4.
    [TestCase(1e-4, 0.5, 2, 1e-8, 0.7026824979921196)]
    [TestCase(1e-5, 0.8, 2, 1e-6, 9.891129679747195e-05)]
    [TestCase(1e-5, 0.8, 10, 1e-8, 0.0014456491202277304)]
    [TestCase(1e-6, 0.5, 1000, 1e-6, 0.002067741738611622)]
    public void Where_rare_losses_out_of_a_tiny_rate_decide_the_grid_is_fine_enough_for_the_common_ones(
        double rate, double noise, long steps, double delta, double other) =>
        Assert.That(
            PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(rate, noise, steps)).Spent(delta).Epsilon,
            Is.InRange(other * 0.99 - 1e-3, other * 1.01 + 1e-3));

    [Test]
    public void Where_no_grid_is_fine_enough_the_renyi_bound_is_taken()
    {
        var release = new DpEvent.SampledGaussian(1e-6, 0.5, 100);
        Assert.That(PldAccountant.Empty.Compose(release).Spent(1e-8).Epsilon,
            Is.LessThanOrEqualTo(RdpAccountant.Standard.Compose(release).Spent(1e-8).Epsilon));
    }

    [Test]
    [Category("Slow")]
    public void Ten_million_steps_give_a_finite_answer_below_the_renyi_bound(
        [Values(1e-6, 1e-3, 0.1, 0.999)] double rate, [Values(0.3, 1, 10, 100)] double noise,
        [Values(1e-12, 1e-6, 1e-3)] double delta)
    {
        var @event = new DpEvent.SampledGaussian(rate, noise, 10_000_000);
        var epsilon = PldAccountant.Empty.Compose(@event).Spent(delta).Epsilon;

        Assert.That(epsilon, Is.InRange(0, RdpAccountant.Standard.Compose(@event).Spent(delta).Epsilon * (1 + 1e-6)));
    }

    [Test]
    public void More_steps_or_a_larger_rate_spend_more_and_more_noise_less() =>
        Gen.Select(Gen.Double[-9, -0.1], Gen.Double[0.5, 10], Gen.Long[1, 3000], Gen.Double[-25, -5]).Sample(
            (logRate, noise, steps, logDelta) =>
            {
                double Spent(double rate, double sigma, long count) =>
                    PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(rate, sigma, count))
                    .Spent(Math.Exp(logDelta)).Epsilon;
                var rate = Math.Exp(logRate);
                // Each figure is above the truth by up to the aim of its grid.
                var spent = Spent(rate, noise, steps) * (1 - 1e-3) - 1e-4;
                return Spent(Math.Min(1, 1.5 * rate), noise, steps) >= spent && Spent(rate, noise / 1.5, steps) >= spent
                    && Spent(rate, noise, 2 * steps) >= spent;
            },
            iter: 8);

    // Rate, noise, delta; epsilon of a single step by the closed form of its delta, with 60 digits.
    [TestCase(0.004, 2.5, 1e-14, 0.0525531089082)]
    [TestCase(0.1, 2.5, 1e-16, 1.13996464634)]
    [TestCase(0.99, 6, 1e-30, 1.85392215667)]
    [TestCase(0.999, 1, 1e-33, 12.3330962284)]
    [TestCase(1e-8, 0.3, 1e-12, 0.27834169747552495)]
    [TestCase(1e-8, 10, 1e-10, 9.714084726500719e-10)]
    [TestCase(1e-6, 0.5, 1e-12, 0.05798850639799967)]
    [TestCase(1e-5, 0.5, 3e-16, 3.174528523207898)]
    [TestCase(1e-5, 1, 3e-16, 0.008370629442200012)]
    [TestCase(1e-4, 0.8, 1e-12, 0.1539785301037623)]
    public void A_single_step_at_a_tiny_delta_is_met_and_never_undercut(
        double rate, double noise, double delta, double exact) =>
        Assert.That(
            PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(rate, noise, 1)).Spent(delta).Epsilon,
            Is.InRange(exact * (1 - 1e-11), exact * (1 + 1e-10)));

    [Test]
    public void Delta_and_epsilon_are_inverse_to_each_other()
    {
        var accountant = PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(0.05, 1.3, 300));
        foreach (var delta in new[] { 1e-3, 1e-6, 1e-10 })
            Assert.That(accountant.Delta(accountant.Spent(delta).Epsilon) / delta - 1, Is.InRange(-0.01, 0.01));
    }

    [Test]
    public void An_event_without_a_known_loss_distribution_is_refused_by_name() =>
        Assert.That(
            Assert.Throws<FaultException>(() =>
                PldAccountant.Empty.Compose(new DpEvent.Skellam(1, 1, 1, 100, 1)))!.Faults.Single(),
            Has.Property("Number").EqualTo(FaultNumber.EventNotAccounted).And.Property("What").Contains("Skellam"));
}
