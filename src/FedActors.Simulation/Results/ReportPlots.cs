using System.Collections.Immutable;
using System.Globalization;
using System.Xml.Linq;
using ScottPlot;

namespace FedActors.Simulation.Results;

/// <summary>
/// The report's plots as inline SVG. Colours are of Okabe and Ito's palette (2008), darkened for thin lines, which
/// colour-blind readers can tell apart; each series also has its own dash or marker. ScottPlot draws all but the text:
/// text is measured in a font of the machine, a fresh machine may have none, and the reader's browser has its own.
/// </summary>
internal static class ReportPlots
{
    private const int Width = 760;
    private const int Right = 20;
    private const int Bottom = 58;
    private const int Top = 14;
    private const string Ink = "#1a1a1a";
    private static readonly Color Federated = Color.FromHex("#0072B2");
    private static readonly Color Pooled = Color.FromHex("#007A58");
    private static readonly Color Alone = Color.FromHex("#C04A00");
    private static readonly Color Ensemble = Color.FromHex("#8A3F6F");

    /// <summary>One figure of the federated model round by round, against the models that stand still.</summary>
    /// <param name="id">Unique on the page.</param>
    /// <param name="label">What a reader who cannot see the plot is told.</param>
    /// <param name="axis">Name and unit of the figure.</param>
    public static Html OverRounds(
        string id, string label, string axis, IReadOnlyList<RoundLine> rounds, Func<RoundLine, double> figure,
        double pooled, double alone)
    {
        var points = rounds.Where(line => double.IsFinite(figure(line)))
            .Select(line => new Coordinates(line.Round, figure(line))).ToArray();
        var x =
            new Scale("Round", 0, 1.02 * Math.Max(1, rounds.Select(line => line.Round).DefaultIfEmpty().Max()),
                wholeNumbers: true);
        var y = Scale.Around(axis, [pooled, alone, .. points.Select(point => point.Y)]);
        var plot = new Plot();
        AddLine(plot, alone, Alone, LinePattern.Dotted, horizontal: true);
        AddLine(plot, pooled, Pooled, LinePattern.Dashed, horizontal: true);
        var federated = plot.Add.Scatter(points, Federated);
        federated.LineWidth = 2.5f;
        federated.MarkerSize = points.Length > 60 ? 0 : 6;
        return Html.Of($"""
            {Key([("federated", Federated, ""), ("all data pooled", Pooled, "9 5"), ("mean of the hospitals alone", Alone, "2.5 4")], dot: null)}
            {Draw(plot, 360, id, label, x, y, [])}
            """);
    }

    /// <summary>One figure of each hospital's own model, with lines for the models made together.</summary>
    /// <param name="id">Unique on the page.</param>
    /// <param name="label">What a reader who cannot see the plot is told.</param>
    /// <param name="axis">Name and unit of the figure.</param>
    /// <param name="most">The largest value the figure can take.</param>
    public static Html ByHospital(
        string id, string label, string axis, RunSummary summary,
        Func<Figures, double> figure, double most, Func<double, string> text)
    {
        var hospitals = summary.Alone.ByHospital;
        var points = hospitals
            .Select((one, index) => new Coordinates(figure(one), hospitals.Length - 1 - index))
            .Where(point => double.IsFinite(point.X))
            .ToArray();
        double[] together = [figure(summary.Ensemble), figure(summary.Pooled), figure(summary.Federated)];
        var x = Scale.Around(axis, [.. together, .. points.Select(point => point.X)], most);
        var y =
            new Scale("", -0.6, hospitals.Length - 0.4,
                [.. hospitals.Select((one, index) => (hospitals.Length - 1.0 - index, Shortened(one.Hospital)))]);
        var plot = new Plot();
        AddLine(plot, together[0], Ensemble, LinePattern.Dotted, horizontal: false);
        AddLine(plot, together[1], Pooled, LinePattern.Dashed, horizontal: false);
        AddLine(plot, together[2], Federated, LinePattern.Solid, horizontal: false);
        plot.Add.ScatterPoints(points, Alone).MarkerSize = 10;
        var few = hospitals.Length <= 12;
        return Html.Of($"""
            {Key([("federated", Federated, ""), ("all data pooled", Pooled, "9 5"), ("mean of the hospitals’ predictions", Ensemble, "2.5 4")], dot: "each hospital alone")}
            {Draw(plot, Top + Bottom + (few ? 42 : 18) * hospitals.Length, id, label, x, y, few ? [.. points.Select(point => (point, text(point.X)))] : [])}
            """);
    }

    private static string Shortened(string name) => name.Length <= 32 ? name : name[..31] + "…";

    private static void AddLine(Plot plot, double value, Color colour, LinePattern pattern, bool horizontal)
    {
        if (!double.IsFinite(value))
            return;
        ScottPlot.Plottables.AxisLine line = horizontal ? plot.Add.HorizontalLine(value) : plot.Add.VerticalLine(value);
        (line.Color, line.LinePattern, line.LineWidth) = (colour, pattern, 2.2f);
    }

    /// <summary>What each line and dot stands for; above the plot, where it takes none of its room.</summary>
    private static Html Key(IEnumerable<(string Name, Color Colour, string Dashes)> lines, string? dot) => Html.Of($"""
        <p class="key">{Html.Join(lines.Select(line => Html.Of($"""
            <span><svg viewBox="0 0 40 12" aria-hidden="true"><path d="M1 6H39" stroke="{line.Colour.ToHex()}" stroke-width="2.4" stroke-dasharray="{line.Dashes}"/></svg> {line.Name}</span>
            """)))}{(dot is null ? Html.Empty : Html.Of($"""
            <span><svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="5" fill="{Alone.ToHex()}"/></svg> {dot}</span>
            """))}</p>
        """);

