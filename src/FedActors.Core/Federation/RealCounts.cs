//  What hospitals count of a model of numbers
//      Errors and labels beyond ±8 units of the label count as 8, and how many there are is counted too.
//  Layout:   hospitals; patients; those with an error or a label beyond; sums of squared errors, of labels + 8 and of
//            squared labels.
//  Error:    each sum is off by at most hospitals/2 steps. What that makes of the root of the mean, and of R² = 1 -
//            errors/spread with
//            spread = squares - labels²/N, is worked out in FederatedEvaluation.md and told as RmseError and
//            RSquaredError. With
//            a patient beyond, Rmse is only a lower bound.

using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>Counts answers that are the expected number.</summary>
/// <param name="unit">What 1 is in the units a person reads.</param>
internal sealed class RealCounts(double unit) : OutcomeCounts
{
    /// <summary>The largest error and the largest label that count as they are, in units of the label.</summary>
    public const double Largest = 8;

    private const int PatientsAt = 1, BeyondAt = 2, ErrorsAt = 3, LabelsAt = 4, SquaresAt = 5;

    public override int Length => SquaresAt + 1;

    public override double LargestTerm => Largest * Largest;

    public override void Count(
        IModel model, ReadOnlySpan<double> parameters, PatientBatch batch, int fractionBits, Span<long> counts) =>
        Count(AnswersOf(model, parameters, batch).AsSpan(0, batch.Count), batch.Patients.Labels, fractionBits, counts);

    /// <summary>The same from answers.</summary>
    /// <param name="labels">At least as many as answers.</param>
    public static void Count(
        ReadOnlySpan<double> answers, ReadOnlySpan<double> labels, int fractionBits, Span<long> counts)
    {
        (counts[HospitalsAt], counts[PatientsAt]) = (1, answers.Length);
        var (errors, shifted, squares) = (0.0, 0.0, 0.0);
        for (var i = 0; i < answers.Length; i++)
        {
            var error = Math.Abs(answers[i] - labels[i]);
            var label = Math.Clamp(labels[i], -Largest, Largest);
            // An answer that is no number is as wrong as can be.
            if (!(error <= Largest) || label != labels[i])
                counts[BeyondAt]++;
            error = error <= Largest ? error : Largest;
            errors += error * error;
            shifted += label + Largest;
            squares += label * label;
        }
        counts[ErrorsAt] = Steps(errors, fractionBits);
        counts[LabelsAt] = Steps(shifted, fractionBits);
        counts[SquaresAt] = Steps(squares, fractionBits);
    }

    protected override FederatedFigures? Follow(ReadOnlySpan<long> counts, double step)
    {
        var (hospitals, n, beyond) = (counts[HospitalsAt], counts[PatientsAt], counts[BeyondAt]);
        var off = hospitals * step / 2;
        var (errors, shifted, squares) = (step * counts[ErrorsAt], step * counts[LabelsAt], step * counts[SquaresAt]);
        if (n < 1 || beyond > n || Math.Max(errors, squares) > LargestTerm * n + off || shifted > 2 * Largest * n + off)
            return null;
        var mean = errors / n;
        var rmse = Math.Sqrt(mean);
        var rmseOff = Math.Max(rmse - Math.Sqrt(Math.Max(0, mean - off / n)), Math.Sqrt(mean + off / n) - rmse);
        var labels = shifted - Largest * n;
        var spread = squares - labels * labels / n;
        var spreadOff = off + off * (2 * Math.Abs(labels) + off) / n;
        // Labels that all but agree have no spread that rounding would not hide.
        var isTold = beyond == 0 && spread > spreadOff;
        return new FederatedRealFigures(
            (int)hospitals, n, beyond, Math.Abs(unit) * rmse,
            beyond == 0 ? Math.Abs(unit) * rmseOff : double.PositiveInfinity,
            isTold ? 1 - errors / spread : double.NaN,
            isTold ? (off * spread + errors * spreadOff) / (spread * (spread - spreadOff)) : double.NaN);
    }
}
