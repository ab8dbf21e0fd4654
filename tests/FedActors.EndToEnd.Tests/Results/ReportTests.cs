using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using FedActors.Core.Models;
using FedActors.Simulation.Results;

namespace FedActors.EndToEnd.Tests.Results;

public sealed partial class ReportTests
{
    private static readonly string Page =
        Report.Of(MadeUpRun.Summary, MadeUpRun.Rounds, MadeUpRun.Model, MadeUpRun.Extras);

    [Test]
    public void The_page_needs_no_network_and_runs_no_script()
    {
        Assert.That((string[])["<script", "<link", "<img", "@import"], Has.None.Matches<string>(Page.Contains));
        Assert.That(Regex.Matches(Page, @"\b(?:src|href)\s*=|url\((?!#)"), Is.Empty);
        var addresses = Regex.Matches(Page, "https?://[^\"'< ]+").Select(match => match.Value).Distinct();
        Assert.That(addresses, Is.SubsetOf((string[])["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"]),
            "names of SVG, not addresses");
    }

    [Test]
    public void The_page_is_well_formed_and_every_id_and_reference_is_its_own()
    {
        var page = Parse(Page);
        var ids = page.Descendants().Attributes("id").Select(id => id.Value).ToList();
        Assert.That(ids, Is.Unique.And.Not.Empty);
        Assert.That(Regex.Matches(Page, @"url\(#([^)]+)\)").Select(match => match.Groups[1].Value), Is.SubsetOf(ids));
        Assert.That(page.Descendants().Count(element => element.Attribute("role")?.Value == "img"), Is.EqualTo(4));
    }

    [Test]
    public void The_table_shows_each_hospital_the_mean_the_ensemble_the_federated_and_the_pooled_model()
    {
        var rows = Table(Page, 0);
        Assert.That(rows[0],
            Is.EqualTo(
                (string[])["Model", "Trained onbiopsies (tumours)", "AUROC", "Accuracy", "Tumours missedof 122",
                    "False alarmsof 247"]));
        Assert.That(rows.Skip(1), Is.EqualTo((string[][])
        [
            ["amsterdam alone", "40 (16)", "0.9897", "96.5 %", "9", "4"],
            ["berlin alone", "40 (2)", "0.9890", "74.8 %", "93", "0"],
            ["madrid alone", "40 (38)", "0.9859", "34.4 %", "0", "242"],
            ["milan alone", "40 (28)", "0.9932", "89.4 %", "1", "38"],
            ["paris alone", "40 (6)", "0.9865", "90.0 %", "37", "0"],
            ["Mean of these figures", "", "0.9889", "77.0 %", "28", "56.8"],
            ["Mean of the hospitals’ predictions", "", "0.9919", "96.5 %", "12", "1"],
            ["Federated model", "200 (90)", "0.9918", "96.2 %", "8", "6"],
            ["All data pooled in one place", "200 (90)", "0.9943", "97.0 %", "4", "7"],
        ]));
    }

    [Test]
    public void Who_was_missing_when_and_why_is_on_the_page()
    {
        Assert.That(Text(Page), Does.Contain("In the sum of every round: amsterdam, milan, paris."));
        Assert.That(Table(Page, 1).Skip(1), Is.EqualTo((string[][])
        [
            ["amsterdam", "60 of 60", "0", "0"], ["berlin", "57 of 60", "3", "0"], ["madrid", "59 of 60", "1", "0"],
            ["milan", "60 of 60", "0", "0"], ["paris", "60 of 60", "0", "0"],
        ]));
        Assert.That(Table(Page, 2).Skip(1).Last(),
            Is.EqualTo((string[])["21", "madrid", "Masking", "the hospital was restarted"]));
    }

    [Test]
    public void A_long_list_of_dropouts_ends_with_how_many_are_left_out()
    {
        var rounds = Enumerable.Range(1, 150).Select(round => MadeUpRun.Round(7) with { Round = round }).ToList();
        var page = Report.Of(MadeUpRun.Summary, rounds, MadeUpRun.Model, MadeUpRun.Extras);
        Assert.That(Table(page, 2), Has.Length.EqualTo(101));
        Assert.That(Text(page), Does.Contain("And 50 more, all in rounds.jsonl."));
    }

    [Test]
    public void A_run_of_all_hospitals_says_so_without_a_table_of_zeros()
    {
        var page =
            Report.Of(MadeUpRun.Summary, [MadeUpRun.Round(1), MadeUpRun.Round(2)], MadeUpRun.Model, MadeUpRun.Extras);
        Assert.That(Text(page),
            Does.Contain("All 5 hospitals were in the sum of every round.").And.Not.Contain("Who dropped out"));
    }

