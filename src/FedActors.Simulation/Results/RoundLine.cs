using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace FedActors.Simulation.Results;

/// <summary>A line of <c>rounds.jsonl</c>: one committed round. Keys keep their names and order; new ones go to the
/// end.</summary>
/// <param name="Round">From 1.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Included">Hospitals in the sum.</param>
/// <param name="Loss">Mean training loss, over the patients of those included, of the model the round began with, in
/// nats.</param>
/// <param name="Auroc">Of the round's model on the held-out patients; NaN where it was not evaluated.</param>
/// <param name="Epsilon">Largest spent by a hospital so far; 0 while privacy is off.</param>
/// <param name="Saturated">Coordinates of updates that lay beyond the range and were cut to it.</param>
/// <param name="LogLoss">Of the round's model on the held-out patients, in nats; NaN where it was not
/// evaluated.</param>
/// <param name="ByHospitals">What the hospitals counted together, through the secure sum, of the model the round began
/// with: the one of the round before. Null where they did not evaluate.</param>
public sealed record RoundLine(
    int Round,
    int Attempt,
    ImmutableArray<string> Included,
    ImmutableArray<DroppedHospital> Dropped,
    double Loss,
    double Auroc,
    long BytesUp,
    long BytesDown,
    double DurationMs,
    string ModelSha256,
    double Epsilon,
    long Saturated,
    double LogLoss,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] HospitalsFigures? ByHospitals = null)
{
    /// <summary>Of a model of classes on the held-out patients; else left out.</summary>
    public double? MacroAuroc { get; init; }

    /// <summary>Of a model of numbers on the held-out patients; else left out.</summary>
    public double? Rmse { get; init; }

    /// <summary>Of a model of numbers on the held-out patients; else left out.</summary>
    public double? RSquared { get; init; }

    /// <summary>Of a model of survival on the held-out patients; else left out.</summary>
    public double? CIndex { get; init; }
}

/// <summary>A hospital that was invited and is not in the sum.</summary>
/// <param name="Phase">Where in the round it was lost.</param>
/// <param name="Reason">One sentence.</param>
public sealed record DroppedHospital(string Hospital, string Phase, string Reason);
