using System.Collections.Immutable;
using FedActors.Core.Data;

namespace FedActors.Core.Models;

/// <summary>
/// A model whose parameters are one flat vector. It holds no parameters and no patients, only the arithmetic, so that one
/// instance serves any number of hospitals and threads at once.
/// </summary>
public interface IModel
{
    /// <summary>What each stretch of the flat vector means, in order and without gaps.</summary>
    ImmutableArray<ParameterView> Views { get; }

    /// <summary>Length of the flat vector.</summary>
    int ParameterCount { get; }

    /// <summary>Overwrites <paramref name="parameters"/> with what training starts from.</summary>
    /// <param name="seed">The job's seed; a convex model starts from zero whatever it is.</param>
    void Initialize(Span<double> parameters, long seed);

    /// <summary>Mean loss over the batch, in nats; not finite where the parameters have diverged.</summary>
    /// <param name="parameters">Length <see cref="ParameterCount"/>.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, or the batch is empty.</exception>
    double Loss(ReadOnlySpan<double> parameters, PatientBatch batch);

    /// <summary>Mean loss over the batch, in nats, and its gradient.</summary>
    /// <param name="parameters">Length <see cref="ParameterCount"/>.</param>
    /// <param name="gradient">Length <see cref="ParameterCount"/>; overwritten with the gradient of the mean loss.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, or the batch is empty.</exception>
    double LossAndGradient(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient);

    /// <summary>The probability of label 1 for every patient of a table.</summary>
    /// <param name="parameters">Length <see cref="ParameterCount"/>.</param>
    /// <param name="probabilities">One for each row; overwritten, each in [0, 1].</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model.</exception>
    void Predict(ReadOnlySpan<double> parameters, PatientTable patients, Span<double> probabilities);
}

/// <summary>A model small enough, and smooth enough, that its second derivatives are worth sending.</summary>
public interface ISecondOrderModel : IModel
{
    /// <summary>Mean loss over the batch, its gradient and its Hessian.</summary>
    /// <param name="parameters">Length <see cref="IModel.ParameterCount"/>.</param>
    /// <param name="gradient">Length <see cref="IModel.ParameterCount"/>; overwritten.</param>
    /// <param name="hessian">Packed upper triangle, row after row, length d(d+1)/2; overwritten.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, or the batch is empty.</exception>
    double LossGradientAndHessian(
        ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient, Span<double> hessian);
}

/// <summary>A named, shaped stretch of a model's flat parameter vector.</summary>
/// <param name="Name">As <c>model.json</c> and <c>model.safetensors</c> name the tensor.</param>
/// <param name="Offset">Of its first coordinate.</param>
/// <param name="Shape">Row-major; their product is <paramref name="Length"/>.</param>
/// <param name="Length">Coordinates.</param>
/// <param name="Penalised">Whether the l2 penalty covers it; a bias is free.</param>
public sealed record ParameterView(string Name, int Offset, ImmutableArray<int> Shape, int Length, bool Penalised);

/// <summary>The patients a step looks at: all of a table, or some of its rows.</summary>
public readonly ref struct PatientBatch
{
    private PatientBatch(PatientTable patients, ReadOnlySpan<int> rows, bool all)
    {
        Patients = patients;
        Rows = rows;
        IsAll = all;
    }

    /// <summary>Every row of <paramref name="patients"/>, in its order.</summary>
    public static PatientBatch All(PatientTable patients) => new(patients, default, true);

    /// <summary>The given rows, which may repeat, in the given order; one that the table lacks throws when it is read.</summary>
    public static PatientBatch Of(PatientTable patients, ReadOnlySpan<int> rows) => new(patients, rows, false);

    /// <summary>The table the rows stand in.</summary>
    public PatientTable Patients { get; }

    /// <summary>Row indices; empty where <see cref="IsAll"/>.</summary>
    public ReadOnlySpan<int> Rows { get; }

    /// <summary>Whether the batch is the whole table.</summary>
    public bool IsAll { get; }

    /// <summary>Patients in the batch.</summary>
    public int Count => IsAll ? Patients.Rows : Rows.Length;
}
