using FedActors.Core.Federation;

namespace FedActors.Core.Models;

/// <summary>How a model did on patients whose outcome is known. Each kind of outcome has its own figures.</summary>
/// <param name="N">Patients judged.</param>
public abstract record ModelMetrics(int N)
{
    /// <summary>One of the figures; NaN where it does not exist.</summary>
    public abstract double Of(Metric metric);
}

/// <summary>How a model did that answers with a probability for each class.</summary>
/// <param name="MacroAuroc">Mean over the classes of the AUROC of that class against the rest; classes without
/// patients, or without others, are left out.</param>
/// <param name="Accuracy">Share whose most probable class is the right one; of equal ones the first counts.</param>
/// <param name="LogLoss">Mean of -log of the probability given to the truth, in nats.</param>
public sealed record ClassMetrics(double MacroAuroc, double Accuracy, double LogLoss, int N) : ModelMetrics(N)
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

/// <summary>How a model did that answers with a number.</summary>
/// <param name="Rmse">Root of the mean squared error, in the units of the column.</param>
/// <param name="RSquared">1 - squared errors / squared distances from the mean; NaN where all outcomes are the
/// same.</param>
public sealed record RealMetrics(double Rmse, double RSquared, int N) : ModelMetrics(N)
{
    /// <inheritdoc />
    public override double Of(Metric metric) => metric switch
    {
        Metric.Rmse => Rmse,
        Metric.RSquared => RSquared,
        _ => double.NaN,
    };
}

/// <summary>How a model did that ranks patients by hazard.</summary>
/// <param name="CIndex">Share of the comparable pairs in which the one with the earlier event has the higher hazard,
/// ties half; NaN without pairs.</param>
/// <param name="Events">Patients with an event.</param>
public sealed record SurvivalMetrics(double CIndex, int N, int Events) : ModelMetrics(N)
{
    /// <inheritdoc />
    public override double Of(Metric metric) => metric == Metric.CIndex ? CIndex : double.NaN;
}
