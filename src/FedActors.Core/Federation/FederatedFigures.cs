namespace FedActors.Core.Federation;

/// <summary>A model's figures over the patients of all hospitals that counted, from one open sum: never one
/// hospital's.</summary>
/// <param name="Hospitals">How many counted.</param>
/// <param name="N">Patients.</param>
public abstract record FederatedFigures(int Hospitals, long N)
{
    /// <summary>The figure of that name; NaN where it does not exist.</summary>
    public abstract double Of(Metric metric);
}

/// <summary>Of a model that answers with a probability, at threshold 0.5.</summary>
/// <param name="Positives">Those with label 1.</param>
/// <param name="Auroc">With equal bins for equal scores; NaN where one class is absent.</param>
/// <param name="AurocError">The exact AUROC is within this of it.</param>
/// <param name="LogLoss">Mean, in nats.</param>
/// <param name="CalibrationError">Mean over patients of |predicted - observed| share of their group.</param>
public sealed record FederatedBinaryFigures(
    int Hospitals, long N, long Positives, double Auroc, double AurocError, double Accuracy, double LogLoss,
    double Sensitivity,
    double Specificity, double CalibrationError) : FederatedFigures(Hospitals, N)
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

/// <summary>Of a model that answers with a probability for each class.</summary>
/// <param name="MacroAuroc">Mean over the classes of each against the rest, with equal bins for equal scores; NaN
/// without two classes.</param>
/// <param name="AurocError">The exact one is within this of it.</param>
/// <param name="Accuracy">Share whose most probable class is the right one.</param>
/// <param name="LogLoss">Mean, in nats.</param>
public sealed record FederatedClassFigures(
    int Hospitals, long N, double MacroAuroc, double AurocError, double Accuracy, double LogLoss)
        : FederatedFigures(Hospitals, N)
{
    /// <inheritdoc />
    public override double Of(Metric metric) => metric switch
    {
        Metric.MacroAuroc => MacroAuroc,
        Metric.Accuracy => Accuracy,
        Metric.LogLoss => LogLoss,
        _ => double.NaN,
    };
}

/// <summary>Of a model that answers with a number.</summary>
/// <param name="Beyond">Patients whose error, or label, was too large to count as it is.</param>
/// <param name="Rmse">In the units of the column; at least this where a patient was beyond.</param>
/// <param name="RmseError">The exact one is within this of it; infinite where a patient was beyond.</param>
/// <param name="RSquared">NaN where a patient was beyond, or all labels agree but for rounding.</param>
/// <param name="RSquaredError">The exact one is within this of it; NaN where it is.</param>
public sealed record FederatedRealFigures(
    int Hospitals, long N, long Beyond, double Rmse, double RmseError, double RSquared, double RSquaredError)
        : FederatedFigures(Hospitals, N)
{
    /// <inheritdoc />
    public override double Of(Metric metric) => metric switch
    {
        Metric.Rmse => Rmse,
        Metric.RSquared => RSquared,
        _ => double.NaN,
    };
}

/// <summary>Of a model that ranks patients by hazard.</summary>
/// <param name="Events">Patients with an event.</param>
/// <param name="CIndex">Share of the comparable pairs within a hospital in which the one with the earlier event has the
/// higher hazard, ties half; NaN without pairs.</param>
/// <param name="PartialLogLoss">Minus the log partial likelihood stratified by hospital, a patient, in nats.</param>
public sealed record FederatedSurvivalFigures(
    int Hospitals, long N, long Events, double CIndex, double PartialLogLoss) : FederatedFigures(Hospitals, N)
{
    /// <inheritdoc />
    public override double Of(Metric metric) => metric switch
    {
        Metric.CIndex => CIndex,
        Metric.PartialLogLoss => PartialLogLoss,
        _ => double.NaN,
    };
}
