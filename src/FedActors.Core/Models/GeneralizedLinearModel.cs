//  Generalised linear models
//      A score z = w·x + b for each patient, and a link that says what loss the score has. Parameters: w in the order
//      of the
//      features, then b.
//  Source:   McCullagh, Nelder, "Generalized Linear Models", 1989, ch. 4: gradient X^T r / n with residuals r =
//            dloss/dz,
//            Hessian X^T diag(curvature) X / n with curvatures d²loss/dz².
//  Repeats:  sums run over eight lanes in a fixed order with fused multiply-adds, so that a result has the same bits
//            with AVX2 as with AVX-512, and does not depend on threads.

using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Data;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Models;

/// <summary>From a score to a loss, eight patients at a time.</summary>
public interface ILink
{
    /// <summary>What the label must be.</summary>
    static abstract OutcomeKind Outcome { get; }

    /// <summary>The score of a row that is not there: with label 0 its loss is 0, its residual and curvature nothing
    /// beside any patient's.</summary>
    static abstract double NoRow { get; }

    /// <summary>What the model answers.</summary>
    static abstract Vector512<double> Answer(Vector512<double> scores);

    /// <summary>Losses, residuals and curvatures: the loss and its first two derivatives by the score.</summary>
    static abstract (Vector512<double> Loss, Vector512<double> Residual, Vector512<double> Curvature) Judge(
        Vector512<double> scores, Vector512<double> labels);
}

/// <summary>A linear score under a link, over a fixed number of features.</summary>
public abstract class GeneralizedLinearModel<TLink> : ISecondOrderModel, IPerPatientModel where TLink : struct, ILink
{
    private const int Lanes = EightLanes.Count;

    // Rows worked on at once: their features stay in the first-level cache between the forward and the backward pass.
    private const int Chunk = 64;

    private readonly int _features;

