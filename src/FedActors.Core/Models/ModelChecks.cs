using FedActors.Core.Data;

namespace FedActors.Core.Models;

/// <summary>What every model refuses.</summary>
internal static class ModelChecks
{
    public static void Length(int actual, int expected, string name)
    {
        if (actual != expected)
            throw new ArgumentException($"{name} has {actual} entries where the model takes {expected}.", name);
    }

    public static void Table(PatientTable patients, OutcomeKind outcome, int features)
    {
        Length(patients.Features, features, nameof(patients));
        if (patients.Outcomes.Kind != outcome)
            throw new ArgumentException(
                $"A model of {outcome} outcomes learns nothing from {patients.Outcomes.Kind} ones.", nameof(patients));
    }

    public static void Batch(PatientBatch batch, OutcomeKind outcome, int features)
    {
        Table(batch.Patients, outcome, features);
        if (batch.Count == 0)
            throw new ArgumentException("A batch without patients has no loss.", nameof(batch));
    }
}
