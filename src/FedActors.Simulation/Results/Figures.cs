using System.Collections.Immutable;
using System.Text.Json.Serialization;
using FedActors.Core.Models;

namespace FedActors.Simulation.Results;

/// <summary>
/// A model's figures as results show them: those of <see cref="BinaryMetrics"/>, or their mean over hospitals, where the
/// patients missed and the false alarms are no longer whole numbers. A figure that does not exist is NaN, null in JSON.
/// </summary>
[method: JsonConstructor]
public record Figures(
    double Auroc, double Accuracy, double LogLoss, double Sensitivity, double Specificity, int N, double Missed, double FalseAlarms)
{
    public Figures(BinaryMetrics metrics) : this(
        metrics.Auroc, metrics.Accuracy, metrics.LogLoss, metrics.Sensitivity, metrics.Specificity,
        metrics.N, metrics.Missed, metrics.FalseAlarms)
    {
    }

    /// <summary>The mean of each figure; NaN where one of them is.</summary>
    /// <exception cref="ArgumentException">No figures, or figures over different numbers of patients.</exception>
    public static Figures Mean(IReadOnlyCollection<Figures> figures)
    {
        if (figures.Count == 0 || figures.Any(one => one.N != figures.First().N))
            throw new ArgumentException("A mean needs figures, all over the same patients.", nameof(figures));
        return new Figures(
            figures.Average(one => one.Auroc),
            figures.Average(one => one.Accuracy),
            figures.Average(one => one.LogLoss),
            figures.Average(one => one.Sensitivity),
            figures.Average(one => one.Specificity),
            figures.First().N,
            figures.Average(one => one.Missed),
            figures.Average(one => one.FalseAlarms));
    }
}

/// <summary>The model trained on all data in one place.</summary>
/// <param name="MaxWeightDifference">Largest absolute difference between a federated and a pooled weight.</param>
[method: JsonConstructor]
public sealed record PooledFigures(
    double Auroc, double Accuracy, double LogLoss, double Sensitivity, double Specificity, int N, double Missed, double FalseAlarms,
    [property: JsonPropertyOrder(1)] double MaxWeightDifference)
    : Figures(Auroc, Accuracy, LogLoss, Sensitivity, Specificity, N, Missed, FalseAlarms)
{
    public PooledFigures(BinaryMetrics metrics, double maxWeightDifference) : this(
        metrics.Auroc, metrics.Accuracy, metrics.LogLoss, metrics.Sensitivity, metrics.Specificity,
        metrics.N, metrics.Missed, metrics.FalseAlarms, maxWeightDifference)
    {
    }
}

/// <summary>The model one hospital can train without the others.</summary>
/// <param name="TrainedOn">The hospital's training patients.</param>
[method: JsonConstructor]
public sealed record AloneFigures(
    [property: JsonPropertyOrder(-2)] string Hospital,
    [property: JsonPropertyOrder(-1)] int TrainedOn,
    double Auroc, double Accuracy, double LogLoss, double Sensitivity, double Specificity, int N, double Missed, double FalseAlarms)
    : Figures(Auroc, Accuracy, LogLoss, Sensitivity, Specificity, N, Missed, FalseAlarms)
{
    public AloneFigures(string hospital, int trainedOn, BinaryMetrics metrics) : this(
        hospital, trainedOn,
        metrics.Auroc, metrics.Accuracy, metrics.LogLoss, metrics.Sensitivity, metrics.Specificity,
        metrics.N, metrics.Missed, metrics.FalseAlarms)
    {
    }
}

/// <summary>Each hospital by itself, and the mean of their figures.</summary>
public sealed record AloneSummary(Figures Mean, ImmutableArray<AloneFigures> ByHospital)
{
    /// <param name="byHospital">At least one, all judged on the same patients.</param>
    public static AloneSummary Of(ImmutableArray<AloneFigures> byHospital) => new(Figures.Mean(byHospital), byHospital);
}
