using FedActors.Core.Federation;

namespace FedActors.Core.Models;

/// <summary>How a model that answers with a probability did on labelled patients, at threshold 0.5.</summary>
/// <param name="Auroc">Probability that a patient with the condition scores above one without, ties half; NaN where one
/// class is absent.</param>
/// <param name="Accuracy">Share answered rightly.</param>
/// <param name="LogLoss">Mean of -log of the probability given to the truth, in nats.</param>
/// <param name="Sensitivity">Share of those with the condition that were found; NaN where there are none.</param>
/// <param name="Specificity">Share of those without it that were cleared; NaN where there are none.</param>
/// <param name="N">Patients judged.</param>
/// <param name="Missed">Patients with the condition that were not found.</param>
/// <param name="FalseAlarms">Patients without it that were alarmed.</param>
public sealed record BinaryMetrics(
    double Auroc, double Accuracy, double LogLoss, double Sensitivity, double Specificity, int N, int Missed,
    int FalseAlarms) : ModelMetrics(N)
{
    /// <inheritdoc />
    public override double Of(Metric metric) => metric switch
    {
        Metric.Auroc => Auroc,
        Metric.Accuracy => Accuracy,
        Metric.LogLoss => LogLoss,
        Metric.Sensitivity => Sensitivity,
        Metric.Specificity => Specificity,
        _ => double.NaN,
    };
}
