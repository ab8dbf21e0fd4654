using FedActors.Core.Protocol;

namespace FedActors.Core.Links;

/// <summary>
/// What one end has said and must say again on the next session: everything the other end has not heard, and on the
/// hub's side the last message of each open conversation besides, since a hospital that restarted has forgotten the
/// question.
/// </summary>
/// <param name="keepsLast">Whether this is the hub's side.</param>
/// <param name="limit">Most messages: of a hospital that stays away, the oldest go.</param>
public sealed class Outbox(bool keepsLast, int limit)
{
    private readonly List<Entry> _entries = [];
    private readonly HashSet<long> _closed = [];

    public int Count => _entries.Count;

    /// <param name="number">Of the message's last piece; null where there is no session to send it on.</param>
    public void Add(long conversation, IWireMessage message, long? number)
    {
        _entries.Add(new Entry(conversation, message) { Number = number ?? long.MaxValue });
        Prune();
    }

    /// <summary>The other end has heard everything up to this number of the current session.</summary>
    public void Heard(long number)
    {
        foreach (var entry in _entries)
            entry.IsHeard |= entry.Number <= number;
        Prune();
    }

    /// <summary>A new session begins: <paramref name="send"/> gives each pending message, oldest first, its new
    /// number.</summary>
    public void Resend(Func<long, IWireMessage, long> send)
    {
        foreach (var entry in _entries)
            (entry.Number, entry.IsHeard) = (send(entry.Conversation, entry.Message), false);
    }

    /// <summary>Nobody waits for an answer in this conversation any more: what was heard need not be said
    /// again.</summary>
    public void Close(long conversation)
    {
        _closed.Add(conversation);
        Prune();
    }

    private void Prune()
    {
        var later = new HashSet<long>();
        for (var i = _entries.Count - 1; i >= 0; i--)
        {
            var entry = _entries[i];
            var isQuestion = later.Add(entry.Conversation) && keepsLast && !_closed.Contains(entry.Conversation);
            if (entry.IsHeard && !isQuestion)
                _entries.RemoveAt(i);
        }
        if (_entries.Count > limit)
            _entries.RemoveRange(0, _entries.Count - limit);
        _closed.IntersectWith(later);
    }

    private sealed class Entry(long conversation, IWireMessage message)
    {
        public long Conversation => conversation;

        public IWireMessage Message => message;

        public long Number { get; set; }

        public bool IsHeard { get; set; }
    }
}
