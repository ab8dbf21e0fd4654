//  Logistic regression
//      P(label = 1 | x) = 1 / (1 + exp(-(w·x + b))). Parameters: w in the order of the features, then b.
//  Loss:     max(z, 0) - y z + log(1 + exp(-|z|)), the log loss without overflow for any finite z.
//  Source:   McCullagh, Nelder, "Generalized Linear Models", 1989, ch. 4: gradient X^T(p - y)/n, Hessian X^T diag(p(1-p)) X/n.
//  Repeats:  sums run over eight lanes in a fixed order with fused multiply-adds, so that a result has the same bits
//            with AVX2 as with AVX-512, and does not depend on threads.

using System.Buffers;
using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FedActors.Core.Data;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Models;

/// <summary>Logistic regression over a fixed number of features.</summary>
public sealed class LogisticRegression : ISecondOrderModel, IPerPatientModel
{
    private const int Lanes = EightLanes.Count;

    // Rows worked on at once: their features stay in the first-level cache between the forward and the backward pass.
    private const int Chunk = 64;

    // What a row that is not there scores: a loss of exactly 0 and a probability below 1e-300, nothing beside any patient's.
    // Further out the vector exponential leaves its fast path, for the patients of the same lanes too.
    private const double NoRow = -700;

    private readonly int _features;