    /// <param name="features">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 feature.</exception>
    protected GeneralizedLinearModel(int features)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _features = features;
        Views =
            [new("weights", 0, [features], features, Penalised: true), new("bias", features, [1], 1, Penalised: false)];
    }

    /// <inheritdoc />
    public ImmutableArray<ParameterView> Views { get; }

    /// <inheritdoc />
    public int ParameterCount => _features + 1;

    /// <inheritdoc />
    public OutcomeKind Outcome => TLink.Outcome;

    /// <inheritdoc />
    public int Outputs => 1;

    /// <inheritdoc />
    public void Initialize(Span<double> parameters, long seed)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        parameters.Clear();
    }

    /// <inheritdoc />
    public double Loss(ReadOnlySpan<double> parameters, PatientBatch batch) =>
        Pass(parameters, batch, default, default);

    /// <inheritdoc />
    public double LossAndGradient(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient)
    {
        ModelChecks.Length(gradient.Length, ParameterCount, nameof(gradient));
        return Pass(parameters, batch, gradient, default);
    }

    /// <inheritdoc />
    public double LossGradientAndHessian(
        ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient, Span<double> hessian)
    {
        ModelChecks.Length(gradient.Length, ParameterCount, nameof(gradient));
        ModelChecks.Length(hessian.Length, PackedUpper.Length(ParameterCount), nameof(hessian));
        return Pass(parameters, batch, gradient, hessian);
    }

    /// <inheritdoc />
    public void Predict(ReadOnlySpan<double> parameters, PatientTable patients, Span<double> answers)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Length(patients.Features, _features, nameof(patients));
        ModelChecks.Length(answers.Length, patients.Rows, nameof(answers));
        Span<double> scores = stackalloc double[Chunk];
        for (var start = 0; start < patients.Rows; start += Chunk)
        {
            var count = Math.Min(Chunk, patients.Rows - start);
            Score(parameters, PatientBatch.All(patients), start, scores[..count]);
            for (var j = 0; j < Chunk; j += Lanes)
                TLink.Answer(Load(scores, j)).CopyTo(scores[j..]);
            scores[..count].CopyTo(answers[start..]);
        }
    }

    /// <inheritdoc />
    /// <remarks>Row i's gradient is r (x, 1), r its residual, so its length is |r| sqrt(|x|² + 1) and no gradient is
    /// ever written.</remarks>
    [SkipLocalsInit]
    public void ClippedGradientSum(ReadOnlySpan<double> parameters, PatientBatch batch, double clip, Span<double> sum)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Table(batch.Patients, Outcome, _features);
        ModelChecks.Length(sum.Length, ParameterCount, nameof(sum));
        batch.CheckUnits();
        sum.Clear();
        var squares = batch.Patients.SquaredNorms;
        Span<double> residuals = stackalloc double[Chunk];
        Span<double> lengths = stackalloc double[Chunk];
        for (int start = 0, count; start < batch.Count; start += count)
        {
            if (batch.UnitLength(start) is var several and > 1)
            {
                ClippedUnit.Add(this, parameters, batch.Slice(start, several), clip, sum);
                count = several;
                continue;
            }
            count = batch.SingleRows(start, Chunk);
            Residuals(parameters, batch, start, residuals[..count]);
            for (var j = 0; j < count; j++)
                lengths[j] = squares[batch.RowAt(start + j)];
            var padded = (count + Lanes - 1) & -Lanes;
            residuals[count..padded].Clear();
            lengths[count..padded].Clear();
            var clipped = Vector512<double>.Zero;
            for (var j = 0; j < padded; j += Lanes)
            {
                var residual = Load(residuals, j);
                var norm = Vector512.Abs(residual) * Vector512.Sqrt(Load(lengths, j) + Vector512<double>.One);
                residual = ClippedUnit.Scaled(residual, NormClipping.Factor(norm, clip, ParameterCount));
                residual.CopyTo(residuals[j..]);
                clipped += residual;
            }
            sum[_features] += EightLanes.Total(clipped);
            AddGradient(batch, start, residuals[..count], sum);
        }
    }

    [SkipLocalsInit]
    private void Residuals(ReadOnlySpan<double> parameters, PatientBatch batch, int start, Span<double> residuals)
    {
        Span<double> scores = stackalloc double[Chunk];
        Span<double> labels = stackalloc double[Chunk];
        var padded = (residuals.Length + Lanes - 1) & -Lanes;
        scores[residuals.Length..padded].Fill(TLink.NoRow);
        labels[residuals.Length..padded].Clear();
        Label(batch, start, labels[..residuals.Length]);
        Score(parameters, batch, start, scores[..residuals.Length]);
        for (var j = 0; j < padded; j += Lanes)
            TLink.Judge(Load(scores, j), Load(labels, j)).Residual.CopyTo(scores[j..]);
        scores[..residuals.Length].CopyTo(residuals);
    }

    // One walk over the batch: scores, residuals, and whatever derivatives have room to be written to.
    [SkipLocalsInit]
    private double Pass(
        ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient, Span<double> hessian)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Batch(batch, Outcome, _features);
        gradient.Clear();
        hessian.Clear();
        Span<double> scores = stackalloc double[Chunk];
        Span<double> labels = stackalloc double[Chunk];
        Span<double> curvatures = stackalloc double[Chunk];
        var (lossSum, residualSum) = (Vector512<double>.Zero, Vector512<double>.Zero);
        for (var start = 0; start < batch.Count; start += Chunk)
        {
            var count = Math.Min(Chunk, batch.Count - start);
            var padded = (count + Lanes - 1) & -Lanes;
            scores[count..padded].Fill(TLink.NoRow);
            labels[count..padded].Clear();
            Label(batch, start, labels[..count]);
            Score(parameters, batch, start, scores[..count]);
            for (var j = 0; j < count; j += Lanes)
            {
                var (loss, residual, curvature) = TLink.Judge(Load(scores, j), Load(labels, j));
                lossSum += loss;
                residualSum += residual;
                residual.CopyTo(scores[j..]);
                curvature.CopyTo(curvatures[j..]);
            }
            if (!gradient.IsEmpty)
                AddGradient(batch, start, scores[..count], gradient);
            if (!hessian.IsEmpty)
                AddHessian(batch, start, curvatures[..count], hessian);
        }
        var each = 1.0 / batch.Count;
        if (!gradient.IsEmpty)
        {
            gradient[_features] = EightLanes.Total(residualSum);
            TensorPrimitives.Multiply(gradient, each, gradient);
        }
        TensorPrimitives.Multiply(hessian, each, hessian);
        return EightLanes.Total(lossSum) * each;
    }

    private static void Label(PatientBatch batch, int start, Span<double> labels)
    {
        var all = batch.Patients.Labels;
        for (var i = 0; i < labels.Length; i++)
            labels[i] = all[batch.RowAt(start + i)];
    }

    private void Score(ReadOnlySpan<double> parameters, PatientBatch batch, int start, Span<double> scores)
    {
        var bias = parameters[_features];
        if (_features < Lanes)
        {
            for (var i = 0; i < scores.Length; i++)
            {
                var row = Row(batch, start + i);
                var sum = bias;
                for (var k = 0; k < _features; k++)
                    sum = Math.FusedMultiplyAdd(parameters[k], row[k], sum);
                scores[i] = sum;
            }
            return;
        }
        ref var w = ref MemoryMarshal.GetReference(parameters);
        var whole = _features & -Lanes;
        var rest = (nuint)(_features - Lanes);
        var wRest = Vector512.LoadUnsafe(ref w, rest) & LastLanes(_features - whole);
        for (var i = 0; i < scores.Length; i++)
        {
            ref var x = ref MemoryMarshal.GetReference(Row(batch, start + i));
            var sum = wRest * Vector512.LoadUnsafe(ref x, rest);
            for (nuint k = 0; k < (nuint)whole; k += Lanes)
                sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref w, k), Vector512.LoadUnsafe(ref x, k), sum);
            scores[i] = EightLanes.Total(sum) + bias;
        }
    }

    private void AddGradient(PatientBatch batch, int start, ReadOnlySpan<double> residuals, Span<double> gradient)
    {
        if (_features < Lanes)
        {
            for (var i = 0; i < residuals.Length; i++)
            {
                var row = Row(batch, start + i);
                for (var k = 0; k < _features; k++)
                    gradient[k] = Math.FusedMultiplyAdd(residuals[i], row[k], gradient[k]);
            }
            return;
        }
        ref var g = ref MemoryMarshal.GetReference(gradient);
        var whole = _features & -Lanes;
        nuint first = 0;
        for (; first + 4 * Lanes <= (nuint)whole; first += 4 * Lanes)
        {
            var (a, b) = (Vector512.LoadUnsafe(ref g, first), Vector512.LoadUnsafe(ref g, first + Lanes));
            var (c, d) =
                (Vector512.LoadUnsafe(ref g, first + 2 * Lanes), Vector512.LoadUnsafe(ref g, first + 3 * Lanes));
            for (var i = 0; i < residuals.Length; i++)
            {
                ref var x = ref MemoryMarshal.GetReference(Row(batch, start + i));
                var r = Vector512.Create(residuals[i]);
                a = Vector512.FusedMultiplyAdd(r, Vector512.LoadUnsafe(ref x, first), a);
                b = Vector512.FusedMultiplyAdd(r, Vector512.LoadUnsafe(ref x, first + Lanes), b);
                c = Vector512.FusedMultiplyAdd(r, Vector512.LoadUnsafe(ref x, first + 2 * Lanes), c);
                d = Vector512.FusedMultiplyAdd(r, Vector512.LoadUnsafe(ref x, first + 3 * Lanes), d);
            }
            a.StoreUnsafe(ref g, first);
            b.StoreUnsafe(ref g, first + Lanes);
            c.StoreUnsafe(ref g, first + 2 * Lanes);
            d.StoreUnsafe(ref g, first + 3 * Lanes);
        }
        for (; first < (nuint)whole; first += Lanes)
            AddGradient(batch, start, residuals, ref g, first, Vector512<double>.AllBitsSet);
        if (whole < _features)
            AddGradient(batch, start, residuals, ref g, (nuint)(_features - Lanes), LastLanes(_features - whole));
    }

    private void AddGradient(
        PatientBatch batch, int start,
        ReadOnlySpan<double> residuals, ref double g, nuint first, Vector512<double> mask)
    {
        var sum = Vector512.LoadUnsafe(ref g, first);
        for (var i = 0; i < residuals.Length; i++)
        {
            ref var x = ref MemoryMarshal.GetReference(Row(batch, start + i));
            sum =
                Vector512.FusedMultiplyAdd(Vector512.Create(residuals[i]) & mask, Vector512.LoadUnsafe(ref x, first),
                    sum);
        }
        sum.StoreUnsafe(ref g, first);
    }

    private void AddHessian(PatientBatch batch, int start, ReadOnlySpan<double> curvatures, Span<double> hessian)
    {
        for (var i = 0; i < curvatures.Length; i++)
        {
            var row = Row(batch, start + i);
            var at = 0;
            for (var k = 0; k < _features; k++)
            {
                var scaled = curvatures[i] * row[k];
                var into = hessian.Slice(at, _features - k);
                TensorPrimitives.FusedMultiplyAdd(row[k..], scaled, into, into);
                hessian[at + _features - k] += scaled;
                at += _features - k + 1;
            }
            hessian[at] += curvatures[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ReadOnlySpan<double> Row(PatientBatch batch, int index) =>
        batch.Patients.Values.Slice(batch.RowAt(index) * _features, _features);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Load(ReadOnlySpan<double> from, int at) => Vector512.Create(from.Slice(at, Lanes));

    // The last lanes are those that a load at the end of a row shares with no whole block before it.
    private static Vector512<double> LastLanes(int count) => Vector512.GreaterThanOrEqual(
        Vector512.Create(0.0, 1, 2, 3, 4, 5, 6, 7), Vector512.Create((double)(Lanes - count)));
}
