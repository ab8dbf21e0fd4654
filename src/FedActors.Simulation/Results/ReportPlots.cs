using System.Collections.Immutable;
using System.Globalization;
using System.Xml.Linq;
using ScottPlot;

namespace FedActors.Simulation.Results;

/// <summary>
/// The report's plots as inline SVG. Colours are of Okabe and Ito's palette (2008), which colour-blind readers can tell
/// apart; each series also has its own dash or marker.
/// </summary>
internal static class ReportPlots
{
    private static readonly Color Federated = Color.FromHex("#0072B2");
    private static readonly Color Pooled = Color.FromHex("#007A58");
    private static readonly Color Alone = Color.FromHex("#C04A00");
    private static readonly Color Ensemble = Color.FromHex("#8A3F6F");
    private static readonly Color Ink = Color.FromHex("#1a1a1a");

    /// <summary>One figure of the federated model round by round, against the models that stand still.</summary>
    /// <param name="id">Unique on the page.</param>
    /// <param name="label">What a reader who cannot see the plot is told.</param>
    public static Html OverRounds(
        string id, string label, string axis, IReadOnlyList<RoundLine> rounds, Func<RoundLine, double> figure, double pooled, double alone)
    {
        var plot = NewPlot("Round", axis);
        var points = rounds.Where(line => double.IsFinite(figure(line))).Select(line => new Coordinates(line.Round, figure(line))).ToArray();
        AddLine(plot, alone, Alone, LinePattern.Dotted, "mean of the hospitals alone", horizontal: true);
        AddLine(plot, pooled, Pooled, LinePattern.Dashed, "all data pooled", horizontal: true);
        var federated = plot.Add.Scatter(points, Federated);
        federated.LineWidth = 2.5f;
        federated.MarkerSize = points.Length > 60 ? 0 : 6;
        federated.LegendText = "federated";
        plot.Axes.AutoScale();
        plot.Axes.SetLimitsX(0, 1.02 * Math.Max(1, rounds.Count == 0 ? 1 : rounds[^1].Round));
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = Short };
        plot.ShowLegend(Edge.Bottom);
        return Inline(plot, 760, 400, id, label);
    }

    /// <summary>One figure of each hospital's own model, with lines for the models made together.</summary>
    public static Html ByHospital(
        string id, string label, string axis, RunSummary summary, Func<Figures, double> figure, Func<double, string> text)
    {
        var hospitals = summary.Alone.ByHospital;
        var plot = NewPlot(axis, "");
        AddLine(plot, figure(summary.Ensemble), Ensemble, LinePattern.Dotted, "mean of the hospitals' predictions", horizontal: false);
        AddLine(plot, figure(summary.Pooled), Pooled, LinePattern.Dashed, "all data pooled", horizontal: false);
        AddLine(plot, figure(summary.Federated), Federated, LinePattern.Solid, "federated", horizontal: false);

        var ticks = new ScottPlot.TickGenerators.NumericManual();
        var points = new List<Coordinates>();
        for (var i = 0; i < hospitals.Length; i++)
        {
            var height = hospitals.Length - 1 - i;
            ticks.AddMajor(height, hospitals[i].Hospital);
            var value = figure(hospitals[i]);
            if (!double.IsFinite(value))
                continue;
            points.Add(new Coordinates(value, height));
            if (hospitals.Length <= 12)
            {
                var note = plot.Add.Text(text(value), value, height);
                note.LabelAlignment = Alignment.LowerCenter;
                note.LabelFontSize = 12;
                note.LabelFontColor = Ink;
                note.OffsetY = -6;
            }
        }
        var dots = plot.Add.ScatterPoints(points, Alone);
        dots.MarkerSize = 10;
        dots.LegendText = "each hospital alone";
        plot.Axes.Left.TickGenerator = ticks;
        plot.Axes.AutoScale();
        plot.Axes.Margins(0.08, 0.05);
        plot.Axes.SetLimitsY(-0.6, hospitals.Length - 0.4);
        plot.ShowLegend(Edge.Bottom);
        return Inline(plot, 760, 130 + Math.Max(18, hospitals.Length <= 12 ? 40 : 18) * hospitals.Length, id, label);
    }

    private static Plot NewPlot(string x, string y)
    {
        var plot = new Plot();
        plot.Axes.Bottom.Label.Text = x;
        plot.Axes.Left.Label.Text = y;
        foreach (var label in (LabelStyle[])[plot.Axes.Bottom.Label, plot.Axes.Left.Label])
            (label.FontSize, label.Bold, label.ForeColor) = (14, false, Ink);
        foreach (var axis in (IAxis[])[plot.Axes.Bottom, plot.Axes.Left])
            (axis.TickLabelStyle.FontSize, axis.TickLabelStyle.ForeColor) = (13, Ink);
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Legend.FontSize = 13;
        plot.Legend.FontColor = Ink;
        plot.Legend.OutlineWidth = 0;
        plot.Legend.ShadowColor = Colors.Transparent;
        plot.Legend.Orientation = Orientation.Horizontal;
        return plot;
    }

    private static void AddLine(Plot plot, double value, Color colour, LinePattern pattern, string name, bool horizontal)
    {
        if (!double.IsFinite(value))
            return;
        ScottPlot.Plottables.AxisLine line = horizontal ? plot.Add.HorizontalLine(value) : plot.Add.VerticalLine(value);
        (line.Color, line.LinePattern, line.LineWidth, line.LegendText) = (colour, pattern, 2.2f, name);
        line.LabelOppositeAxis = false;
        line.LabelText = "";
    }

    private static string Short(double value) => value.ToString("#,0.####", CultureInfo.InvariantCulture);

    private static Html Inline(Plot plot, int width, int height, string id, string label)
    {
        var svg = XElement.Parse(plot.GetSvgXml(width, height));
        svg.SetAttributeValue("width", null);
        svg.SetAttributeValue("height", null);
        svg.SetAttributeValue("viewBox", FormattableString.Invariant($"0 0 {width} {height}"));
        svg.SetAttributeValue("role", "img");
        svg.SetAttributeValue("aria-label", label);
        foreach (var element in svg.DescendantsAndSelf())
        {
            MakeIdsUnique(element, id);
            if (element.Name.LocalName == "text")
                LetTheReaderChooseTheFont(element);
        }
        return new Html(svg.ToString(SaveOptions.DisableFormatting));
    }

    // Every plot numbers its clip paths from the start, and ids are shared by the whole page.
    private static void MakeIdsUnique(XElement element, string prefix)
    {
        foreach (var attribute in element.Attributes())
            if (attribute.Name.LocalName == "id")
                attribute.Value = $"{prefix}-{attribute.Value}";
            else
                attribute.Value = attribute.Value.Replace("url(#", $"url(#{prefix}-", StringComparison.Ordinal);
    }

    // Each letter comes with the place it has in this machine's font, where the reader's font would set it askew.
    // The whole text gets one place instead: its start, middle or end, told apart by how the letters lie about the origin.
    private static void LetTheReaderChooseTheFont(XElement text)
    {
        var places = Numbers(text.Attribute("x"));
        if (places.Length == 0)
            return;
        var width = places[^1] - places[0] + (places.Length > 1 ? (places[^1] - places[0]) / (places.Length - 1) : -2 * places[0]);
        var left = width > 0 ? -places[0] / width : 0;
        var (anchor, share) = left < 0.25 ? ("start", 0.0) : left < 0.75 ? ("middle", 0.5) : ("end", 1.0);
        var x = share == 0 ? places[0] : places.Length == 1 ? 0 : places[0] + share * width;
        text.SetAttributeValue("x", FormattableString.Invariant($"{x:0.##}"));
        text.SetAttributeValue("y", FormattableString.Invariant($"{Numbers(text.Attribute("y")).FirstOrDefault():0.##}"));
        text.SetAttributeValue("text-anchor", anchor);
        text.SetAttributeValue("font-family", null);
        text.Value = text.Value.Trim();
    }

    private static ImmutableArray<double> Numbers(XAttribute? list) =>
        [.. (list?.Value ?? "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
}