    /// <param name="features">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 feature.</exception>
    public LogisticRegression(int features)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _features = features;
        Views = [new("weights", 0, [features], features, Penalised: true), new("bias", features, [1], 1, Penalised: false)];
    }

    /// <inheritdoc />
    public ImmutableArray<ParameterView> Views { get; }

    /// <inheritdoc />
    public int ParameterCount => _features + 1;

    /// <inheritdoc />
    public OutcomeKind Outcome => OutcomeKind.Binary;

    /// <inheritdoc />
    public int Outputs => 1;

    /// <inheritdoc />
    public void Initialize(Span<double> parameters, long seed)
    {
        CheckLength(parameters.Length, ParameterCount, nameof(parameters));
        parameters.Clear();
    }

    /// <inheritdoc />
    public double Loss(ReadOnlySpan<double> parameters, PatientBatch batch) => Pass(parameters, batch, default, default);

    /// <inheritdoc />
    public double LossAndGradient(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient)
    {
        CheckLength(gradient.Length, ParameterCount, nameof(gradient));
        return Pass(parameters, batch, gradient, default);
    }

    /// <inheritdoc />
    public double LossGradientAndHessian(
        ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient, Span<double> hessian)
    {
        CheckLength(gradient.Length, ParameterCount, nameof(gradient));
        CheckLength(hessian.Length, PackedUpper.Length(ParameterCount), nameof(hessian));
        return Pass(parameters, batch, gradient, hessian);
    }

    /// <inheritdoc />
    public void Predict(ReadOnlySpan<double> parameters, PatientTable patients, Span<double> answers)
    {
        CheckLength(parameters.Length, ParameterCount, nameof(parameters));
        CheckLength(patients.Features, _features, nameof(patients));
        CheckLength(answers.Length, patients.Rows, nameof(answers));
        Span<double> scores = stackalloc double[Chunk];
        for (var start = 0; start < patients.Rows; start += Chunk)
        {
            var count = Math.Min(Chunk, patients.Rows - start);
            Score(parameters, PatientBatch.All(patients), start, scores[..count]);
            for (var j = 0; j < Chunk; j += Lanes)
                Probability(Load(scores, j), out _).CopyTo(scores[j..]);
            scores[..count].CopyTo(answers[start..]);
        }
    }

    /// <inheritdoc />
    /// <remarks>Row i's gradient is r (x, 1), r its residual, so its length is |r| sqrt(|x|² + 1) and no gradient is ever written.</remarks>
    [SkipLocalsInit]
    public void ClippedGradientSum(ReadOnlySpan<double> parameters, PatientBatch batch, double clip, Span<double> sum)
    {
        CheckLength(parameters.Length, ParameterCount, nameof(parameters));
        CheckLength(batch.Patients.Features, _features, nameof(batch));
        CheckLength(sum.Length, ParameterCount, nameof(sum));
        batch.CheckUnits();
        sum.Clear();
        var squares = batch.Patients.SquaredNorms;
        Span<double> residuals = stackalloc double[Chunk];
        for (int start = 0, count; start < batch.Count; start += count)
        {
            count = batch.UnitLength(start);
            if (count > 1)
            {
                AddClipped(parameters, batch, start, count, clip, sum);
                continue;
            }
            while (count < Chunk && start + count < batch.Count && batch.UnitLength(start + count) == 1)
                count++;
            Residuals(parameters, batch, start, residuals[..count]);
            for (var j = 0; j < count; j++)
            {
                var norm = Math.Abs(residuals[j]) * Math.Sqrt(squares[batch.RowAt(start + j)] + 1);
                var factor = NormClipping.Factor(norm, clip, ParameterCount);
                residuals[j] = factor > 0 ? factor * residuals[j] : 0;
                sum[_features] += residuals[j];
            }
            AddGradient(batch, start, residuals[..count], sum);
        }
    }

    // A patient of several rows: their gradients are added first, and the sum is clipped.
    private void AddClipped(ReadOnlySpan<double> parameters, PatientBatch batch, int start, int count, double clip, Span<double> sum)
    {
        var rented = ArrayPool<double>.Shared.Rent(ParameterCount);
        var own = rented.AsSpan(0, ParameterCount);
        own.Clear();
        Span<double> residuals = stackalloc double[Chunk];
        for (var done = 0; done < count; done += Chunk)
        {
            var some = residuals[..Math.Min(Chunk, count - done)];
            Residuals(parameters, batch, start + done, some);
            AddGradient(batch, start + done, some, own);
            foreach (var residual in some)
                own[_features] += residual;
        }
        NormClipping.Clip(own, clip);
        TensorPrimitives.Add(sum, own, sum);
        ArrayPool<double>.Shared.Return(rented, clearArray: true);
    }

    private void Residuals(ReadOnlySpan<double> parameters, PatientBatch batch, int start, Span<double> residuals)
    {
        Span<double> padded = stackalloc double[Chunk];
        Score(parameters, batch, start, padded[..residuals.Length]);
        padded[residuals.Length..].Fill(NoRow);
        for (var j = 0; j < Chunk; j += Lanes)
            Probability(Load(padded, j), out _).CopyTo(padded[j..]);
        for (var j = 0; j < residuals.Length; j++)
            residuals[j] = padded[j] - batch.Patients.Labels[batch.RowAt(start + j)];
    }

    // One walk over the batch: scores, residuals, and whatever derivatives have room to be written to.
    [SkipLocalsInit]
    private double Pass(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient, Span<double> hessian)
    {
        CheckLength(parameters.Length, ParameterCount, nameof(parameters));
        CheckLength(batch.Patients.Features, _features, nameof(batch));
        if (batch.Count == 0)
            throw new ArgumentException("A batch without patients has no loss.", nameof(batch));
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
            scores[count..padded].Fill(NoRow);
            labels[count..padded].Clear();
            Label(batch, start, labels[..count]);
            Score(parameters, batch, start, scores[..count]);
            for (var j = 0; j < count; j += Lanes)
            {
                var (z, y) = (Load(scores, j), Load(labels, j));
                var p = Probability(z, out var t);
                var residual = p - y;
                lossSum += Vector512.Max(z, Vector512<double>.Zero) - y * z + Vector512.Log(Vector512<double>.One + t);
                residualSum += residual;
                residual.CopyTo(scores[j..]);
                if (!hessian.IsEmpty)
                    (p * (Vector512<double>.One - p)).CopyTo(curvatures[j..]);
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
        if (batch.IsAll)
            all.Slice(start, labels.Length).CopyTo(labels);
        else
            for (var i = 0; i < labels.Length; i++)
                labels[i] = all[batch.Rows[start + i]];
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
            var (c, d) = (Vector512.LoadUnsafe(ref g, first + 2 * Lanes), Vector512.LoadUnsafe(ref g, first + 3 * Lanes));
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
        PatientBatch batch, int start, ReadOnlySpan<double> residuals, ref double g, nuint first, Vector512<double> mask)
    {
        var sum = Vector512.LoadUnsafe(ref g, first);
        for (var i = 0; i < residuals.Length; i++)
        {
            ref var x = ref MemoryMarshal.GetReference(Row(batch, start + i));
            sum = Vector512.FusedMultiplyAdd(Vector512.Create(residuals[i]) & mask, Vector512.LoadUnsafe(ref x, first), sum);
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

    // 1 / (1 + exp(-z)) by t = exp(-|z|), which cannot overflow.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Probability(Vector512<double> z, out Vector512<double> t)
    {
        t = Vector512.Exp(-Vector512.Abs(z));
        var larger = Vector512<double>.One / (Vector512<double>.One + t);
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(z, Vector512<double>.Zero), larger, t * larger);
    }

    // The last lanes are those that a load at the end of a row shares with no whole block before it.
    private static Vector512<double> LastLanes(int count) => Vector512.GreaterThanOrEqual(
        Vector512.Create(0.0, 1, 2, 3, 4, 5, 6, 7), Vector512.Create((double)(Lanes - count)));

    private static void CheckLength(int actual, int expected, string name)
    {
        if (actual != expected)
            throw new ArgumentException($"{name} has {actual} entries where the model takes {expected}.", name);
    }
}
