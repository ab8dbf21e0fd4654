using System.Collections.Immutable;
using FedActors.Core.Data;

namespace FedActors.Simulation.Results;

/// <summary>A figure as tables and plots show it.</summary>
/// <param name="Name">As a table heads its column.</param>
/// <param name="Meaning">What a reader is told once.</param>
/// <param name="Most">The largest value it can take.</param>
/// <param name="Of">Of a model.</param>
/// <param name="OfRound">Of the federated model after a round; NaN where it was not evaluated.</param>
/// <param name="Text">As it is printed.</param>
public sealed record ShownFigure(
    string Name, string Meaning, double Most,
    Func<Figures, double?> Of, Func<RoundLine, double?> OfRound, Func<double?, string> Text)
{
    private static readonly ShownFigure Auroc = new(
        "AUROC",
        "The chance that the model ranks a case above one without the finding: 1 is perfect, 0.5 is a coin toss.",
        1, figures => figures.Auroc, line => line.Auroc, FigureText.Number);

    private static readonly ShownFigure Accuracy = new(
        "Accuracy", "The share of the held-out cases that the model answered rightly.", 1, figures =>
            figures.Accuracy, _ => null, FigureText.Percent);

    private static readonly ShownFigure LogLoss = new(
        "Log loss", "How far the probabilities are from the truth, in nats per case. Lower is better.",
        double.PositiveInfinity, figures => figures.LogLoss, line => line.LogLoss, FigureText.Number);

    private static readonly ShownFigure MacroAuroc = new(
        "Macro AUROC",
        "The AUROC of each class against the others, averaged over the classes: 1 is perfect, 0.5 is a coin toss.",
        1, figures => figures.MacroAuroc, line => line.MacroAuroc, FigureText.Number);

    private static readonly ShownFigure Rmse = new(
        "RMSE", "The root of the mean squared error, in the units of the number that is predicted. Lower is better.",
        double.PositiveInfinity, figures => figures.Rmse, line => line.Rmse, FigureText.Number);

    private static readonly ShownFigure RSquared = new(
        "R²", "The share of the variance that the model explains: 1 is all of it, 0 is no better than the mean.",
        1, figures => figures.RSquared, line => line.RSquared, FigureText.Number);

    private static readonly ShownFigure CIndex = new(
        "C-index",
        "Of two cases of which one is known to have had the event earlier, the share in which the model "
            + "gave that one the "
            + "higher hazard: 1 is perfect, 0.5 is a coin toss.",
        1, figures => figures.CIndex, line => line.CIndex, FigureText.Number);

    /// <summary>The figures of a kind of model, the one it is judged by first.</summary>
    public static ImmutableArray<ShownFigure> AllOf(OutcomeKind outcome) => outcome switch
    {
        OutcomeKind.Class => [MacroAuroc, Accuracy, LogLoss],
        OutcomeKind.Real => [Rmse, RSquared],
        OutcomeKind.Survival => [CIndex],
        _ => [Auroc, Accuracy, LogLoss],
    };

    /// <summary>The figure a kind of model is judged by.</summary>
    public static ShownFigure MainOf(OutcomeKind outcome) => AllOf(outcome)[0];

    /// <summary>
    /// The columns of a table that compares models: for a binary model errors are counted, since a doctor asks how many
    /// were missed, and out of how many; else the figures as they are.
    /// </summary>
    public static ImmutableArray<(string Name, int? OutOf, Func<Figures, string> Text)> ColumnsOf(
        OutcomeKind outcome, CaseWords words, TestSummary test) => outcome == OutcomeKind.Binary
        ?
        [
            (Auroc.Name, null, figures => FigureText.Number(figures.Auroc)),
            (Accuracy.Name, null, figures => FigureText.Percent(figures.Accuracy)),
            ($"{words.Plural} missed", test.Positives, figures => FigureText.Count(figures.Missed)),
            ("False alarms", test.N - test.Positives, figures => FigureText.Count(figures.FalseAlarms)),
        ]
        : [.. AllOf(outcome)
            .Select(figure =>
                (figure.Name, (int?)null, (Func<Figures, string>)(figures => figure.Text(figure.Of(figures)))))];
}
