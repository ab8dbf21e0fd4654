namespace FedActors.Core.Aggregation;

/// <summary>How a strategy says that there is no next model.</summary>
internal static class NextModel
{
    public static FaultException NotFinite() => new(ExitCode.Failed, new Fault(
        FaultNumber.NotFinite,
        "The next model has weights that are not finite: training has diverged.",
        "",
        "Lower training.learning-rate or training.local-steps, or check the scaling of the features."));
}
