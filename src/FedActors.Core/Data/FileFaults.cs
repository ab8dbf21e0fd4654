namespace FedActors.Core.Data;

/// <summary>The faults of one file: the first are kept, the others counted, so that a wrong file does not fill the
/// screen.</summary>
internal sealed class FileFaults(string file)
{
    public const int Told = 20;

    private readonly List<Fault> _faults = [];
    private Fault? _firstUntold;
    private int _untold;

    public void Add(FaultNumber number, string what, int? line, string? column, string fix)
    {
        var place = (line, column) switch
        {
            (null, null) => file,
            (null, _) => $"{file}: column '{column}'",
            (_, null) => $"{file}: line {line}",
            _ => $"{file}: line {line}, column '{column}'",
        };
        var fault = new Fault(number, what, place, fix);
        if (_faults.Count < Told)
        {
            _faults.Add(fault);
            return;
        }
        _firstUntold ??= fault;
        _untold++;
    }

    public bool Any => _faults.Count > 0;

    public IEnumerable<Fault> All => _firstUntold is null
        ? _faults
        : [.. _faults,
            new Fault(_firstUntold.Number, $"And {_untold} more faults in this file.", file,
                "Mend the first ones, then try again.")];

    /// <summary>A refused value, cut short: enough to find it by, too little to carry a patient's text.</summary>
    public static string Show(string value)
    {
        const int Most = 12;
        var shown = string.Concat(value.Take(Most).Select(c => char.IsControl(c) ? ' ' : c));
        return value.Length <= Most ? $"'{shown}'" : $"'{shown}...'";
    }
}
