//  Linear regression
//      The expected number is w·x + b. With the penalty (l2/2)|w|² beside the sum of the losses this is ridge
//      regression.
//  Loss:     (z - y)² / 2.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Data;

namespace FedActors.Core.Models;

/// <summary>Linear regression over a fixed number of features.</summary>
/// <param name="features">At least 1.</param>
/// <exception cref="ArgumentOutOfRangeException">Fewer than 1 feature.</exception>
public sealed class LinearRegression(int features) : GeneralizedLinearModel<SquaredErrorLink>(features);

/// <summary>Half the squared error, in squared units of the label.</summary>
public readonly struct SquaredErrorLink : ILink
{
    /// <inheritdoc />
    public static OutcomeKind Outcome => OutcomeKind.Real;

    /// <inheritdoc />
    public static double NoRow => 0;

    /// <inheritdoc />
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Answer(Vector512<double> scores) => scores;

    /// <inheritdoc />
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<double> Loss, Vector512<double> Residual, Vector512<double> Curvature) Judge(
        Vector512<double> scores, Vector512<double> labels)
    {
        var error = scores - labels;
        return (Vector512.Create(0.5) * error * error, error, Vector512<double>.One);
    }
}
