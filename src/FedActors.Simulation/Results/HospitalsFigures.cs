using System.Text.Json.Serialization;
using FedActors.Core.Federation;

namespace FedActors.Simulation.Results;

/// <summary>A model's figures as the hospitals counted them together, each on its own patients, in one secure sum.</summary>
/// <param name="Hospitals">How many counted.</param>
/// <param name="N">Patients behind the figures.</param>
/// <param name="AurocError">The exact AUROC is within this of <paramref name="Auroc"/>, which comes from a histogram.</param>
/// <param name="CalibrationError">Mean over patients of |predicted - observed| share of their group.</param>
[method: JsonConstructor]
public sealed record HospitalsFigures(
    double Auroc, double AurocError, double Accuracy, double LogLoss, double Sensitivity, double Specificity, double CalibrationError,
    int Hospitals, long N)
{
    public HospitalsFigures(FederatedFigures figures)
        : this(figures.Auroc, figures.AurocError, figures.Accuracy, figures.LogLoss, figures.Sensitivity, figures.Specificity,
            figures.CalibrationError, figures.Hospitals, figures.N)
    {
    }
}

/// <param name="Round">The round whose model was evaluated; 0 is the model before training.</param>
public sealed record HospitalsEvaluation(int Round, HospitalsFigures Figures);
