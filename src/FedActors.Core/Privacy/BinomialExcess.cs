using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>
/// ln(1 + sum over k = 2..order of C(order, k) q^k (1-q)^(order-k) e^excess(k)): a moment of a Poisson-sampled
/// mechanism at an integer order, with the terms that add up to 1 taken out, so that nothing cancels however small q
/// is.
/// </summary>
internal static class BinomialExcess
{
    /// <param name="rate">In (0, 1).</param>
    /// <param name="order">At least 2.</param>
    /// <param name="logExcess">ln of what the k-th term holds above 1, for k = 2..order.</param>
    public static double LogMoment(double rate, int order, Func<int, double> logExcess)
    {
        var (logRate, logRest) = (Math.Log(rate), StableMath.Log1p(-rate));
        var terms = order - 1 <= 1024 ? stackalloc double[order - 1] : new double[order - 1];
        var logChoose = Math.Log(order);
        var peak = double.NegativeInfinity;
        for (var k = 2; k <= order; k++)
        {
            logChoose += Math.Log((order - k + 1.0) / k);
            terms[k - 2] = logChoose + k * logRate + (order - k) * logRest + logExcess(k);
            peak = Math.Max(peak, terms[k - 2]);
        }
        var sum = 0.0;
        foreach (var term in terms)
            if (term > peak - 60)
                sum += Math.Exp(term - peak);
        return StableMath.LogOnePlusExp(peak + Math.Log(sum));
    }
}