    private static Html Draw(
        Plot plot, int height, string id, string label, Scale x, Scale y,
        ImmutableArray<(Coordinates At, string Text)> notes)
    {
        var left = 34 + (int)(7.8 * y.Ticks.Max(tick => tick.Text.Length)) + (y.Name.Length > 0 ? 18 : 0);
        plot.Layout.Fixed(new PixelPadding(left, Right, Bottom, Top));
        plot.Axes.SetLimits(x.From, x.To, y.From, y.To);
        foreach (var (axis, scale) in ((IAxis, Scale)[])[(plot.Axes.Bottom, x), (plot.Axes.Left, y)])
        {
            axis.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
                [.. scale.Ticks.Select(tick => tick.At)], [.. scale.Ticks.Select(_ => "")]);
            axis.TickLabelStyle.IsVisible = false;
        }
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Axes.Right.FrameLineStyle.Width = 0;

        var svg = XElement.Parse(plot.GetSvgXml(Width, height));
        svg.SetAttributeValue("width", null);
        svg.SetAttributeValue("height", null);
        svg.SetAttributeValue("viewBox", FormattableString.Invariant($"0 0 {Width} {height}"));
        svg.SetAttributeValue("role", "img");
        svg.SetAttributeValue("aria-label", label);
        foreach (var element in svg.Descendants())
            MakeIdsUnique(element, id);

        double X(double value) => left + (value - x.From) / (x.To - x.From) * (Width - left - Right);
        double Y(double value) => Top + (y.To - value) / (y.To - y.From) * (height - Top - Bottom);
        svg.Add(
            x.Ticks.Select(tick => Text(tick.Text, X(tick.At), height - Bottom + 20, "middle")),
            y.Ticks.Select(tick => Text(tick.Text, left - 10, Y(tick.At) + 4.5, "end")),
            Text(x.Name, (left + Width - Right) / 2.0, height - 12, "middle"),
            notes.Select(note => Text(note.Text, X(note.At.X), Y(note.At.Y) - 10, "middle", halo: true)));
        if (y.Name.Length > 0)
            svg.Add(Text(y.Name, 0, 0, "middle", turnedAt: (16, (height - Bottom + Top) / 2.0)));
        return new Html(svg.ToString(SaveOptions.DisableFormatting));

        XElement Text(string text, double atX, double atY, string anchor, (double X, double Y)? turnedAt = null,
            bool halo = false) => new(
            svg.Name.Namespace + "text",
            new XAttribute("x", atX.ToString("0.#", CultureInfo.InvariantCulture)),
            new XAttribute("y", atY.ToString("0.#", CultureInfo.InvariantCulture)),
            new XAttribute("text-anchor", anchor),
            new XAttribute("fill", Ink),
            new XAttribute("font-size", 13),
            turnedAt is var (turnX, turnY)
                ? new XAttribute("transform",
                    FormattableString.Invariant($"translate({turnX:0.#} {turnY:0.#}) rotate(-90)"))
                : null,
            halo ? new XAttribute("style", "paint-order: stroke; stroke: #fff; stroke-width: 4px") : null,
            text);
    }

    // Every plot numbers its clip paths, and ids are shared by the whole page.
    private static void MakeIdsUnique(XElement element, string prefix)
    {
        foreach (var attribute in element.Attributes())
            if (attribute.Name.LocalName == "id")
                attribute.Value = $"{prefix}-{attribute.Value}";
            else
                attribute.Value = attribute.Value.Replace("url(#", $"url(#{prefix}-", StringComparison.Ordinal);
    }

    /// <summary>An axis: its name, its ends and its ticks.</summary>
    private sealed record Scale(string Name, double From, double To, ImmutableArray<(double At, string Text)> Ticks)
    {
        public Scale(
            string name, double from, double to, bool wholeNumbers = false, double most = double.PositiveInfinity)
            : this(name, from, to, TicksBetween(from, Math.Min(to, most), wholeNumbers))
        {
        }

        /// <summary>Room for <paramref name="values"/>, of which those that are not finite are not drawn.</summary>
        public static Scale Around(string name, IReadOnlyList<double> values, double most = double.PositiveInfinity)
        {
            var finite = values.Where(double.IsFinite).DefaultIfEmpty(0).ToList();
            var (low, high) = (finite.Min(), finite.Max());
            var room = high > low ? 0.08 * (high - low) : 0.05 * Math.Max(Math.Abs(high), 0.1);
            return new Scale(name, low - room, high + room, wholeNumbers: false, most);
        }

        /// <summary>About eight ticks, 1, 2 or 5 times a power of ten apart.</summary>
        private static ImmutableArray<(double At, string Text)> TicksBetween(double from, double to, bool wholeNumbers)
        {
            var rough = (to - from) / 8;
            var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
            var step = power * (rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
            if (wholeNumbers)
                step = Math.Max(1, step);
            var format = "N" + Math.Max(0, (int)-Math.Floor(Math.Log10(step) + 1e-9))
                .ToString(CultureInfo.InvariantCulture);
            var (first, last) = ((long)Math.Ceiling(from / step - 1e-9), (long)Math.Floor(to / step + 1e-9));
            var ticks = ImmutableArray.CreateBuilder<(double, string)>();
            for (var i = first; i <= last; i++)
                ticks.Add((i * step, (i * step).ToString(format, CultureInfo.InvariantCulture)));
            return ticks.ToImmutable();
        }
    }
}