    [Test]
    public void Cut_coordinates_are_told()
    {
        Assert.That(Text(Page), Does.Not.Contain("were cut"));
        var page =
            Report.Of(MadeUpRun.Summary, [MadeUpRun.Round(1) with { Saturated = 1234 }], MadeUpRun.Model,
                MadeUpRun.Extras);
        Assert.That(Text(page), Does.Contain("1,234 coordinates of updates were cut"));
    }

    [Test]
    public void With_privacy_off_the_page_says_that_nothing_is_bounded() =>
        Assert.That(Text(Page),
            Does.Contain("Nothing bounds what the finished model reveals about any one of the biopsies"));

    [Test]
    public void With_privacy_on_the_bound_is_rounded_up_and_each_ledger_is_shown()
    {
        var summary = MadeUpRun.Summary with
        {
            Privacy =
                new PrivacySummary("patient-local", 2.00001, 1e-5, 1.1,
                    [new HospitalPrivacy("berlin", 1.23411, 1e-5, 8)]),
        };
        var text = Text(Report.Of(summary, MadeUpRun.Rounds, MadeUpRun.Model, MadeUpRun.Extras));
        Assert.That(text,
            Does.Contain("ε ≤ 2.001 and δ ≤ 1e-5").And.Contain("berlin1.2351e-58").And.Not.Contain("Nothing bounds"));
    }

    [Test]
    public void Secure_aggregation_is_told_in_plain_words_on_or_off()
    {
        Assert.That(Text(Page),
            Does.Contain("over at least 4 hospitals").And.Contain("up to 3 hospitals had sided").And.Contain(
                "up to 1 hospital drop out"));
        var off = MadeUpRun.Summary with { SecureAggregation = new SecureAggregationSummary(false, 0, 32, 0, 0) };
        var text = Text(Report.Of(off, MadeUpRun.Rounds, MadeUpRun.Model, MadeUpRun.Extras));
        Assert.That(text,
            Does.Contain("Secure aggregation was off. The coordinator could read the update of every hospital"));
        Assert.That(text, Does.Not.Contain("masked change").And.Not.Contain("nobody else"));
    }

    [Test]
    public void What_repeats_the_run_and_where_the_data_come_from_are_on_the_page() =>
        Assert.That(Text(Page), Does.Contain(MadeUpRun.Extras.Command)
            .And.Contain(MadeUpRun.ModelSha256).And.Contain("CC BY 4.0").And.Contain("FedActors 0.").And.Contain(
                "breast-tumour, 1"));

    [Test]
    public void No_name_from_outside_becomes_markup()
    {
        const string evil = "<b onload=\"x()\">&'{0}";
        var extras = MadeUpRun.Extras with
        {
            Title = evil,
            Words = new CaseWords(evil, evil, evil),
            Command = evil,
            Attribution = evil,
            Hospitals = [new HospitalCounts(evil, 3, 1)],
        };
        var summary = MadeUpRun.Summary with
        {
            Job = evil,
            Algorithm = evil,
            ModelSha256 = evil,
            Alone = AloneSummary.Of([MadeUpRun.Summary.Alone.ByHospital[0] with { Hospital = evil }]),
            Privacy = new PrivacySummary(evil, 1, 1e-5, 1, [new HospitalPrivacy(evil, 1, 1e-5, 1)]),
        };
        var rounds =
            new[] { MadeUpRun.Round(1) with { Included = [evil], Dropped = [new DroppedHospital(evil, evil, evil)] } };

        var page = Report.Of(summary, rounds, MadeUpRun.Model with { Kind = evil }, extras);

        Assert.That(page.Contains("<b "), Is.False);
        Assert.That(Parse(page).Descendants().Attributes("onload"), Is.Empty);
        Assert.That(Text(page), Does.Contain(evil));
    }

    [Test]
    public void Neutral_words_make_a_page_that_reads()
    {
        var text =
            Text(
                Report.Of(MadeUpRun.Summary, MadeUpRun.Rounds, MadeUpRun.Model,
                    MadeUpRun.Extras with { Words = CaseWords.Neutral, Title = "" }));
        Assert.That(text, Does.Contain("369 held-out patients (122 cases, 247 others)").And.Contain("Cases missed"));
    }

    [Test]
    public void Figures_that_do_not_exist_are_dashes_and_the_plots_are_drawn_all_the_same()
    {
        var none =
            new Figures(
                new BinaryMetrics(double.NaN, double.NaN, double.PositiveInfinity, double.NaN, double.NaN, 369, 0, 0));
        var summary = MadeUpRun.Summary with
        {
            Ensemble = none,
            Federated = none,
            Alone =
            AloneSummary.Of([MadeUpRun.Summary.Alone.ByHospital[0] with { Auroc = double.NaN, Accuracy = double.NaN }]),
        };
        var page = Report.Of(summary, [MadeUpRun.Round(2)], MadeUpRun.Model, MadeUpRun.Extras);
        Assert.That(Table(page, 0)[^2], Is.EqualTo((string[])["Federated model", "40 (90)", "–", "–", "0", "0"]));
        Assert.That(page.Contains("NaN") || page.Contains('∞'), Is.False);
        Assert.That(Parse(page).Descendants().Count(element => element.Attribute("role")?.Value == "img"),
            Is.EqualTo(4));
    }

