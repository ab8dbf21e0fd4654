//  Logistic regression
//      P(label = 1 | x) = 1 / (1 + exp(-(w·x + b))).
//  Loss:     max(z, 0) - y z + log(1 + exp(-|z|)), the log loss without overflow for any finite z.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Data;

namespace FedActors.Core.Models;

/// <summary>Logistic regression over a fixed number of features.</summary>
/// <param name="features">At least 1.</param>
/// <exception cref="ArgumentOutOfRangeException">Fewer than 1 feature.</exception>
public sealed class LogisticRegression(int features) : GeneralizedLinearModel<LogisticLink>(features);

/// <summary>Log loss, in nats.</summary>
public readonly struct LogisticLink : ILink
{
    /// <inheritdoc />
    public static OutcomeKind Outcome => OutcomeKind.Binary;

    /// <inheritdoc />
    /// <remarks>Further out the vector exponential leaves its fast path, for the patients of the same lanes
    /// too.</remarks>
    public static double NoRow => -700;

    /// <inheritdoc />
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Answer(Vector512<double> scores) => Probability(scores, out _);

    /// <inheritdoc />
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<double> Loss, Vector512<double> Residual, Vector512<double> Curvature) Judge(
        Vector512<double> scores, Vector512<double> labels)
    {
        var p = Probability(scores, out var t);
        var loss = Vector512.Max(scores, Vector512<double>.Zero) - labels * scores
            + Vector512.Log(Vector512<double>.One + t);
        return (loss, p - labels, p * (Vector512<double>.One - p));
    }

    // 1 / (1 + exp(-z)) by t = exp(-|z|), which cannot overflow.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Probability(Vector512<double> z, out Vector512<double> t)
    {
        t = Vector512.Exp(-Vector512.Abs(z));
        var larger = Vector512<double>.One / (Vector512<double>.One + t);
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(z, Vector512<double>.Zero), larger, t * larger);
    }
}
