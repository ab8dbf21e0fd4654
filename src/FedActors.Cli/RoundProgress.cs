using System.Globalization;
using FedActors.Simulation;
using FedActors.Simulation.Results;
using Spectre.Console;

namespace FedActors.Cli;

/// <summary>Shows a run's rounds as they are committed: a live table on a terminal, else a line each.</summary>
internal sealed class RoundProgress : IRunObserver
{
    private const int RowsShown = 12;
    private const int NotesShown = 3;
    private static readonly TimeSpan BetweenRefreshes = TimeSpan.FromMilliseconds(80);

    private readonly Lock _gate = new();
    private readonly Terminal _terminal;
    private readonly LiveDisplayContext? _live;
    private readonly Queue<string[]> _rows = new();
    private readonly Queue<string> _notes = new();
    private string _title = "";
    private string _figure = "AUROC";
    private long _started;
    private long _refreshed;
    private int _closed;

    private RoundProgress(Terminal terminal, LiveDisplayContext? live)
    {
        (_terminal, _live) = (terminal, live);
        _started = _refreshed = terminal.Clock.GetTimestamp();
    }

    /// <summary>Runs <paramref name="run"/> with someone watching.</summary>
    public static async Task<RunOutcome> WatchAsync(Terminal terminal, Func<IRunObserver, Task<RunOutcome>> run)
    {
        if (!terminal.IsLive)
            return await run(new RoundProgress(terminal, null));
        return await terminal.Progress.Live(new Text("")).StartAsync(async live =>
        {
            var progress = new RoundProgress(terminal, live);
            try
            {
                return await run(progress);
            }
            finally
            {
                progress.Refresh(last: true);
            }
        });
    }

    public void Started(RunHeader header)
    {
        lock (_gate)
        {
            _started = _terminal.Clock.GetTimestamp();
            _figure = header.Figure;
            _title = $"{header.Job}: {header.Algorithm}, {header.Hospitals:#,0} hospitals, {header.Rounds:#,0} rounds";
            if (header.CommittedRounds > 0)
                _title += $", going on after round {header.CommittedRounds:#,0}";
            if (_live is null)
                _terminal.ProgressText.WriteLine(_title);
            else
                Refresh(last: false);
        }
    }

    public void RoundClosed(RoundLine line, int totalRounds)
    {
        lock (_gate)
        {
            _closed++;
            var round = $"{line.Round:#,0}/{totalRounds:#,0}";
            var epsilon = line.Epsilon > 0 ? FigureText.Bound(line.Epsilon) : "none";
            var sent = FigureText.Bytes(line.BytesUp + line.BytesDown);
            var left = FigureText.Duration(TimeLeft(totalRounds - line.Round));
            if (_live is null)
            {
                _terminal.ProgressText.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"round {round}: {line.Included.Length:#,0} in, {line.Dropped.Length:#,0} out; loss "
                        + $"{FigureText.Number(line.Loss)}, "
                    + $"{_figure} {FigureText.Number(MainOf(line))}, epsilon {epsilon}, sent {sent}, {left} "
                    + $"left{Without(line)}{ByHospitals(line)}"));
                return;
            }
            _rows.Enqueue(
            [
                round, $"{line.Included.Length:#,0}", Out(line), FigureText.Number(line.Loss),
                FigureText.Number(MainOf(line)),
                line.ByHospitals is { } figures ? FigureText.Number(figures.Main) : "", epsilon, sent, left,
            ]);
            if (_rows.Count > RowsShown)
                _rows.Dequeue();
            Refresh(last: false);
        }
    }

    public void Note(string text)
    {
        lock (_gate)
        {
            if (_live is null)
            {
                _terminal.ProgressText.WriteLine($"note: {text}");
                return;
            }
            _notes.Enqueue(text);
            if (_notes.Count > NotesShown)
                _notes.Dequeue();
            Refresh(last: false);
        }
    }

    private TimeSpan TimeLeft(int rounds) => _terminal.Clock.GetElapsedTime(_started) / _closed * rounds;

    // Rounds may take a millisecond, a terminal does not: what nobody could read is not drawn.
    private void Refresh(bool last)
    {
        lock (_gate)
        {
            if (_live is null || _title.Length == 0 && _notes.Count == 0)
                return;
            if (!last && _terminal.Clock.GetElapsedTime(_refreshed) < BetweenRefreshes)
                return;
            _refreshed = _terminal.Clock.GetTimestamp();
            var table = new Table().Border(TableBorder.Simple).Title(new TableTitle(Markup.Escape(_title)));
            foreach (
                var column in (string[])["Round", "In", "Out", "Loss", _figure, "Before, by hospitals", "Epsilon",
                    "Sent", "Time left"])
                table.AddColumn(new TableColumn(column) { Alignment = column == "Out" ? Justify.Left : Justify.Right });
            foreach (var row in _rows)
                table.AddRow(row.Select(cell => new Text(cell)));
            _live.UpdateTarget(new Rows([table, .. _notes.Select(note => new Text($"note: {note}"))]));
        }
    }

    private static double MainOf(RoundLine line) => line.MacroAuroc ?? line.Rmse ?? line.CIndex ?? line.Auroc;

    private string ByHospitals(RoundLine line) => line.ByHospitals is not { } figures
        ? ""
        : string.Create(CultureInfo.InvariantCulture,
            $"; the hospitals count {_figure} {FigureText.Number(figures.Main)} for round {line.Round - 1:#,0}");

    private static string Out(RoundLine line) => line.Dropped.Length switch
    {
        0 => "0",
        <= 2 => string.Join(", ", line.Dropped.Select(dropped => dropped.Hospital)),
        _ => $"{line.Dropped[0].Hospital} and {line.Dropped.Length - 1:#,0} more",
    };

    private static string Without(RoundLine line) => line.Dropped.Length == 0
        ? ""
        : "; without "
            + string.Join(", ",
                line.Dropped.Select(dropped => $"{dropped.Hospital} ({dropped.Phase}: {dropped.Reason})"));
}
