//  Softmax regression
//      P(class k | x) = exp(z_k) / sum_j exp(z_j), z_k = w_k·x + b_k. Parameters: the rows w_0 to w_(K-1), then the
//      biases.
//  Loss:     log sum_j exp(z_j) - z_y, taken from the largest score so that nothing overflows.
//  Source:   Bishop, "Pattern Recognition and Machine Learning", 2006, 4.3.4: gradient of w_k is (p_k - [y = k]) x.
//  Repeats:  rows in order, dot products over eight lanes: the bits do not depend on vector widths or threads.

using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Core.Data;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Models;

/// <summary>Softmax regression over a fixed number of features and classes.</summary>
public sealed class SoftmaxRegression : IPerPatientModel
{
    private readonly int _features;
    private readonly int _classes;

    /// <param name="features">At least 1.</param>
    /// <param name="classes">At least 2, at most <see cref="MostClasses"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too few or too many of either.</exception>
    public SoftmaxRegression(int features, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classes, MostClasses);
        (_features, _classes) = (features, classes);
        Views =
        [
            new("weights", 0, [classes, features], classes * features, Penalised: true),
            new("biases", classes * features, [classes], classes, Penalised: false),
        ];
    }

    /// <summary>Scores of a row lie on the stack.</summary>
    public const int MostClasses = 1_000;

    /// <inheritdoc />
    public ImmutableArray<ParameterView> Views { get; }

    /// <inheritdoc />
    public int ParameterCount => _classes * (_features + 1);

    /// <inheritdoc />
    public OutcomeKind Outcome => OutcomeKind.Class;

    /// <inheritdoc />
    public int Outputs => _classes;

    /// <inheritdoc />
    public void Initialize(Span<double> parameters, long seed)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        parameters.Clear();
    }

    /// <inheritdoc />
    public double Loss(ReadOnlySpan<double> parameters, PatientBatch batch) => Pass(parameters, batch, default);

    /// <inheritdoc />
    public double LossAndGradient(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient)
    {
        ModelChecks.Length(gradient.Length, ParameterCount, nameof(gradient));
        return Pass(parameters, batch, gradient);
    }

    /// <inheritdoc />
    public void Predict(ReadOnlySpan<double> parameters, PatientTable patients, Span<double> answers)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Length(patients.Features, _features, nameof(patients));
        ModelChecks.Length(answers.Length, patients.Rows * _classes, nameof(answers));
        for (var row = 0; row < patients.Rows; row++)
        {
            var own = answers.Slice(row * _classes, _classes);
            Score(parameters, patients.Row(row), own);
            StableMath.Softmax(own);
        }
    }

    /// <inheritdoc />
    /// <remarks>A row's gradient is r (x, 1)^T, r its residuals, so its length is |r| sqrt(|x|² + 1).</remarks>
    public void ClippedGradientSum(ReadOnlySpan<double> parameters, PatientBatch batch, double clip, Span<double> sum)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Length(sum.Length, ParameterCount, nameof(sum));
        Check(batch.Patients);
        batch.CheckUnits();
        sum.Clear();
        Span<double> residuals = stackalloc double[_classes];
        for (int at = 0, count; at < batch.Count; at += count)
        {
            count = batch.UnitLength(at);
            if (count > 1)
            {
                ClippedUnit.Add(this, parameters, batch.Slice(at, count), clip, sum);
                continue;
            }
            var row = batch.RowAt(at);
            Judge(parameters, batch.Patients, row, residuals);
            var norm = Math.Sqrt(EightLanes.Dot(residuals, residuals) * (batch.Patients.SquaredNorms[row] + 1));
            var factor = NormClipping.Factor(norm, clip, ParameterCount);
            for (var k = 0; k < _classes; k++)
                residuals[k] = ClippedUnit.Scaled(residuals[k], factor);
            AddGradient(batch.Patients.Row(row), residuals, sum);
        }
    }

    private double Pass(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Batch(batch, Outcome, _features);
        Check(batch.Patients);
        gradient.Clear();
        var loss = 0.0;
        Span<double> residuals = stackalloc double[_classes];
        for (var i = 0; i < batch.Count; i++)
        {
            var row = batch.RowAt(i);
            loss += Judge(parameters, batch.Patients, row, residuals);
            if (!gradient.IsEmpty)
                AddGradient(batch.Patients.Row(row), residuals, gradient);
        }
        TensorPrimitives.Multiply(gradient, 1.0 / batch.Count, gradient);
        return loss / batch.Count;
    }

    private double Judge(ReadOnlySpan<double> parameters, PatientTable patients, int row, Span<double> residuals)
    {
        var truth = (int)patients.Labels[row];
        Score(parameters, patients.Row(row), residuals);
        var score = residuals[truth];
        var loss = StableMath.Softmax(residuals) - score;
        residuals[truth] -= 1;
        return loss;
    }

    private void Score(ReadOnlySpan<double> parameters, ReadOnlySpan<double> row, Span<double> scores)
    {
        var biases = parameters[(_classes * _features)..];
        for (var k = 0; k < _classes; k++)
            scores[k] = EightLanes.Dot(parameters.Slice(k * _features, _features), row) + biases[k];
    }

    private void AddGradient(ReadOnlySpan<double> row, ReadOnlySpan<double> residuals, Span<double> gradient)
    {
        for (var k = 0; k < _classes; k++)
        {
            var into = gradient.Slice(k * _features, _features);
            TensorPrimitives.MultiplyAdd(row, residuals[k], into, into);
        }
        var biases = gradient[(_classes * _features)..];
        TensorPrimitives.Add(biases, residuals, biases);
    }

    private void Check(PatientTable patients)
    {
        ModelChecks.Table(patients, Outcome, _features);
        if (patients.Outcomes.Classes != _classes)
            throw new ArgumentException(
                $"A table of {patients.Outcomes.Classes} classes does not fit a model of {_classes}.",
                nameof(patients));
    }
}
