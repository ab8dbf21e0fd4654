//  Federated Newton
//      Hospitals send the gradient g and the Hessian H of their mean loss; with means weighted by patients and Ω
//      patients in
//      all, the step solves (Ω H + l2 D) step = -(Ω g + l2 D w), D = 1 for penalised coordinates and 0 for a bias:
//      exactly the
//      Newton step on the pooled objective, sum of losses + (l2/2)|w|².
//  Source:   Nocedal, Wright, "Numerical Optimization", 2006, ch. 3.3; Cholesky by MathNet.Numerics.
//  Fails:    where the matrix is not positive definite (l2 = 0 with features that depend on one another).

using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace FedActors.Core.Aggregation;

/// <summary>One Newton step on the pooled objective from sums of gradients and Hessians.</summary>
/// <param name="views">The model's, to know what the penalty covers.</param>
/// <param name="l2">Weight of the penalty, at least 0.</param>
public sealed class FederatedNewton(ImmutableArray<ParameterView> views, double l2) : IAggregationStrategy
{
    private const double Rounding = 1.1e-16;

    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum)
    {
        var d = parameters.Length;
        if (sum.Mean.Length != d + PackedUpper.Length(d))
            throw new ArgumentException($"A mean of {sum.Mean.Length} holds no gradient and Hessian of {d} parameters.",
                nameof(sum));
        if (!TensorPrimitives.IsFiniteAll(sum.Mean.Span))
            throw NextModel.NotFinite();
        var gradient = sum.Mean.Span[..d];
        var hessian = sum.Mean.Span[d..];
        var matrix = Matrix<double>.Build.Dense(d, d);
        var right = Vector<double>.Build.Dense(d);
        for (var i = 0; i < d; i++)
        {
            right[i] = -sum.Weight * gradient[i];
            var row = hessian.Slice(PackedUpper.RowStart(d, i), d - i);
            for (var j = i; j < d; j++)
                matrix[i, j] = matrix[j, i] = sum.Weight * row[j - i];
        }
        foreach (var view in views.Where(view => view.Penalised))
        {
            for (var i = view.Offset; i < view.Offset + view.Length; i++)
            {
                matrix[i, i] += l2;
                right[i] -= l2 * parameters[i];
            }
        }
        var next = Solve(matrix, right).ToArray();
        TensorPrimitives.Add(next, parameters, next);
        return NextModel.Finite(next);
    }

    private static Vector<double> Solve(Matrix<double> matrix, Vector<double> right)
    {
        try
        {
            var factor = matrix.Cholesky();
            var pivots = factor.Factor.Diagonal();
            // A pivot that is lost in the rounding of the largest carries no digit: positive by chance only.
            if (pivots.Minimum() > Math.Sqrt(matrix.RowCount * Rounding) * pivots.Maximum())
                return factor.Solve(right);
        }
        catch (ArgumentException)     // MathNet's word for a matrix that is not positive definite
        {
        }
        throw new FaultException(ExitCode.Failed, new Fault(
            FaultNumber.Singular,
            "The Newton system is singular: features depend on one another, one never changes, or the step "
                + "before went too far.",
            "job.training.l2",
            "Set job.training.l2 above 0, scale the features, leave a dependent one out, or train with fedavg."));
    }
}
