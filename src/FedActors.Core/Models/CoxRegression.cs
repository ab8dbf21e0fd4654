//  Cox proportional hazards, stratified
//      The hazard of a patient is exp(w·x) times a hazard of time that patients of one stratum share and that is never
//      fitted.
//      Parameters: w in the order of the features; there is no bias.
//  Loss:     minus the log partial likelihood over the patients: a sum over events of log sum_{at risk} exp(w·x_j) -
//            w·x_i,
//            at risk being those of the stratum whose time is not shorter. Ties by Breslow: all of a tie are at risk
//            for each.
//            Divided by the patients of the batch; hospitals that send it never compare their patients with another's,
//            so
//            the sum over hospitals is the likelihood stratified by hospital.
//  Source:   Cox, J. R. Stat. Soc. B 1972;34:187; Breslow, Biometrics 1974;30:89; Kalbfleisch, Prentice, "The
//            Statistical
//            Analysis of Failure Time Data", 2002, 4.1-4.4.
//  Repeats:  rows in the order of risk; the bits do not depend on vector widths or threads.
//  Size:     O(n d) for the gradient, O((n + events) d²) for the Hessian.

using System.Buffers;
using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Core.Data;
using FedActors.Core.Numerics;

namespace FedActors.Core.Models;

/// <summary>Cox regression over a fixed number of features. A patient's loss depends on the others at risk: it has no
/// per-patient gradient.</summary>
public sealed class CoxRegression : ISecondOrderModel
{
    private readonly int _features;

    /// <param name="features">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 feature.</exception>
    public CoxRegression(int features)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _features = features;
        Views = [new("weights", 0, [features], features, Penalised: true)];
    }

    /// <inheritdoc />
    public ImmutableArray<ParameterView> Views { get; }

    /// <inheritdoc />
    public int ParameterCount => _features;

    /// <inheritdoc />
    public OutcomeKind Outcome => OutcomeKind.Survival;

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
        for (var row = 0; row < patients.Rows; row++)
            answers[row] = EightLanes.Dot(parameters, patients.Row(row));
    }

    private double Pass(
        ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient, Span<double> hessian)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Batch(batch, Outcome, _features);
        gradient.Clear();
        hessian.Clear();
        var (ranks, numbers) =
            (ArrayPool<int>.Shared.Rent(batch.Count), ArrayPool<double>.Shared.Rent(2 * batch.Count + 2 * _features));
        var order = ranks.AsSpan(0, batch.Count);
        var scores = numbers.AsSpan(0, batch.Count);
        var hazards = numbers.AsSpan(batch.Count, batch.Count);
        InOrderOfRisk(batch, order);
        for (var i = 0; i < order.Length; i++)
            scores[i] = EightLanes.Dot(parameters, batch.Patients.Row(order[i]));
        var loss = 0.0;
        for (int first = 0, end; first < order.Length; first = end)
        {
            var strata = batch.Patients.Outcomes.Strata;
            for (end = first + 1; end < order.Length && strata[order[end]] == strata[order[first]];)
                end++;
            loss += Stratum(batch.Patients, order[first..end], scores[first..end], hazards[first..end],
                numbers.AsSpan(2 * batch.Count, 2 * _features), gradient, hessian);
        }
        ArrayPool<int>.Shared.Return(ranks);
        ArrayPool<double>.Shared.Return(numbers, clearArray: true);
        TensorPrimitives.Multiply(gradient, 1.0 / batch.Count, gradient);
        TensorPrimitives.Multiply(hessian, 1.0 / batch.Count, hessian);
        return loss / batch.Count;
    }

    // Rows of a stratum, the longest time first. The cumulative hazard of each time follows on the way back, and with
    // it every row's residual: expected less observed events.
    private double Stratum(
        PatientTable patients,
        ReadOnlySpan<int> rows, ReadOnlySpan<double> scores, Span<double> hazards, Span<double> scratch,
        Span<double> gradient, Span<double> hessian)
    {
        var times = patients.Outcomes.Times;
        var events = patients.Outcomes.Labels;
        var largest = TensorPrimitives.Max(scores);
        var weighted = scratch[.._features];
        var mean = scratch[_features..];
        weighted.Clear();
        var (loss, atRisk) = (0.0, 0.0);
        for (int first = 0, end; first < rows.Length; first = end)
        {
            var deaths = 0;
            for (end = first; end < rows.Length && times[rows[end]] == times[rows[first]]; end++)
            {
                var risk = Math.Exp(scores[end] - largest);
                atRisk += risk;
                if (!hessian.IsEmpty)
                    TensorPrimitives.MultiplyAdd(patients.Row(rows[end]), risk, weighted, weighted);
                if (events[rows[end]] == 1)
                {
                    deaths++;
                    loss -= scores[end] - largest;
                }
            }
            loss += deaths * Math.Log(atRisk);
            // Kept at the last of the tie: the hazard of this time alone.
            hazards[first..end].Clear();
            hazards[end - 1] = deaths == 0 ? 0 : deaths / atRisk;
            if (hessian.IsEmpty || deaths == 0)
                continue;
            TensorPrimitives.Multiply(weighted, 1 / atRisk, mean);
            AddOuter(mean, -deaths, hessian);
        }
        if (gradient.IsEmpty)
            return loss;
        var cumulative = 0.0;
        for (var i = rows.Length - 1; i >= 0; i--)
        {
            cumulative += hazards[i];
            var expected = Math.Exp(scores[i] - largest) * cumulative;
            var row = patients.Row(rows[i]);
            TensorPrimitives.MultiplyAdd(row, expected - events[rows[i]], gradient, gradient);
            if (!hessian.IsEmpty)
                AddOuter(row, expected, hessian);
        }
        return loss;
    }

    private static void AddOuter(ReadOnlySpan<double> x, double weight, Span<double> hessian)
    {
        var at = 0;
        for (var k = 0; k < x.Length; k++)
        {
            var into = hessian.Slice(at, x.Length - k);
            TensorPrimitives.MultiplyAdd(x[k..], weight * x[k], into, into);
            at += into.Length;
        }
    }

    private static void InOrderOfRisk(PatientBatch batch, Span<int> order)
    {
        var outcomes = batch.Patients.Outcomes;
        if (batch.IsAll)
        {
            outcomes.RiskOrder.CopyTo(order);
            return;
        }
        for (var i = 0; i < order.Length; i++)
            order[i] = outcomes.RiskRank[batch.RowAt(i)];
        order.Sort();
        for (var i = 0; i < order.Length; i++)
            order[i] = outcomes.RiskOrder[order[i]];
    }
}
