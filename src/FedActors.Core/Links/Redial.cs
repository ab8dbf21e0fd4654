namespace FedActors.Core.Links;

/// <summary>
/// When a line whose calls stay unanswered needs a new connection. One can be dead without either end's knowing: cut on
/// the way, or half of one after both ends dialled at once. Calling on it again mends nothing, and a new one always
/// does.
/// </summary>
/// <param name="patience">Longer than a connection needs to come about, or none ever would.</param>
public sealed class Redial(TimeSpan patience)
{
    private readonly Dictionary<int, DateTimeOffset> _unanswered = [];

    /// <summary>A call goes out. Whether earlier ones to this door stayed unanswered for so long that it is to go out
    /// on a new connection.</summary>
    /// <param name="door">Which of the doors.</param>
    public bool NeedsNewConnection(int door, DateTimeOffset now)
    {
        var isFirst = _unanswered.TryAdd(door, now);
        if (isFirst || now - _unanswered[door] < patience)
            return false;
        _unanswered[door] = now;
        return true;
    }

    /// <summary>Somebody answered.</summary>
    public void Answered() => _unanswered.Clear();
}
