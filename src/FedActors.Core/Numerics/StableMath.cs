namespace FedActors.Core.Numerics;

/// <summary>
/// exp(x) - 1 and ln(1 + x) without the cancellation near 0 that the runtime's <c>double.ExpM1</c> and
/// <c>double.LogP1</c> have: a few units in the last place everywhere. Source: Higham, Accuracy and Stability of
/// Numerical Algorithms, 2nd ed., 1.14.1 (Kahan).
/// </summary>
public static class StableMath
{
    /// <summary>exp(<paramref name="x"/>) - 1.</summary>
    public static double Expm1(double x)
    {
        var y = Math.Exp(x);
        if (y == 1)
            return x;
        var difference = y - 1;
        return difference == -1 || x > 40 ? difference : difference * x / Math.Log(y);
    }

    /// <summary>ln(1 + <paramref name="x"/>), for x &gt; -1.</summary>
    public static double Log1p(double x)
    {
        var y = 1 + x;
        return y == 1 ? x : double.IsPositiveInfinity(y) ? double.PositiveInfinity : Math.Log(y) * (x / (y - 1));
    }

    /// <summary>ln(1 + exp(<paramref name="x"/>)), which never overflows.</summary>
    public static double LogOnePlusExp(double x) => x > 0 ? x + Log1p(Math.Exp(-x)) : Log1p(Math.Exp(x));

    /// <summary>Overwrites scores with exp(score) over the sum of all, each in [0, 1].</summary>
    /// <param name="scores">At least one.</param>
    /// <returns>The log of the sum of exp(score), which never overflows.</returns>
    public static double Softmax(Span<double> scores)
    {
        var largest = scores[0];
        foreach (var score in scores)
            largest = Math.Max(largest, score);
        var sum = 0.0;
        for (var k = 0; k < scores.Length; k++)
            sum += scores[k] = Math.Exp(scores[k] - largest);
        for (var k = 0; k < scores.Length; k++)
            scores[k] /= sum;
        return largest + Math.Log(sum);
    }
}
