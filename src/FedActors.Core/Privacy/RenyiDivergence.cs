//  Renyi divergence of one step of an event
//      The bound on D_alpha between the outputs on neighbouring data sets, in both directions, at any order above 1.
//  Source:   sampled Gaussian: Mironov, Talwar, Zhang (2019), Theorems 4, 5.
//            Distributed discrete Gaussian: Kairouz, Liu, Steinke, ICML 2021, Proposition 14 and Theorem 1.
//            Skellam: Agarwal, Kairouz, Liu, NeurIPS 2021, Theorem 3.5. Sampling of these two: Zhu, Wang, ICML 2019,
//            Theorem 5, which holds for any mechanism; of discrete Gaussians also what RdpAccountant.md proves. Between
//            integers the next integer's bound stands.
//  Error:    within a relative 2^-40, rounded up.

using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

internal static class RenyiDivergence
{
    /// <summary>D_alpha of one step at each of <paramref name="orders"/>, each above 1.</summary>
    public static double[] OfOneStep(DpEvent @event, ReadOnlySpan<double> orders)
    {
        var divergence = new double[orders.Length];
        // From the largest order down, so that the quadrature's nodes are laid out once.
        switch (@event)
        {
            case DpEvent.SampledGaussian gaussian:
                var moments = new SampledGaussianMoments(gaussian.SamplingRate, gaussian.NoiseMultiplier);
                for (var i = orders.Length - 1; i >= 0; i--)
                    divergence[i] = moments.LogMoment(orders[i]) / (orders[i] - 1);
                break;
            case DpEvent.DistributedDiscreteGaussian gaussian:
                var tau = gaussian.Inflation;
                Sampled(gaussian.SamplingRate, orders, divergence, order => DiscreteGaussianSum(gaussian, tau, order));
                if (gaussian.SamplingRate < 1)
                    AsOneDraw(gaussian, tau, orders, divergence);
                break;
            case DpEvent.Skellam skellam:
                Sampled(skellam.SamplingRate, orders, divergence, order => SkellamSum(skellam, order));
                break;
            default:
                throw new FaultException(new Fault(FaultNumber.EventNotAccounted,
                    $"No Renyi divergence is known for {@event.GetType().Name}.", "",
                    "Leave the event out or use another accountant."));
        }
        foreach (ref var value in divergence.AsSpan())
            value *= 1 + SampledGaussianMoments.RelativeError;
        return divergence;
    }

    private static double DiscreteGaussianSum(DpEvent.DistributedDiscreteGaussian sum, double tau, int order)
    {
        var (l1, l2) = (sum.L1 / sum.Sigma, sum.L2 / sum.Sigma);
        var root = l2 + Math.Sqrt(sum.Dimension) * tau;
        return Math.Min(
            order / 2.0 * l2 * l2 + tau * sum.Dimension,
            order / 2.0 * Math.Min(l2 * l2 + 2 * l1 * tau + tau * tau * sum.Dimension, root * root));
    }

    // The shares' sum is one discrete Gaussian but for tau a coordinate, and for that one the sampled Gaussian's
    // moments hold.
    private static void AsOneDraw(
        DpEvent.DistributedDiscreteGaussian sum, double tau, ReadOnlySpan<double> orders, double[] divergence)
    {
        var moments = new SampledGaussianMoments(sum.SamplingRate, sum.Sigma / sum.L2);
        for (var i = orders.Length - 1; i >= 0; i--)
        {
            var order = Math.Max(2, Math.Ceiling(orders[i]));
            var inflated = (moments.LogMoment(order) + (2 * order + 1) * sum.Dimension * tau) / (order - 1);
            divergence[i] = Math.Min(divergence[i], inflated);
        }
    }

    private static double SkellamSum(DpEvent.Skellam sum, int order)
    {
        var square = sum.L2 * sum.L2;
        return order * square / (2 * sum.Variance) + Math.Min(
            ((2 * order - 1) * square + 6 * sum.L1) / (4 * sum.Variance * sum.Variance),
            3 * sum.L1 / (2 * sum.Variance));
    }

    private static void Sampled(
        double rate, ReadOnlySpan<double> orders, double[] divergence, Func<int, double> unsampled)
    {
        for (var i = 0; i < orders.Length; i++)
        {
            var order = (int)Math.Max(2, Math.Ceiling(orders[i]));
            var plain = unsampled(order);
            divergence[i] = rate == 1
                ? plain
                : Math.Min(plain, BinomialExcess.LogMoment(rate, order, k => LogExcess(k, (k - 1) * unsampled(k)))
                    / (order - 1));
        }
    }

    /// <summary>ln(e^x - 1) at k = 2, ln(3 e^x - 1) above.</summary>
    private static double LogExcess(int k, double x) => k == 2
        ? x > 40 ? x : Math.Log(StableMath.Expm1(x))
        : Math.Log(3) + x + StableMath.Log1p(-Math.Exp(-x) / 3);
}
