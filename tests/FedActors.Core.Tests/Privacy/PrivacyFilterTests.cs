using CsCheck;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class PrivacyFilterTests
{
    private static readonly PrivacyBudget Limit = new(2, 1e-6);

    private static PrivacyTerms Job(double noise, long steps = 100, double delta = 1e-6) =>
        PrivacyTerms.Of(new DpEvent.SampledGaussian(0.05, noise, steps), 1, delta);

    [Test]
    public void Terms_cost_what_the_integer_accountant_says_of_all_releases() =>
        Assert.That(
            PrivacyTerms.Of(new DpEvent.SampledGaussian(0.05, 2, 4), 25, 1e-6).Cost,
            Is.EqualTo(
                new PrivacyBudget(RdpAccountant.Integer.Compose(new DpEvent.SampledGaussian(0.05, 2, 100))
                    .Spent(1e-6).Epsilon, 1e-6)));

    [Test]
    public void Basic_composition_admits_until_the_next_job_would_pass_either_budget()
    {
        var each = Job(2).Cost.Epsilon;
        var limit = new PrivacyBudget(3.5 * each, 1e-5);
        IPrivacyFilter filter = BasicCompositionFilter.Empty;
        for (var job = 0; job < 3; job++)
            filter = filter.Admit(Job(2), limit)!;

        Assert.That(filter.Spent.Epsilon, Is.EqualTo(3 * each).Within(1e-14));
        Assert.That(filter.Admit(Job(2), limit), Is.Null);
        Assert.That(filter.Admit(Job(40, steps: 1), limit), Is.Not.Null, "a smaller job still fits");
        Assert.That(filter.Admit(Job(40, 1, delta: 9e-6), limit), Is.Null, "delta is a budget too");
    }

    [Test]
    public void No_sequence_of_jobs_passes_the_budget_and_a_refused_job_spends_nothing() =>
        Gen.Select(Gen.Double[0.5, 20], Gen.Long[1, 500]).Array[1, 8].Sample(
            jobs =>
            {
                IPrivacyFilter basic = BasicCompositionFilter.Empty, fixedOrder = new RdpFilter(12, 1e-6);
                var (epsilon, delta, divergence) = (0m, 0m, RdpAccountant.Empty([12]));
                foreach (var (noise, steps) in jobs)
                {
                    var job = Job(noise, steps);
                    if (basic.Admit(job, Limit with { Delta = 5e-6 }) is { } admitted)
                    {
                        epsilon += (decimal)job.Cost.Epsilon;
                        delta += 0.000001m;
                        basic = admitted;
                    }
                    if (fixedOrder.Admit(job, Limit) is { } next)
                        (divergence, fixedOrder) = (divergence.Compose(job.Whole), next);
                }
                return epsilon <= 2.000000000001m && delta <= 0.000005m && divergence.Spent(1e-6).Epsilon <= 2;
            },
            iter: 60);

    [Test]
    public void Five_jobs_of_a_fifth_of_delta_fit() =>
        Assert.That(
            Enumerable.Range(0, 5).Aggregate(
                (IPrivacyFilter?)BasicCompositionFilter.Empty, (filter, _) =>
                    filter?.Admit(Job(8), new PrivacyBudget(100, 5e-6))),
            Is.Not.Null);

    [Test]
    public void A_fixed_order_admits_more_of_many_small_jobs_than_basic_composition()
    {
        int Admitted(IPrivacyFilter? filter)
        {
            var (count, job) = (0, Job(8, 20, 1e-8));
            while ((filter = filter!.Admit(job, Limit)) is not null)
                count++;
            return count;
        }

        Assert.That(Admitted(new RdpFilter(12, 1e-6)), Is.GreaterThan(2 * Admitted(BasicCompositionFilter.Empty)));
    }

    [Test]
    public void A_loss_of_unknown_origin_counts_beside_a_fixed_order_in_full()
    {
        var jobs = new RdpFilter(12, 1e-7).Add(Job(8, 20));
        var spent = jobs.Add(new PrivacyBudget(0.5, 2e-7)).Spent;
        Assert.That(spent.Epsilon, Is.EqualTo(jobs.Spent.Epsilon + 0.5).Within(1e-14));
        Assert.That(spent.Delta, Is.EqualTo(3e-7).Within(1e-22));
    }

    [Test]
    public void A_job_that_is_out_of_range_has_no_terms()
    {
        Assert.Throws<FaultException>(() => Job(0));
        Assert.Throws<FaultException>(() => Job(1, steps: 0));
        Assert.Throws<FaultException>(() =>
            PrivacyTerms.Of(new DpEvent.SampledGaussian(0.05, 1, 1_000_000), 1_000_000_000, 1e-6));
    }
}
