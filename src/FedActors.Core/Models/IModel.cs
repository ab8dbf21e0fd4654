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

    /// <summary>What a table must know of its patients for this model to learn from it.</summary>
    OutcomeKind Outcome { get; }

    /// <summary>Numbers that the model answers with for a patient.</summary>
    int Outputs { get; }

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

    /// <summary>
    /// What the model says of every patient of a table: the probability of label 1, that of each class, the expected number, or
    /// the log of the relative hazard.
    /// </summary>
    /// <param name="parameters">Length <see cref="ParameterCount"/>.</param>
    /// <param name="answers"><see cref="Outputs"/> for each row; overwritten.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model.</exception>
    void Predict(ReadOnlySpan<double> parameters, PatientTable patients, Span<double> answers);
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

/// <summary>
/// A model whose loss is a sum over patients, so that what one patient adds to a gradient can be measured and bounded: what
/// differential privacy stands on.
/// </summary>
public interface IPerPatientModel : IModel
{
    /// <summary>
    /// The sum, not the mean, of the patients' gradients of the loss, each shortened to a length of at most <paramref name="clip"/>,
    /// biases included. The rows of one patient in the batch are one gradient, shortened once. A patient whose gradient is not
    /// finite adds nothing. Nothing but the sum depends on the patients.
    /// </summary>
    /// <param name="parameters">Length <see cref="IModel.ParameterCount"/>.</param>
    /// <param name="batch">Rows in ascending order, as <see cref="PatientBatch.All"/> and <see cref="PatientBatch.OfUnits"/> give
    /// them; may be empty, and then the sum is 0.</param>
    /// <param name="clip">Above 0, finite, in the gradient's units.</param>
    /// <param name="sum">Length <see cref="IModel.ParameterCount"/>; overwritten.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, rows are not in ascending order,
    /// or the clip is not such a number.</exception>
    void ClippedGradientSum(ReadOnlySpan<double> parameters, PatientBatch batch, double clip, Span<double> sum);
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

    /// <summary>All rows of the given patients.</summary>
    /// <param name="units">Ascending, each once.</param>
    /// <param name="rows">Room for the rows, which the batch then reads: as many as the table has are always enough.</param>
    /// <exception cref="ArgumentException">There is no such patient, or no room for the rows.</exception>
    public static PatientBatch OfUnits(PatientTable patients, ReadOnlySpan<int> units, Span<int> rows)
    {
        var taken = 0;
        foreach (var unit in units)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(unit, nameof(units));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(unit, patients.Units, nameof(units));
            var (first, count) = patients.RowsOf(unit);
            if (taken + count > rows.Length)
                throw new ArgumentException($"There is room for {rows.Length} rows only.", nameof(rows));
            for (var i = 0; i < count; i++)
                rows[taken++] = first + i;
        }
        return Of(patients, rows[..taken]);
    }

    /// <summary>The table the rows stand in.</summary>
    public PatientTable Patients { get; }

    /// <summary>Row indices; empty where <see cref="IsAll"/>.</summary>
    public ReadOnlySpan<int> Rows { get; }

    /// <summary>Whether the batch is the whole table.</summary>
    public bool IsAll { get; }

    /// <summary>Patients in the batch.</summary>
    public int Count => IsAll ? Patients.Rows : Rows.Length;

    /// <summary>The row of the table that stands at a place of the batch.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public int RowAt(int index) => IsAll ? index : Rows[index];

    /// <summary>How many rows, from a place of the batch on, are of one patient.</summary>
    internal int UnitLength(int index)
    {
        var unit = Patients.UnitOf(RowAt(index));
        var end = index + 1;
        while (end < Count && Patients.UnitOf(RowAt(end)) == unit)
            end++;
        return end - index;
    }

    /// <summary>Ascending rows: then no row counts twice, and a patient's rows stand next to one another.</summary>
    internal void CheckUnits()
    {
        for (var i = 1; i < Rows.Length; i++)
        {
            if (Rows[i] <= Rows[i - 1])
                throw new ArgumentException("The rows of a batch to clip are not in ascending order.", nameof(Rows));
        }
    }
}
