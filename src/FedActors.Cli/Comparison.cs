using System.Collections.Immutable;
using FedActors.Core.Data;
using FedActors.Simulation;
using FedActors.Simulation.Results;
using Spectre.Console;

namespace FedActors.Cli;

/// <summary>What a run came to, for a reader who is a doctor: each model on the same held-out patients, who was
/// missing, what is not protected.</summary>
internal static class Comparison
{
    private const int LongestList = 60;

    public static void Print(IAnsiConsole console, RunOutcome outcome)
    {
        var (summary, words) = (outcome.Summary, outcome.Words);
        var outcomeKind = summary.Federated.Outcome;
        var columns = ShownFigure.ColumnsOf(outcomeKind, words, summary.Test);

        console.WriteLine(outcome switch
        {
            { AlreadyFinished: true } =>
                $"{summary.Job} was already finished; nothing was trained. (--fresh starts over.)",
            { ResumedAfterRound: > 0 } =>
                $"{summary.Job}: {summary.Rounds:#,0} rounds, resumed after round {outcome.ResumedAfterRound:#,0}.",
            _ =>
                $"{summary.Job}: {summary.Rounds:#,0} rounds in "
                    + $"{FigureText.Duration(TimeSpan.FromSeconds(Math.Max(0, summary.DurationSeconds)))}.",
        });
        console.WriteLine();
        console.WriteLine(
            $"On {summary.Test.N:#,0} held-out {words.Case}{summary.Test.Shares(outcomeKind, words)}:");

        var table = new Table().Border(TableBorder.Simple).AddColumn("");
        foreach (var (name, _, _) in columns)
            table.AddColumn(new TableColumn(Markup.Escape(Capital(name))).RightAligned());
        var alone = summary.Alone.ByHospital;
        var isLong = alone.Length > LongestList;
        foreach (var one in isLong ? Extremes(alone) : alone)
            AddRow(table, $"{one.Hospital} alone ({one.TrainedOn:#,0} {words.Case})", one);
        AddRow(table, isLong ? $"Mean of all {alone.Length:#,0}" : "Mean of the above", summary.Alone.Mean);
        table.AddEmptyRow();
        AddRow(table, "Mean of the hospitals' predictions", summary.Ensemble);
        AddRow(table, "Federated model", summary.Federated, new Style(decoration: Decoration.Bold));
        AddRow(table, "All data pooled in one place", summary.Pooled);
        console.Write(table);

        void AddRow(Table table, string name, Figures figures, Style? style = null) =>
            table.AddRow(columns.Select(column => column.Text(figures)).Prepend(name)
                .Select(cell => new Text(cell, style)));

        foreach (var line in Remarks(outcome))
            console.WriteLine(line);
        console.WriteLine();
        console.WriteLine($"Report: {Path.Combine(outcome.OutDirectory, "report.html")}");
    }

    // Of very many hospitals the three best and the three worst; summary.json has them all.
    private static IEnumerable<AloneFigures> Extremes(ImmutableArray<AloneFigures> alone)
    {
        var main = ShownFigure.MainOf(alone[0].Outcome);
        var ranked = alone.OrderByDescending(one => main.Of(one)).ToArray();
        return ranked[..3].Concat(ranked[^3..]);
    }

    private static IEnumerable<string> Remarks(RunOutcome outcome)
    {
        var summary = outcome.Summary;
        if (summary.Federated.Outcome == OutcomeKind.Binary)
            yield return "AUROC: 1 ranks every case rightly, 0.5 is a coin toss. The rest counts a probability of at "
                + "least one half as a finding.";
        else
            foreach (var figure in ShownFigure.AllOf(summary.Federated.Outcome))
                yield return $"{figure.Name}: {figure.Meaning}";
        var participation = summary.Participation;
        yield return participation.IncludedEveryRound == summary.Hospitals
            ? $"Took part: all {summary.Hospitals:#,0} hospitals in every round."
            : $"Took part: {participation.IncludedEveryRound:#,0} of {summary.Hospitals:#,0} hospitals in every round; "
                + $"{Missing(outcome)}.";
        var saturated = outcome.Rounds.Sum(line => line.Saturated);
        if (saturated > 0)
            yield return $"Cut: {saturated:#,0} coordinates of updates lay beyond the job's range; raise "
                + "job.secure-aggregation.range.";
        yield return summary.SecureAggregation.Enabled
            ? $"Secure aggregation: on; only sums of at least {summary.SecureAggregation.Threshold:#,0} hospitals "
                + "could be read."
            : "Secure aggregation: off; the coordinator could read each hospital's update.";
        foreach (var line in PrivacyOf(summary.Privacy))
            yield return line;
    }

    private static IEnumerable<string> PrivacyOf(PrivacySummary privacy)
    {
        if (privacy.Mode == PrivacySummary.Off)
        {
            yield return "Differential privacy: off; nothing bounds what the model reveals about one patient.";
            yield break;
        }
        var shown = privacy.EpsilonPld > 0
            ? $" ({FigureText.Bound(privacy.EpsilonPld)} by privacy-loss distributions)"
            : "";
        yield return $"Differential privacy: {privacy.Mode}, epsilon at most "
            + $"{FigureText.Bound(privacy.Epsilon)}{shown} at delta "
            + $"{FigureText.Bound(privacy.Delta)} for one {privacy.Unit}, added or removed.";
        // Hospitals of one policy that were in the same jobs have spent the same: told once.
        foreach (var group in privacy.ByHospital.GroupBy(one => (one.Epsilon, one.Delta, one.Budget))
            .OrderByDescending(group => group.Key.Epsilon))
        {
            var who = group.Count() == privacy.ByHospital.Length ? $"each of the {group.Count():#,0} hospitals"
                : group.Count() <= 5 ? string.Join(", ", group.Select(one => one.Hospital))
                : $"{group.First().Hospital} and {group.Count() - 1:#,0} more";
            yield return $"Spent in all jobs by {who}: epsilon {FigureText.Bound(group.Key.Epsilon)} of "
                + $"{FigureText.Bound(group.Key.Budget)} "
                + $"at delta {FigureText.Bound(group.Key.Delta)}; {FigureText.Number(group.First().Left)} left.";
        }
    }

    private static string Missing(RunOutcome outcome)
    {
        var missed = outcome.Rounds
            .SelectMany(line => line.Dropped)
            .GroupBy(dropped => (dropped.Hospital, dropped.Reason))
            .OrderByDescending(group => group.Count()).ThenBy(group => group.Key.Hospital, StringComparer.Ordinal)
            .Select(group => $"{group.Key.Hospital} dropped out of {group.Count():#,0} ({group.Key.Reason})")
            .ToList();
        if (missed.Count == 0)
            return "the others were not invited to every round";
        var shown = string.Join("; ", missed.Take(5));
        return missed.Count <= 5 ? shown : $"{shown}; and {missed.Count - 5:#,0} more in the report";
    }

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];
}
