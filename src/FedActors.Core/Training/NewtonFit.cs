//  Newton's method on one table
//      Minimises sum of losses + (l2/2)|w|², bias free, until the gradient's length is below 1e-9: what pooled data, or
//      one
//      hospital alone, can say.
//  Source:   Nocedal, Wright, "Numerical Optimization", 2006, ch. 3.3; a step that does not descend is halved (ch.
//            3.1).
//  Error:    |gradient| < 1e-9, or as near as rounding lets it come.

using System.Numerics.Tensors;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Core.Training;

/// <summary>Fits a model exactly, with all patients at hand.</summary>
public static class NewtonFit
{
    /// <summary>Length of the gradient, over the sum of the losses, at which the fit is done.</summary>
    public const double Tolerance = 1e-9;

    private const int MostSteps = 200;

    /// <param name="l2">Weight of the penalty, at least 0.</param>
    /// <returns>The parameters.</returns>
    /// <exception cref="FaultException">FA-4005 or FA-4004: the objective has no single finite minimum, as with l2 = 0
    /// where the classes can be separated.</exception>
    public static double[] Run(ISecondOrderModel model, PatientTable patients, double l2)
    {
        var d = model.ParameterCount;
        var newton = new FederatedNewton(model.Views, l2);
        var parameters = new double[d];
        model.Initialize(parameters, seed: 0);
        var derivatives = new double[d + PackedUpper.Length(d)];
        var sum = new AggregatedUpdate(derivatives, patients.Rows, 1);
        var (first, previous) = (0.0, 0.0);
        for (var step = 0; step < MostSteps; step++)
        {
            var batch = PatientBatch.All(patients);
            var loss = model.LossGradientAndHessian(parameters, batch, derivatives.AsSpan(0, d), derivatives.AsSpan(d));
            var length = GradientLength(model, parameters, derivatives, patients.Rows, l2);
            first = step == 0 ? length : first;
            // Where features are large the rounding of their sum stays above the tolerance: no nearer than this.
            if (length < Tolerance || (length < 1e-10 * first && length > previous / 2))
                return parameters;
            previous = length;
            var objective = Objective(model, parameters, loss, patients.Rows, l2);
            var next = newton.Next(parameters, sum);
            for (var half = 0; half < 40; half++)
            {
                var reached = Objective(model, next, model.Loss(next, batch), patients.Rows, l2);
                if (reached <= objective + 1e-12 * Math.Abs(objective))
                    break;
                TensorPrimitives.Add(next, parameters, next);
                TensorPrimitives.Multiply(next, 0.5, next);
            }
            parameters = next;
        }
        throw new FaultException(ExitCode.Failed, new Fault(
            FaultNumber.NotFinite, $"Newton's method found no minimum in {MostSteps} steps.", "job.training.l2",
            "Set job.training.l2 above 0."));
    }

    private static double Objective(IModel model, ReadOnlySpan<double> parameters, double loss, int rows, double l2)
    {
        var squares = 0.0;
        foreach (var view in model.Views.Where(view => view.Penalised))
            squares += TensorPrimitives.SumOfSquares(parameters.Slice(view.Offset, view.Length));
        return rows * loss + l2 / 2 * squares;
    }

    private static double GradientLength(IModel model, double[] parameters, double[] derivatives, int rows, double l2)
    {
        var gradient = new double[parameters.Length];
        TensorPrimitives.Multiply(derivatives.AsSpan(0, parameters.Length), rows, gradient);
        foreach (var view in model.Views.Where(view => view.Penalised))
        {
            var part = gradient.AsSpan(view.Offset, view.Length);
            TensorPrimitives.MultiplyAdd(parameters.AsSpan(view.Offset, view.Length), l2, part, part);
        }
        return TensorPrimitives.Norm<double>(gradient);
    }
}
