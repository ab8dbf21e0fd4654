using System.Collections.Immutable;

namespace FedActors.Core;

/// <summary>A pure state's answer to a command: events to journal (perhaps none), or a refusal that changed
/// nothing.</summary>
public abstract record Decision<TEvent>
{
    private Decision() { }

    public sealed record Accepted(ImmutableArray<TEvent> Events) : Decision<TEvent>;

    public sealed record Rejected(string Reason) : Decision<TEvent>;

    public static Decision<TEvent> Accept(params ImmutableArray<TEvent> events) => new Accepted(events);

    public static Decision<TEvent> Reject(string reason) => new Rejected(reason);
}
