using System.Collections.Immutable;
using FedActors.Core.Data;

namespace FedActors.Core.Models;

/// <summary>
/// A model whose parameters are one flat vector. It holds no parameters and no patients, only the arithmetic, so that
/// one instance serves any number of hospitals and threads at once.
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
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, or the batch is
    /// empty.</exception>
    double Loss(ReadOnlySpan<double> parameters, PatientBatch batch);

    /// <summary>Mean loss over the batch, in nats, and its gradient.</summary>
    /// <param name="parameters">Length <see cref="ParameterCount"/>.</param>
    /// <param name="gradient">Length <see cref="ParameterCount"/>; overwritten with the gradient of the mean
    /// loss.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, or the batch is
    /// empty.</exception>
    double LossAndGradient(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient);

    /// <summary>
    /// What the model says of every patient of a table: the probability of label 1, that of each class, the expected
    /// number, or the log of the relative hazard.
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
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, or the batch is
    /// empty.</exception>
    double LossGradientAndHessian(
        ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient, Span<double> hessian);
}

/// <summary>
/// A model whose loss is a sum over patients, so that what one patient adds to a gradient can be measured and bounded:
/// what differential privacy stands on.
/// </summary>
public interface IPerPatientModel : IModel
{
    /// <summary>
    /// The sum, not the mean, of the patients' gradients of the loss, each shortened to a length of at most
    /// <paramref name="clip"/>, biases included. The rows of one patient in the batch are one gradient, shortened once.
    /// A patient whose gradient is not finite adds nothing. Nothing but the sum depends on the patients.
    /// </summary>
    /// <param name="parameters">Length <see cref="IModel.ParameterCount"/>.</param>
    /// <param name="batch">Rows in ascending order, as <see cref="PatientBatch.All"/> and
    /// <see cref="PatientBatch.OfUnits"/> give them; may be empty, and then the sum is 0.</param>
    /// <param name="clip">Above 0, finite, in the gradient's units.</param>
    /// <param name="sum">Length <see cref="IModel.ParameterCount"/>; overwritten.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model, rows are not in
    /// ascending order, or the clip is not such a number.</exception>
    void ClippedGradientSum(ReadOnlySpan<double> parameters, PatientBatch batch, double clip, Span<double> sum);
}

/// <summary>A model that takes plain gradient steps in a precision and a memory of its own, so that nothing is
/// converted between two of them.</summary>
public interface IDescendingModel : IModel
{
    /// <summary>
    /// Overwrites <paramref name="parameters"/> with where so many steps lead:
    /// w -= rate (gradient of the batch's mean loss + decay w), biases without decay.
    /// </summary>
    /// <param name="parameters">Length <see cref="IModel.ParameterCount"/>.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model.</exception>
    void Descend(Span<double> parameters, BatchOrder batches, int steps, double rate, double decay);
}

/// <summary>A model that takes private steps in a precision and a memory of its own: sums go from it to the noise, and
/// weights come back, stretch by stretch.</summary>
public interface INoisilyDescendingModel : IPerPatientModel
{
    /// <summary>Overwrites <paramref name="parameters"/> with where the steps lead.</summary>
    /// <param name="parameters">Length <see cref="IModel.ParameterCount"/>.</param>
    /// <exception cref="ArgumentException">A length or the table's features do not fit the model.</exception>
    void Descend(Span<double> parameters, INoisySteps steps);
}

/// <summary>Where private steps get their patients from, and what becomes of a sum of clipped gradients.</summary>
public interface INoisySteps
{
    /// <summary>How many steps are taken.</summary>
    int Count { get; }

    /// <summary>As <see cref="IPerPatientModel.ClippedGradientSum"/> takes it.</summary>
    double Clip { get; }

    /// <summary>The next step's patients; may be empty. Valid until the next call.</summary>
    PatientBatch Next();

    /// <summary>A stretch of a step: stretches follow one another in the order of the parameters.</summary>
    /// <param name="sums">Of clipped gradients, exact: <see cref="Privacy.ExactSums"/>.</param>
    /// <param name="weights">As many; changed in place.</param>
    /// <param name="penalised">Whether the l2 penalty covers them.</param>
    void Take(ReadOnlySpan<float> sums, Span<float> weights, bool penalised);

    /// <summary>The same of sums in double precision: the same numbers make the same weights, bit for bit.</summary>
    void Take(ReadOnlySpan<double> sums, Span<float> weights, bool penalised);
}

/// <summary>A named, shaped stretch of a model's flat parameter vector.</summary>
/// <param name="Name">As <c>model.json</c> and <c>model.safetensors</c> name the tensor.</param>
/// <param name="Offset">Of its first coordinate.</param>
/// <param name="Shape">Row-major; their product is <paramref name="Length"/>.</param>
/// <param name="Length">Coordinates.</param>
/// <param name="Penalised">Whether the l2 penalty covers it; a bias is free.</param>
public sealed record ParameterView(string Name, int Offset, ImmutableArray<int> Shape, int Length, bool Penalised);
