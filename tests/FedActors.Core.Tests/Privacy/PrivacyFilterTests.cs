using CsCheck;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

public sealed class PrivacyFilterTests
{
    private static JobGrant Job(double noise, long steps = 100, double delta = 1e-6) => new([new DpEvent.SampledGaussian(0.05, noise, steps)], delta);

    [Test]
    public void Basic_composition_admits_until_the_next_job_would_pass_either_budget()
    {
        var each = RdpAccountant.Integer.Compose(Job(2).Events[0]).Spent(1e-6).Epsilon;
        var filter = new BasicCompositionFilter(3.5 * each, 1e-5, RdpAccountant.Integer);
        for (var job = 0; job < 3; job++)
            filter = filter.Admit(Job(2))!;

        Assert.That(filter.EpsilonSpent, Is.EqualTo(3 * each).Within(1e-14));
        Assert.That(filter.Admit(Job(2)), Is.Null);
        Assert.That(filter.Admit(Job(40, steps: 1)), Is.Not.Null, "a smaller job still fits");
        Assert.That(filter.Admit(Job(40, 1, delta: 9e-6)), Is.Null, "delta is a budget too");
    }

    [Test]
    public void No_sequence_of_jobs_passes_the_budget_and_a_refused_job_spends_nothing() =>
        Gen.Select(Gen.Double[0.5, 20], Gen.Long[1, 500]).Array[1, 8].Sample(
            jobs =>
            {
                IPrivacyFilter basic = new BasicCompositionFilter(2, 5e-6, RdpAccountant.Integer), fixedOrder = new RdpFilter(2, 1e-6, 12);
                var (epsilon, delta, divergence) = (0m, 0m, RdpAccountant.Empty([12]));
                foreach (var (noise, steps) in jobs)
                {
                    var job = Job(noise, steps);
                    if (basic.Admit(job) is { } admitted)
                    {
                        epsilon += (decimal)RdpAccountant.Integer.Compose(job.Events[0]).Spent(1e-6).Epsilon;
                        delta += 0.000001m;
                        basic = admitted;
                    }
                    if (fixedOrder.Admit(job) is { } next)
                        (divergence, fixedOrder) = (divergence.Compose(job.Events[0]), next);
                }
                return epsilon <= 2.000000000001m && delta <= 0.000005m && divergence.Spent(1e-6).Epsilon <= 2;
            },
            iter: 60);

    [Test]
    public void Five_jobs_of_a_fifth_of_delta_fit() =>
        Assert.That(
            Enumerable.Range(0, 5).Aggregate(
                (IPrivacyFilter?)new BasicCompositionFilter(100, 5e-6, RdpAccountant.Integer), (filter, _) => filter?.Admit(Job(8))),
            Is.Not.Null);

    [Test]
    public void A_fixed_order_admits_more_of_many_small_jobs_than_basic_composition()
    {
        int Admitted(IPrivacyFilter? filter)
        {
            var count = 0;
            while ((filter = filter!.Admit(Job(8, 20, 1e-8))) is not null)
                count++;
            return count;
        }

        Assert.That(Admitted(new RdpFilter(2, 1e-6, 12)), Is.GreaterThan(2 * Admitted(new BasicCompositionFilter(2, 1e-6, RdpAccountant.Integer))));
    }

    [Test]
    public void A_job_that_is_out_of_range_is_refused_with_its_faults() =>
        Assert.Throws<FaultException>(() => new RdpFilter(2, 1e-6, 12).Admit(Job(0)));
}
