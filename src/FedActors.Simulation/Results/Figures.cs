using System.Collections.Immutable;
using System.Text.Json.Serialization;
using FedActors.Core.Data;
using FedActors.Core.Models;

namespace FedActors.Simulation.Results;

/// <summary>
/// A model's figures as results show them: those of its <see cref="ModelMetrics"/>, or their mean over hospitals, where
/// counts are no longer whole numbers. A figure that this kind of model does not have is null and left out of JSON; one
/// that does not exist for these patients is NaN, null in JSON.
/// </summary>
public record Figures
{
    [JsonConstructor]
    public Figures()
    {
    }

    public Figures(ModelMetrics metrics)
    {
        N = metrics.N;
        switch (metrics)
        {
            case BinaryMetrics m:
                (Auroc, Accuracy, LogLoss, Sensitivity, Specificity) =
                (m.Auroc, m.Accuracy, m.LogLoss, m.Sensitivity, m.Specificity);
                (Missed, FalseAlarms) = (m.Missed, m.FalseAlarms);
                break;
            case ClassMetrics m:
                (MacroAuroc, Accuracy, LogLoss) = (m.MacroAuroc, m.Accuracy, m.LogLoss);
                break;
            case RealMetrics m:
                (Rmse, RSquared) = (m.Rmse, m.RSquared);
                break;
            case SurvivalMetrics m:
                (CIndex, Events) = (m.CIndex, m.Events);
                break;
        }
    }

    public double? Auroc { get; init; }

    public double? MacroAuroc { get; init; }

    public double? Accuracy { get; init; }

    public double? LogLoss { get; init; }

    public double? Sensitivity { get; init; }

    public double? Specificity { get; init; }

    public double? Rmse { get; init; }

    public double? RSquared { get; init; }

    public double? CIndex { get; init; }

    public int N { get; init; }

    public double? Missed { get; init; }

    public double? FalseAlarms { get; init; }

    public double? Events { get; init; }

    /// <summary>What the model learns, as its figures tell.</summary>
    [JsonIgnore]
    public OutcomeKind Outcome =>
        CIndex is not null ? OutcomeKind.Survival
        : Rmse is not null ? OutcomeKind.Real
        : MacroAuroc is not null ? OutcomeKind.Class : OutcomeKind.Binary;

    /// <summary>The mean of each figure; NaN where one of them is.</summary>
    /// <exception cref="ArgumentException">No figures, or figures over different numbers of patients.</exception>
    public static Figures Mean(IReadOnlyCollection<Figures> figures)
    {
        if (figures.Count == 0 || figures.Any(one => one.N != figures.First().N))
            throw new ArgumentException("A mean needs figures, all over the same patients.", nameof(figures));
        return new Figures
        {
            Auroc = figures.Average(one => one.Auroc),
            MacroAuroc = figures.Average(one => one.MacroAuroc),
            Accuracy = figures.Average(one => one.Accuracy),
            LogLoss = figures.Average(one => one.LogLoss),
            Sensitivity = figures.Average(one => one.Sensitivity),
            Specificity = figures.Average(one => one.Specificity),
            Rmse = figures.Average(one => one.Rmse),
            RSquared = figures.Average(one => one.RSquared),
            CIndex = figures.Average(one => one.CIndex),
            N = figures.First().N,
            Missed = figures.Average(one => one.Missed),
            FalseAlarms = figures.Average(one => one.FalseAlarms),
            Events = figures.Average(one => one.Events),
        };
    }
}

/// <summary>The model trained on all data in one place.</summary>
public sealed record PooledFigures : Figures
{
    [JsonConstructor]
    public PooledFigures()
    {
    }

    public PooledFigures(ModelMetrics metrics, double maxWeightDifference) : base(metrics) =>
        MaxWeightDifference = maxWeightDifference;

    /// <summary>Largest absolute difference between a federated and a pooled weight.</summary>
    [JsonPropertyOrder(1)]
    public double MaxWeightDifference { get; init; }
}

/// <summary>The model one hospital can train without the others.</summary>
public sealed record AloneFigures : Figures
{
    [JsonConstructor]
    public AloneFigures()
    {
    }

    public AloneFigures(string hospital, int trainedOn, ModelMetrics metrics) : base(metrics) =>
        (Hospital, TrainedOn) = (hospital, trainedOn);

    [JsonPropertyOrder(-2)]
    public string Hospital { get; init; } = "";

    /// <summary>The hospital's training patients.</summary>
    [JsonPropertyOrder(-1)]
    public int TrainedOn { get; init; }
}

/// <summary>Each hospital by itself, and the mean of their figures.</summary>
public sealed record AloneSummary(Figures Mean, ImmutableArray<AloneFigures> ByHospital)
{
    /// <param name="byHospital">At least one, all judged on the same patients.</param>
    public static AloneSummary Of(ImmutableArray<AloneFigures> byHospital) => new(Figures.Mean(byHospital), byHospital);
}
