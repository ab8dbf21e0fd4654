using MathNet.Numerics.Distributions;

namespace FedActors.Core.Tests.Privacy;

/// <summary>
/// What one run betrays about canaries that were each in or out by a coin: Steinke, Nasr, Jagielski, "Privacy auditing
/// with one training run", NeurIPS 2023, Theorem 5.2 and the code of its appendix.
/// </summary>
internal static class OneRunAudit
{
    /// <summary>How likely an (epsilon, delta)-private mechanism lets at least so many guesses be right.</summary>
    /// <param name="canaries">Coins tossed.</param>
    /// <param name="guesses">Canaries that the auditor guessed about, in or out.</param>
    /// <param name="correct">Right ones among them.</param>
    public static double PValue(int canaries, int guesses, int correct, double epsilon, double delta)
    {
        var chance = 1 / (1 + Math.Exp(-epsilon));
        // Upper tail and probabilities from their logarithms: the tail is a sum of the latter.
        var log = Enumerable.Range(0, guesses + 1).Select(right => Binomial.PMFLn(chance, guesses, right)).ToArray();
        var beta = Enumerable.Range(correct, guesses - correct + 1).Sum(right => Math.Exp(log[right]));
        var (alpha, sum) = (0.0, 0.0);
        for (var i = 1; i <= correct; i++)
        {
            sum += Math.Exp(log[correct - i]);
            alpha = Math.Max(alpha, sum / i);
        }
        return Math.Min(1, beta + alpha * delta * 2 * canaries);
    }

    /// <summary>The largest epsilon that the guesses rule out at this significance; 0 where they rule out
    /// none.</summary>
    public static double EpsilonAtLeast(
        int canaries, int guesses, int correct, double delta, double significance = 0.05)
    {
        var (ruledOut, possible) = (0.0, 1.0);
        if (PValue(canaries, guesses, correct, 0, delta) >= significance)
            return 0;
        while (PValue(canaries, guesses, correct, possible, delta) < significance)
            possible++;
        for (var i = 0; i < 50; i++)
        {
            var middle = (ruledOut + possible) / 2;
            (ruledOut, possible) = PValue(canaries, guesses, correct, middle, delta) < significance
                ? (middle, possible)
                : (ruledOut, middle);
        }
        return ruledOut;
    }
}
