using System.Collections.Immutable;
using Akka.Configuration;
using Akka.Persistence;
using Akka.Persistence.Journal;
using Akka.Persistence.Sql.Journal;
using FedActors.Actors.Storage;

namespace FedActors.TestNode;

/// <summary>
/// The journal of a node, with a <see cref="Failpoint"/> before and after each write. Every event that it acknowledged
/// stands in the file
/// <c>FEDACTORS_ACKNOWLEDGED</c>, one a line: persistence id and sequence number.
/// </summary>
public sealed class FailpointJournal(Config config) : SqlWriteJournal(config)
{
    private static readonly string? Acknowledged = Environment.GetEnvironmentVariable("FEDACTORS_ACKNOWLEDGED");

    // A process may hold several journals: their lines stay whole.
    private static readonly Lock Gate = new();

    private static readonly ImmutableDictionary<Type, string> Names =
        JournalSerializer.Manifests.ToImmutableDictionary(pair => pair.Value, pair => NameOf(pair.Key));

    /// <summary>Of the event <c>round-opened/1</c>: <c>RoundOpened</c>.</summary>
    public static string NameOf(string manifest) =>
        string.Concat(manifest.Split('/')[0].Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    protected override async Task<IImmutableList<Exception>> WriteMessagesAsync(IEnumerable<AtomicWrite> messages,
        CancellationToken cancellationToken)
    {
        var writes = messages.ToList();
        var items = writes.SelectMany(write => (IEnumerable<IPersistentRepresentation>)write.Payload).ToList();
        var names = items.ConvertAll(item =>
            Names.GetValueOrDefault((item.Payload is Tagged tagged ? tagged.Payload : item.Payload).GetType(), ""));
        Failpoint.Reach("before", names);
        var result = await base.WriteMessagesAsync(writes, cancellationToken);
        Failpoint.Reach("after", names);
        if (Acknowledged is not null)
        {
            lock (Gate)
                File.AppendAllLines(Acknowledged, items.Select(item => $"{item.PersistenceId} {item.SequenceNr}"));
        }
        return result;
    }
}
