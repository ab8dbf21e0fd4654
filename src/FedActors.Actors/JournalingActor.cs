using System.Collections.Immutable;
using Akka.Persistence;
using FedActors.Actors.Storage;

namespace FedActors.Actors;

/// <summary>
/// A persistent actor whose every step is: ask the pure state, journal its events, then tell. What follows the write
/// never happens where the write did not.
/// </summary>
public abstract class JournalingActor<TEvent> : ReceivePersistentActor where TEvent : class
{
    private bool _refused;

    protected JournalingActor() => Recover<TEvent>(Apply);

    /// <summary>Follows an event that is durable.</summary>
    protected abstract void Apply(TEvent @event);

    /// <summary>The journal refused a write: whoever waits must hear it now, for the actor stops.</summary>
    protected abstract void OnWriteRefused(string reason);

    /// <summary>Journals the events, applies each, then goes on; at once where there are none.</summary>
    protected void Record(ImmutableArray<TEvent> events, Action then)
    {
        if (events.IsEmpty)
        {
            then();
            return;
        }
        PersistAll(events, Apply);
        DeferAsync(events, _ =>
        {
            if (!_refused)
                then();
        });
    }

    // Akka stops the actor after this one, ...
    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        OnWriteRefused(cause.Message);
        FormerLeader.EndsAt(cause, Context.System);
        base.OnPersistFailure(cause, @event, sequenceNr);
    }

    // ... but after this one it would go on, with a state that lacks the event.
    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        _refused = true;
        OnWriteRefused(cause.Message);
        FormerLeader.EndsAt(cause, Context.System);
        base.OnPersistRejected(cause, @event, sequenceNr);
        Context.Stop(Self);
    }
}
