using System.Collections.Immutable;
using Akka.Actor;
using Akka.Persistence;
using Akka.Persistence.Journal;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// The in-memory journal, but for what <see cref="JournalFaults"/> ask of it. A write is one Persist or one PersistAll.
/// A failed write stores nothing of its batch and stops the actor (OnPersistFailure), as a dead disk does; a rejected
/// one stores nothing of itself and the actor goes on (OnPersistRejected), as an unserializable event does.
/// </summary>
public sealed class FaultyJournal : MemoryJournal
{
    private readonly JournalFaults _faults = JournalFaults.Of(Context.System);

    protected override async Task<IImmutableList<Exception>?> WriteMessagesAsync(
        IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
    {
        var writes = messages.ToList();
        var verdicts = writes.ConvertAll(_faults.Judge);
        if (verdicts.Contains(JournalFaults.Verdict.Fail))
            throw new InjectedFaultException("write failed, as the test asked");

        var accepted = writes.Where((_, index) => verdicts[index] == JournalFaults.Verdict.Store).ToList();
        await base.WriteMessagesAsync(accepted, cancellationToken);
        return accepted.Count == writes.Count
            ? null
            : verdicts.Select<JournalFaults.Verdict, Exception>(verdict => verdict == JournalFaults.Verdict.Reject
                ? new InjectedFaultException("write rejected, as the test asked")
                : null!).ToImmutableList();
    }
}

/// <summary>Which writes of a system's <see cref="FaultyJournal"/> go wrong. Each fault serves once or as often as
/// told, then the journal is well again.</summary>
public sealed class JournalFaults : IExtension
{
    private readonly Lock _gate = new();
    private readonly List<Rule> _rules = [];

    internal enum Verdict { Store, Reject, Fail }

    public static JournalFaults Of(ActorSystem system) => system.WithExtension<JournalFaults, Provider>();

    /// <summary>Fails the <paramref name="nth"/> write from now; the next one is the first.</summary>
    public void FailWrite(int nth = 1) => Add(Verdict.Fail, _ => true, nth - 1, 1);

    /// <summary>Rejects the <paramref name="nth"/> write from now; the next one is the first.</summary>
    public void RejectWrite(int nth = 1) => Add(Verdict.Reject, _ => true, nth - 1, 1);

    /// <summary>Fails writes that hold an event for which <paramref name="when"/> is true.</summary>
    /// <param name="when">Gets the event as the actor persisted it, without tags.</param>
    /// <param name="times">How often before the journal is well again.</param>
    public void FailWrites(Func<object, bool> when, int times = int.MaxValue) => Add(Verdict.Fail, when, 0, times);

    /// <inheritdoc cref="FailWrites"/>
    public void RejectWrites(Func<object, bool> when, int times = int.MaxValue) => Add(Verdict.Reject, when, 0, times);

    /// <summary>Forgets all faults: the journal is well again.</summary>
    public void Recover()
    {
        lock (_gate)
            _rules.Clear();
    }

    internal Verdict Judge(AtomicWrite write)
    {
        var events = ((IEnumerable<IPersistentRepresentation>)write.Payload)
            .Select(item => item.Payload is Tagged tagged ? tagged.Payload : item.Payload)
            .ToList();
        lock (_gate)
        {
            var verdict = Verdict.Store;
            foreach (var rule in _rules.Where(rule => events.Exists(@event => rule.When(@event))))
                if (rule.Skip > 0)
                    rule.Skip--;
                else if (rule.Times > 0)
                {
                    rule.Times--;
                    verdict = verdict > rule.Verdict ? verdict : rule.Verdict;
                }
            return verdict;
        }
    }

    private void Add(Verdict verdict, Func<object, bool> when, int skip, int times)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        lock (_gate)
            _rules.Add(new Rule { Verdict = verdict, When = when, Skip = skip, Times = times });
    }

    private sealed class Rule
    {
        public required Verdict Verdict { get; init; }

        public required Func<object, bool> When { get; init; }

        public required int Skip { get; set; }

        public required int Times { get; set; }
    }

    private sealed class Provider : ExtensionIdProvider<JournalFaults>
    {
        public override JournalFaults CreateExtension(ExtendedActorSystem system) => new();
    }
}

/// <summary>Not a defect: a test asked for it.</summary>
public sealed class InjectedFaultException(string message) : Exception(message);