    [Test]
    public void A_plot_of_fifty_hospitals_names_each_of_them()
    {
        ImmutableArray<AloneFigures> alone = [.. Enumerable.Range(1, 50).Select(i =>
            MadeUpRun.Summary.Alone.ByHospital[0] with { Hospital = $"site-{i}", Auroc = 0.5 + i / 200.0 })];
        var page =
            Report.Of(MadeUpRun.Summary with { Alone = AloneSummary.Of(alone) }, MadeUpRun.Rounds, MadeUpRun.Model,
                MadeUpRun.Extras);
        var plot = Parse(page).Descendants().First(element => element.Attribute("role")?.Value == "img");
        var texts = plot.Descendants().Where(element => element.Name.LocalName == "text")
            .Select(element => element.Value);
        Assert.That(texts, Is.SupersetOf(alone.Select(one => one.Hospital)));
    }

    [Test]
    public void Plots_are_labelled_without_a_font_of_this_machine()
    {
        var plots = Parse(Page).Descendants().Where(element => element.Attribute("role")?.Value == "img").ToList();
        foreach (var plot in plots)
        {
            var texts = plot.Descendants().Where(element => element.Name.LocalName == "text").ToList();
            Assert.That(texts, Has.Count.InRange(8, 30));
            Assert.That(texts.Attributes("font-family"), Is.Empty);
            Assert.That(texts.Select(text => text.Value), Has.None.Empty);
        }
        Assert.That(Labels(plots[0]),
            Is.SupersetOf(
                (string[])["amsterdam", "paris", "74.8 %", "40", "90",
                    "Accuracy (%): how many of 100 answers are right"]));
        Assert.That(Labels(plots[0]), Has.None.EqualTo("110"), "no tick beyond what accuracy can be");
        Assert.That(Labels(plots[1]), Is.SupersetOf((string[])["0.986", "0.990", "0.9890"]));
        Assert.That(Labels(plots[2]), Is.SupersetOf((string[])["0", "10", "60", "Round", "AUROC"]));
        Assert.That(Labels(plots[3]), Does.Contain("Log loss (nats per case)"));
    }

    [Test]
    public void A_dot_stands_where_its_label_says()
    {
        var plot = Parse(Page).Descendants().First(element => element.Attribute("role")?.Value == "img");
        var dots = plot.Descendants().Where(element => element.Name.LocalName == "ellipse")
            .Select(dot => double.Parse(dot.Attribute("cx")!.Value, CultureInfo.InvariantCulture)).ToList();
        double PlaceOf(string text) => double.Parse(
            plot.Descendants().First(element => element.Name.LocalName == "text" && element.Value == text)
            .Attribute("x")!.Value,
            CultureInfo.InvariantCulture);
        double[] accuracies = [96.47696, 74.79675, 34.41734, 89.43089, 89.97290];
        Assert.That(dots, Has.Count.EqualTo(5));
        for (var i = 0; i < 5; i++)
            Assert.That(dots[i], Is.EqualTo(PlaceOf("40") + (accuracies[i] - 40) / 40 * (PlaceOf("80") - PlaceOf("40")))
                .Within(0.2));
    }

    private static string[] Labels(XElement plot) =>
        [.. plot.Descendants().Where(element => element.Name.LocalName == "text").Select(text => text.Value)];

    private static XElement Parse(string page) => XElement.Parse(Void().Replace(
        WebUtilityEntities(page[page.IndexOf("<html", StringComparison.Ordinal)..]), "<$1/>"));

    // Of HTML's names for characters, XML knows only those that are left as they are.
    private static string WebUtilityEntities(string page) =>
        NamedEntity().Replace(page, match => WebUtility.HtmlDecode(match.Value));

    private static string Text(string page) => Regex.Replace(
        string.Concat(Parse(page).DescendantNodes().OfType<XText>()
            .Where(text => text.Parent!.Name.LocalName != "style").Select(text => text.Value)),
        @"\s+", " ");

    private static string[][] Table(string page, int index) =>
        [.. Parse(page).Descendants("table").ElementAt(index).Descendants("tr")
            .Select(row => (string[])[.. row.Elements().Select(cell => cell.Value)])];

    [GeneratedRegex("<(meta[^>]*|br)>")]
    private static partial Regex Void();

    [GeneratedRegex("&(?!lt;|gt;|amp;|quot;|#)[a-z]+;")]
    private static partial Regex NamedEntity();
}
