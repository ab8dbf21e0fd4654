using System.Text.Json.Serialization;
using FedActors.Core.Federation;

namespace FedActors.Simulation.Results;

/// <summary>
/// A model's figures as the hospitals counted them together, each on its own patients, in one secure sum. As in
/// <see cref="Figures"/>, one that this kind of model does not have is null.
/// </summary>
public sealed record HospitalsFigures
{
    [JsonConstructor]
    public HospitalsFigures()
    {
    }

    public HospitalsFigures(FederatedFigures figures)
    {
        (Hospitals, N) = (figures.Hospitals, figures.N);
        switch (figures)
        {
            case FederatedBinaryFigures f:
                (Auroc, AurocError, Accuracy, LogLoss) = (f.Auroc, f.AurocError, f.Accuracy, f.LogLoss);
                (Sensitivity, Specificity, CalibrationError) = (f.Sensitivity, f.Specificity, f.CalibrationError);
                break;
            case FederatedClassFigures f:
                (MacroAuroc, AurocError, Accuracy, LogLoss) = (f.MacroAuroc, f.AurocError, f.Accuracy, f.LogLoss);
                break;
            case FederatedRealFigures f:
                (Rmse, RmseError, RSquared, RSquaredError, Beyond) =
                (f.Rmse, f.RmseError, f.RSquared, f.RSquaredError, f.Beyond);
                break;
            case FederatedSurvivalFigures f:
                (CIndex, PartialLogLoss, Events) = (f.CIndex, f.PartialLogLoss, f.Events);
                break;
        }
    }

    public double? Auroc { get; init; }

    /// <summary>The exact AUROC, or macro AUROC, is within this of the one from histograms.</summary>
    public double? AurocError { get; init; }

    public double? Accuracy { get; init; }

    public double? LogLoss { get; init; }

    public double? Sensitivity { get; init; }

    public double? Specificity { get; init; }

    /// <summary>Mean over patients of |predicted - observed| share of their group.</summary>
    public double? CalibrationError { get; init; }

    /// <summary>How many counted.</summary>
    public int Hospitals { get; init; }

    /// <summary>Patients behind the figures.</summary>
    public long N { get; init; }

    public double? MacroAuroc { get; init; }

    /// <summary>At least this where <see cref="Beyond"/> is above 0.</summary>
    public double? Rmse { get; init; }

    /// <summary>The exact one is within this of it.</summary>
    public double? RmseError { get; init; }

    public double? RSquared { get; init; }

    /// <summary>The exact one is within this of it.</summary>
    public double? RSquaredError { get; init; }

    /// <summary>Patients whose error was too large to count as it is.</summary>
    public long? Beyond { get; init; }

    /// <summary>Over the pairs of patients of one hospital.</summary>
    public double? CIndex { get; init; }

    /// <summary>Minus the log partial likelihood stratified by hospital, a patient.</summary>
    public double? PartialLogLoss { get; init; }

    public long? Events { get; init; }

    /// <summary>The figure a model of this kind is judged by first.</summary>
    [JsonIgnore]
    public double? Main => MacroAuroc ?? Rmse ?? CIndex ?? Auroc;

    /// <summary>The figures in one line, as a person reads them.</summary>
    [JsonIgnore]
    public string Text => (MacroAuroc, Rmse, CIndex) switch
    {
        ({ } area, _, _) => $"macro AUROC {FigureText.Number(area)} (within {FigureText.Number(AurocError)}), "
            + $"accuracy {FigureText.Percent(Accuracy)}, log loss {FigureText.Number(LogLoss)}",
        (_, { } rmse, _) when Beyond > 0 =>
            $"RMSE at least {FigureText.Number(rmse)}, {Beyond:#,0} errors being too large to count",
        (_, { } rmse, _) => $"RMSE {FigureText.Number(rmse)} (within {FigureText.Number(RmseError)}), "
            + $"R² {FigureText.Number(RSquared)} (within {FigureText.Number(RSquaredError)})",
        (_, _, { } share) => $"C-index {FigureText.Number(share)} among those of one hospital, "
            + $"partial log loss {FigureText.Number(PartialLogLoss)}",
        _ =>
            $"AUROC {FigureText.Number(Auroc)} (within {FigureText.Number(AurocError)}), accuracy "
                + $"{FigureText.Percent(Accuracy)}, "
            + $"log loss {FigureText.Number(LogLoss)}, calibration error {FigureText.Number(CalibrationError)}",
    };
}

/// <param name="Round">The round whose model was evaluated; 0 is the model before training.</param>
public sealed record HospitalsEvaluation(int Round, HospitalsFigures Figures);
