using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Models;

/// <summary>What models have in common when they clip patient by patient.</summary>
internal static class ClippedUnit
{
    /// <summary>A patient of several rows: their gradients are added in a buffer, the sum is clipped once and
    /// added.</summary>
    /// <param name="rows">The patient's, at least one.</param>
    public static void Add(
        IModel model, ReadOnlySpan<double> parameters, PatientBatch rows, double clip, Span<double> sum)
    {
        var rented = ArrayPool<double>.Shared.Rent(model.ParameterCount);
        var own = rented.AsSpan(0, model.ParameterCount);
        model.LossAndGradient(parameters, rows, own);
        TensorPrimitives.Multiply(own, rows.Count, own);
        NormClipping.Clip(own, clip);
        TensorPrimitives.Add(sum, own, sum);
        ArrayPool<double>.Shared.Return(rented, clearArray: true);
    }

    /// <summary><paramref name="value"/> times a factor of <see cref="NormClipping.Factor(double, double, int)"/>, of
    /// which 0 makes 0 of anything, NaN too.</summary>
    public static double Scaled(double value, double factor) => factor > 0 ? factor * value : 0;

    /// <summary>The same of each lane.</summary>
    public static Vector512<double> Scaled(Vector512<double> value, Vector512<double> factor) =>
        factor * value & Vector512.GreaterThan(factor, Vector512<double>.Zero);
}
