using System.Reflection;
using System.Runtime.InteropServices;
using FedActors.Core.Data;

namespace FedActors.Simulation.Results;

/// <summary><c>report.html</c>: the whole run on one page that needs no network and that a doctor can read.</summary>
internal static class Report
{
    /// <summary>As many dropouts as the page lists; all of them are in <c>rounds.jsonl</c>.</summary>
    private const int ListedDropouts = 100;

    public static string Of(RunSummary summary, IReadOnlyList<RoundLine> rounds, ModelFile model, ReportExtras extras)
    {
        var title = extras.Title.Length > 0 ? extras.Title : summary.Job;
        return Html.Of($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{title}: federated training report</title>
            <style>{new Html(Style)}</style>
            </head>
            <body>
            <main>
            <h1>{title}</h1>
            {WhatWasDone(summary, model, extras)}
            {Comparison(summary, extras)}
            {Hospitals(summary)}
            {Convergence(summary, rounds, extras)}
            {Participation(summary, rounds, extras)}
            {SecureAggregation(summary)}
            {Privacy(summary, extras.Words)}
            {Repeat(summary, rounds, extras)}
            {Words(summary, extras.Words)}
            </main>
            </body>
            </html>

            """).Markup;
    }

    private static Html WhatWasDone(RunSummary summary, ModelFile model, ReportExtras extras)
    {
        var words = extras.Words;
        var exchange = summary.SecureAggregation.Enabled
            ? "its masked change to the model, of which the coordinator can read the sum only"
            : "its change to the model, which the coordinator could read";
        return Html.Of($"""
            <p class="lead">{Plural(summary.Hospitals, "hospital")} trained one model together
            ({model.Kind.Replace('-', ' ')} on {Plural(model.Inputs.Length, "input")}), which {WhatItDoes(summary.Federated.Outcome, words)}. No patient record left a hospital: in each of {Plural(summary.Rounds, "round")} a hospital sent only
            {exchange}. The finished model was judged on {summary.Test.N:#,0} {words.Case}{summary.Test.Shares(summary.Federated.Outcome, words)}
            that no hospital had trained on.</p>
            <p class="note"><strong>This was a simulation.</strong> All hospitals ran on one computer, which is why the
            models of each hospital alone and of all data pooled could be made for comparison. The model is a result of research
            and is not approved for the care of patients.</p>
            """);
    }

    private static string WhatItDoes(OutcomeKind outcome, CaseWords words) => outcome switch
    {
        OutcomeKind.Class => "gives each case a probability for each class",
        OutcomeKind.Real => "predicts a number for each case",
        OutcomeKind.Survival => $"ranks cases by their hazard of “{words.Positive}”",
        _ => $"gives each case a probability of “{words.Positive}”",
    };

    private static Html Comparison(RunSummary summary, ReportExtras extras)
    {
        var words = extras.Words;
        var positives = extras.Hospitals.ToDictionary(hospital => hospital.Hospital, hospital => hospital.Positives);
        var outcome = summary.Federated.Outcome;
        var columns = ShownFigure.ColumnsOf(outcome, words, summary.Test);
        var alone = summary.Alone.ByHospital;
        var counted = outcome is OutcomeKind.Binary or OutcomeKind.Survival;
        var together =
            $"{alone.Sum(one => (long)one.TrainedOn):#,0} "
                + $"({extras.Hospitals.Sum(hospital => (long)hospital.Positives):#,0})";

        Html Row(string kind, string name, string trainedOn, Figures figures) => Html.Of($"""
            <tr class="{kind}"><th scope="row">{name}</th><td>{trainedOn}</td>{Html.Join(columns.Select(column => Html.Of($"<td>{column.Text(figures)}</td>")))}</tr>

            """);
        Html Head(string name, int? outOf) => outOf is { } all
            ? Html.Of($"""<th scope="col">{Capital(name)}<br>of {all:#,0}</th>""")
            : Html.Of($"""<th scope="col">{Capital(name)}</th>""");
        string TrainedOn(AloneFigures one) => counted && positives.TryGetValue(one.Hospital, out var count)
            ? $"{one.TrainedOn:#,0} ({count:#,0})"
            : $"{one.TrainedOn:#,0}";

        return Html.Of($"""
            <h2>How the models compare</h2>
            <p>{(outcome == OutcomeKind.Binary ? MissedSentence(summary, words) : FigureSentence(summary))}</p>
            <div class="wide"><table>
            <caption>All models on the same {summary.Test.N:#,0} held-out {words.Case}{summary.Test.Shares(outcome, words)}.</caption>
            <thead><tr><th scope="col">Model</th><th scope="col">Trained on<br>{words.Case}{(counted ? $" ({words.Plural})" : "")}</th>
            {Html.Join(columns.Select(column => Head(column.Name, column.OutOf)))}</tr></thead>
            <tbody>
            {Html.Join(alone.Select(one => Row("alone", $"{one.Hospital} alone", TrainedOn(one), one)))}
            {Row("mean", "Mean of these figures", "", summary.Alone.Mean)}
            </tbody><tbody>
            {Row("", "Mean of the hospitals’ predictions", "", summary.Ensemble)}
            {Row("federated", "Federated model", together, summary.Federated)}
            {Row("", "All data pooled in one place", together, summary.Pooled)}
            </tbody></table></div>
            <p>{(outcome == OutcomeKind.Binary ? $"A probability of at least one half counts as “{words.Positive}”. " : "")}“Mean of the hospitals’
            predictions” asks every hospital’s own model and averages the answers: the fair rival to federated training,
            since it too moves no patient record. The largest difference between a weight of the federated and of the pooled model is
            {summary.Pooled.MaxWeightDifference.ToString("G3", System.Globalization.CultureInfo.InvariantCulture)}.</p>
            """);
    }

    private static string FigureSentence(RunSummary summary)
    {
        var main = ShownFigure.MainOf(summary.Federated.Outcome);
        var alone = summary.Alone.ByHospital.Select(one => main.Of(one))
            .Where(value => value is { } figure && double.IsFinite(figure)).ToList();
        return $"The federated model has {main.Name} {main.Text(main.Of(summary.Federated))}; a model trained on all "
            + "data in one place has "
            + $"{main.Text(main.Of(summary.Pooled))}. The hospitals by themselves have {main.Text(alone.Min())} to "
            + $"{main.Text(alone.Max())}.";
    }

    private static string MissedSentence(RunSummary summary, CaseWords words)
    {
        var alone = summary.Alone.ByHospital;
        var (fewest, most) = (alone.Min(one => one.Missed), alone.Max(one => one.Missed));
        var range = fewest == most ? FigureText.Count(fewest)
            : $"between {FigureText.Count(fewest)} and {FigureText.Count(most)}";
        var (least, largest) = (alone.Min(one => one.FalseAlarms), alone.Max(one => one.FalseAlarms));
        var alarms = least == largest ? FigureText.Count(least)
            : $"between {FigureText.Count(least)} and {FigureText.Count(largest)}";
        return $"Of {summary.Test.Positives:#,0} {words.Plural}, the federated model missed "
            + $"{FigureText.Count(summary.Federated.Missed)} "
            + $"and gave {FigureText.Count(summary.Federated.FalseAlarms)} false alarms; a model trained on all data "
            + "in one place missed "
            + $"{FigureText.Count(summary.Pooled.Missed)} and gave {FigureText.Count(summary.Pooled.FalseAlarms)}. "
            + $"The hospitals by themselves missed {range} and gave {alarms} false alarms.";
    }

    // What a kind of model without yes and no is judged by.
    private static Html HospitalsByFigure(RunSummary summary, ShownFigure main) => Html.Of($"""
        <h2>Each hospital alone, and together</h2>
        <figure>
        {ReportPlots.ByHospital("main", $"{main.Name} of each hospital alone, of the federated and of the pooled model; the figures are in the table above.",
            main.Name, summary, figures => main.Of(figures) ?? double.NaN, main.Most, value => main.Text(value))}
        <figcaption>Each dot is the model that one hospital can train alone; the lines are the models made together. {main.Meaning}</figcaption>
        </figure>
        """);

    private static Html ConvergenceByFigure(
        RunSummary summary, IReadOnlyList<RoundLine> rounds, ReportExtras extras, ShownFigure main) => Html.Of($"""
        <h2>How the model grew, round by round</h2>
        <figure>
        {ReportPlots.OverRounds("main-rounds",
            $"{main.Name} of the federated model over {summary.Rounds} rounds, ending at {main.Text(main.Of(summary.Federated))}; pooled {main.Text(main.Of(summary.Pooled))}.",
            main.Name, rounds, line => main.OfRound(line) ?? double.NaN, main.Of(summary.Pooled) ?? double.NaN, main.Of(summary.Alone.Mean) ?? double.NaN)}
        <figcaption>{main.Meaning}</figcaption>
        </figure>
        {ByHospitals(summary, extras)}
        """);

    private static Html Hospitals(RunSummary summary) => summary.Federated.Outcome != OutcomeKind.Binary
        ? HospitalsByFigure(summary, ShownFigure.MainOf(summary.Federated.Outcome))
        : Html.Of($"""
        <h2>Each hospital alone, and together</h2>
        <figure>
        {ReportPlots.ByHospital("accuracy", "Accuracy of each hospital alone, of the federated and of the pooled model; the figures are in the table above.",
            "Accuracy (%): how many of 100 answers are right", summary, figures => 100 * (figures.Accuracy ?? double.NaN), 100, value => FigureText.Percent(value / 100))}
        <figcaption>Each dot is the model that one hospital can train alone; the lines are the models made together. Further right is better.</figcaption>
        </figure>
        <figure>
        {ReportPlots.ByHospital("auroc", "AUROC of each hospital alone, of the federated and of the pooled model; the figures are in the table above.",
            "AUROC: 1 ranks every case rightly, 0.5 is a coin toss", summary, figures => figures.Auroc ?? double.NaN, 1, value => FigureText.Number(value))}
        <figcaption>AUROC asks only whether sick are ranked above healthy, not whether the threshold of one half fits: a hospital
        with hardly any cases of one kind may rank well and still answer wrongly.</figcaption>
        </figure>
        """);

    private static Html Convergence(RunSummary summary, IReadOnlyList<RoundLine> rounds, ReportExtras extras) =>
        summary.Federated.Outcome != OutcomeKind.Binary
        ? ConvergenceByFigure(summary, rounds, extras, ShownFigure.MainOf(summary.Federated.Outcome))
        : Html.Of($"""
        <h2>How the model grew, round by round</h2>
        <figure>
        {ReportPlots.OverRounds("auroc-rounds", $"AUROC of the federated model over {summary.Rounds} rounds, ending at {FigureText.Number(summary.Federated.Auroc)}; pooled {FigureText.Number(summary.Pooled.Auroc)}.",
            "AUROC", rounds, line => line.Auroc, summary.Pooled.Auroc ?? double.NaN, summary.Alone.Mean.Auroc ?? double.NaN)}
        <figcaption>AUROC on the held-out {extras.Words.Case}: 1 is perfect, 0.5 is a coin toss.</figcaption>
        </figure>
        <figure>
        {ReportPlots.OverRounds("loss-rounds", $"Log loss of the federated model over {summary.Rounds} rounds, ending at {FigureText.Number(summary.Federated.LogLoss)}; pooled {FigureText.Number(summary.Pooled.LogLoss)}.",
            "Log loss (nats per case)", rounds, line => line.LogLoss, summary.Pooled.LogLoss ?? double.NaN, summary.Alone.Mean.LogLoss ?? double.NaN)}
        <figcaption>Log loss on the held-out {extras.Words.Case}: how far the probabilities are from the truth. Lower is better.</figcaption>
        </figure>
        {ByHospitals(summary, extras)}
        """);

    // Beside the held-out figures, and named for what it is: nobody but the hospitals saw these cases.
    private static Html ByHospitals(RunSummary summary, ReportExtras extras) =>
        summary.ByHospitals is not { } evaluation
        ? Html.Empty
        : Html.Of($"""
        <p>The hospitals themselves counted, each on {extras.Words.Case} of its own and together in one secure sum, how the model of round
        {evaluation.Round} does: {evaluation.Figures.Text}, on {evaluation.Figures.N:#,0} {extras.Words.Case} of {evaluation.Figures.Hospitals:#,0} hospitals.
        Nobody saw the figures of one hospital.{(summary.StoppedEarly ? " They found no better model for long enough, and the job stopped early." : "")}</p>
        """);

    private static Html Participation(RunSummary summary, IReadOnlyList<RoundLine> rounds, ReportExtras extras)
    {
        var drops = rounds.SelectMany(line => line.Dropped.Select(dropped => (line.Round, dropped))).ToList();
        var hospitals = extras.Hospitals.Select(hospital => hospital.Hospital)
            .Union(rounds.SelectMany(line => line.Included)).Union(drops.Select(drop => drop.dropped.Hospital))
            .ToList();
        var rows = hospitals.Select(hospital => (
            hospital,
            included: rounds.Count(line => line.Included.Contains(hospital)),
            dropped: drops.Count(drop => drop.dropped.Hospital == hospital)));
        var everyRound = rows.Where(row => row.included == rounds.Count).Select(row => row.hospital).ToList();
        var sentence = everyRound.Count == hospitals.Count
            ? $"All {Plural(hospitals.Count, "hospital")} were in the sum of every round."
            : everyRound.Count == 0
                ? "No hospital was in the sum of every round."
                : $"In the sum of every round: {string.Join(", ", everyRound)}.";
        var saturated = rounds.Sum(line => line.Saturated);
        return Html.Of($"""
            <h2>Who took part</h2>
            <p>{sentence}</p>
            {(everyRound.Count == hospitals.Count ? Html.Empty : Html.Of($"""
                <div class="wide"><table><thead><tr><th scope="col">Hospital</th><th scope="col">In the sum of rounds</th><th scope="col">Dropped out</th>
                <th scope="col">Not invited</th></tr></thead><tbody>
                {Html.Join(rows.Select(row => Html.Of($"""
                    <tr><th scope="row">{row.hospital}</th><td>{row.included:#,0} of {rounds.Count:#,0}</td><td>{row.dropped:#,0}</td><td>{rounds.Count - row.included - row.dropped:#,0}</td></tr>

                    """)))}
                </tbody></table></div>
                """))}
            {(drops.Count == 0 ? Html.Empty : Html.Of($"""
                <h3>Who dropped out, and why</h3>
                <div class="wide"><table class="text"><thead><tr><th scope="col">Round</th><th scope="col">Hospital</th><th scope="col">During</th><th scope="col">Reason</th></tr></thead><tbody>
                {Html.Join(drops.Take(ListedDropouts).Select(drop => Html.Of($"""
                    <tr><td>{drop.Round:#,0}</td><td>{drop.dropped.Hospital}</td><td>{drop.dropped.Phase}</td><td>{drop.dropped.Reason}</td></tr>

                    """)))}
                </tbody></table></div>
                {(drops.Count <= ListedDropouts
                    ? Html.Empty
                    : Html.Of($"<p>And {drops.Count - ListedDropouts:#,0} more, all in rounds.jsonl.</p>"))}
                """))}
            {(saturated == 0 ? Html.Empty : Html.Of($"""
                <p class="note"><strong>{saturated:#,0} coordinates of updates were cut</strong> to the job’s range,
                    so the sum is not
                exactly that of the hospitals’ updates. Raise secure-aggregation.range.</p>
                """))}
            """);
    }

    private static Html SecureAggregation(RunSummary summary)
    {
        var plan = summary.SecureAggregation;
        return plan.Enabled
            ? Html.Of($"""
                <h2>Who could see a hospital’s update: nobody else</h2>
                <p>Secure aggregation was <strong>on</strong>. Every hospital masked its update before sending it; the masks cancel only in the
                sum over at least {Plural(plan.Threshold, "hospital")}, and the coordinator could open nothing but that sum. This holds
                even if up to {Plural(plan.ToleratedColluders, "hospital")} had sided with the coordinator, and a round still ends if up to
                {Plural(plan.ToleratedDropouts, "hospital")} drop out. Sums were taken in whole numbers of {plan.RingBits} bits, so they do not
                depend on the order in which updates arrive.</p>
                """)
            : Html.Of($"""
                <h2>Who could see a hospital’s update: the coordinator</h2>
                <p>Secure aggregation was <strong>off</strong>. The coordinator could read the update of every hospital, and an update can
                reveal patients it was made from. Switch it on (secure-aggregation.enabled = on) before hospitals take part that do not
                trust the coordinator with this.</p>
                """);
    }

    private static Html Privacy(RunSummary summary, CaseWords words)
    {
        var privacy = summary.Privacy;
        if (privacy.Mode == PrivacySummary.Off)
            return Html.Of($"""
                <h2>What the model may reveal about one patient: not bounded</h2>
                <p>Differential privacy was <strong>off</strong>. Nothing bounds what the finished model reveals about any one of the {words.Case} it
                was trained on. Secure aggregation hides which hospital sent what; it does not limit what the sum itself tells. Hand this model
                only to those who might see the data.</p>
                """);
        var unit = privacy.Unit;
        return Html.Of($"""
            <h2>What the model may reveal about one {unit}: bounded</h2>
            <p>Differential privacy was <strong>on</strong> (mode {privacy.Mode}, noise multiplier {FigureText.Number(privacy.NoiseMultiplier)}): whatever anyone
            concludes from {(privacy.Shares == 1 ? "what a hospital sent, and so from the model," : "the sums of the rounds, and so from the model,")}
            about one {unit} would have been at most e<sup>ε</sup> times as likely without that {unit}’s data, but for a
            chance of δ. Here ε ≤ {FigureText.Bound(privacy.Epsilon)} and δ ≤ {FigureText.Bound(privacy.Delta)} for this job. The smaller, the stronger: up to 1 is
            strong, up to 4 moderate, up to 8 weak, and beyond it is hardly a promise.</p>
            <table class="text"><tbody>
            <tr><th scope="row">Protected unit</th><td>one {unit}: all its records in one hospital</td></tr>
            <tr><th scope="row">Neighbours</th><td>{(unit == "hospital"
                ? "the hospital’s records are all there, or none is; that it took part is no secret"
                : "the patient’s records are all there, or none is (add or remove one)")}</td></tr>
            <tr><th scope="row">δ</th><td>{FigureText.Bound(privacy.Delta)}</td></tr>
            <tr><th scope="row">ε enforced</th><td>{FigureText.Bound(privacy.Epsilon)} (Rényi divergence at integer orders, proven for whole-number noise)</td></tr>
            <tr><th scope="row">ε shown beside it</th><td>{(privacy.EpsilonPld > 0 ? FigureText.Bound(privacy.EpsilonPld) : FigureText.None)} (privacy-loss distributions, for continuous noise)</td></tr>
            <tr><th scope="row">Releases accounted for</th><td>{privacy.Releases:#,0}, spare attempts included</td></tr>
            {(privacy.Shares == 1 ? Html.Empty : Html.Of($"""
                <tr><th scope="row">Noise</th><td>shared: the bound counts the shares of {Plural(privacy.Shares,
                    "honest hospital")} in each sum</td></tr>
                """))}
            </tbody></table>
            <h3>What each hospital has spent</h3>
            <p>Each hospital keeps a ledger of its own, for all jobs together; what is spent comes never back.</p>
            <div class="wide"><table><thead><tr><th scope="col">Hospital</th><th scope="col">ε spent</th><th scope="col">δ</th><th scope="col">ε allowed</th>
            <th scope="col">ε left</th></tr></thead><tbody>
            {Html.Join(privacy.ByHospital.Select(one => Html.Of($"""
                <tr><th scope="row">{one.Hospital}</th><td>{FigureText.Bound(one.Epsilon)}</td><td>{FigureText.Bound(
                    one.Delta)}</td><td>{FigureText.Bound(one.Budget)}</td><td>{FigureText.Number(one.Left)}</td></tr>

                """)))}
            </tbody></table></div>
            <h3>What this does not cover</h3>
            <p>Patients who were treated in several hospitals: their losses add up. What is true of a whole population or family. That a
            hospital took part, and its public, rounded number of patients. Insiders of a hospital, faulty or hostile training, and how long a
            step took. {(privacy.Shares == 1 ? "" : $"Shared noise holds against a coordinator that follows the protocol, while {privacy.Shares:#,0} honest hospitals are in each sum.")}
            The comparison on this page (each hospital alone, pooled data, figures on held-out {words.Case}) was made without any privacy, which only a
            simulation may do. Settings were chosen on public knowledge, or their search is not part of ε.</p>
            """);
    }

    private static Html Repeat(RunSummary summary, IReadOnlyList<RoundLine> rounds, ReportExtras extras)
    {
        var version =
            typeof(Report).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return Html.Of($"""
            <h2>How to repeat it</h2>
            <pre>{extras.Command}</pre>
            <p>With the same data and the same hospitals in every round, this ends with the same model, byte for byte
            (with differential privacy on, the noise differs each time).</p>
            <table class="text"><tbody>
            <tr><th scope="row">Model (SHA-256)</th><td><code>{summary.ModelSha256}</code></td></tr>
            <tr><th scope="row">Job, seed</th><td>{summary.Job}, {summary.Seed}</td></tr>
            <tr><th scope="row">Algorithm</th><td>{summary.Algorithm}, {Plural(summary.Rounds, "round")}, {Plural(summary.Parameters, "parameter")}</td></tr>
            <tr><th scope="row">Duration</th><td>{FigureText.Duration(TimeSpan.FromSeconds(Math.Max(0, summary.DurationSeconds)))}</td></tr>
            <tr><th scope="row">Sent by hospitals, to hospitals</th><td>{FigureText.Bytes(summary.Traffic.BytesUp)}, {FigureText.Bytes(summary.Traffic.BytesDown)} over {Plural(rounds.Count, "round")}</td></tr>
            <tr><th scope="row">Versions</th><td>FedActors {version}, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}</td></tr>
            </tbody></table>
            {(extras.Attribution.Length == 0 ? Html.Empty : Html.Of($"""
                <h2>Where the data come from</h2>
                <p>{extras.Attribution}</p>
                """))}
            """);
    }

    private static Html Words(RunSummary summary, CaseWords words) => Html.Of($"""
        <h2>What the words mean</h2>
        <dl>
        {(summary.Federated.Outcome == OutcomeKind.Binary ? BinaryWords(summary, words) : Html.Join(ShownFigure.AllOf(summary.Federated.Outcome).Select(figure => Html.Of($"""
            <dt>{figure.Name}</dt><dd>{figure.Meaning}</dd>

            """))))}
        <dt>Round</dt><dd>Every hospital improves the model on its own patients; the changes are added up, weighted by patients, into the next model.</dd>
        </dl>
        """);

    private static Html BinaryWords(RunSummary summary, CaseWords words) => Html.Of($"""
        <dt>AUROC</dt><dd>The chance that the model ranks a case with “{words.Positive}” above one without. 1 is perfect, 0.5 is a coin toss.</dd>
        <dt>Accuracy</dt><dd>The share of all {summary.Test.N:#,0} {words.Case} that the model answered rightly.</dd>
        <dt>{Capital(words.Plural)} missed</dt><dd>Cases with “{words.Positive}” to which the model gave a probability below one half
        (sensitivity of the federated model: {FigureText.Percent(summary.Federated.Sensitivity)}).</dd>
        <dt>False alarms</dt><dd>Cases without it to which the model gave at least one half (specificity of the federated model:
        {FigureText.Percent(summary.Federated.Specificity)}).</dd>
        """);

    private static string Plural(long count, string noun) => $"{count:#,0} {noun}{(count == 1 ? "" : "s")}";

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    private const string Style = """
        :root { color-scheme: light; }
        body { margin: 0; background: #fff; color: #1a1a1a; font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
        main { max-width: 54rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
        h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; }
        h2 { font-size: 1.3rem; line-height: 1.3; margin: 2.6rem 0 .6rem; padding-top: .8rem; border-top: 2px solid #d9d9d9; }
        h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; }
        p, dd { max-width: 46rem; }
        .lead { font-size: 1.1rem; }
        .note { background: #f3f6f9; border-left: 5px solid #0072b2; padding: .7rem 1rem; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
        caption { text-align: left; padding-bottom: .4rem; color: #333; }
        th, td { padding: .38rem .8rem; text-align: right; vertical-align: top; border-bottom: 1px solid #d9d9d9; }
        th:first-child, .text td, .text th { text-align: left; }
        thead th { vertical-align: bottom; border-bottom: 2px solid #1a1a1a; line-height: 1.25; }
        tbody th { font-weight: 400; }
        tbody + tbody tr:first-child > * { border-top: 2px solid #1a1a1a; }
        tr.mean { font-style: italic; }
        tr.federated > * { font-weight: 700; background: #e5f1f9; }
        figure { margin: 1rem 0 1.6rem; break-inside: avoid; }
        figure svg { display: block; width: 100%; height: auto; }
        svg text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
        .key { display: flex; flex-wrap: wrap; gap: .2rem 1.6rem; margin: .4rem 0; font-size: .95rem; }
        figure .key svg { display: inline-block; width: auto; height: .75em; }
        figcaption { color: #333; font-size: .95rem; }
        pre { background: #f4f4f4; padding: .7rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
        code { overflow-wrap: anywhere; }
        dt { font-weight: 700; margin-top: .6rem; }
        dd { margin: 0; }
        @media print {
          body { font-size: 11pt; }
          main { max-width: none; padding: 0; }
          h2, h3 { break-after: avoid; }
          tr { break-inside: avoid; }
        }
        """;
}
