using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;

namespace FedActors.Core.SecureAggregation;

//  Masking ledger
//      What a hospital must remember over restarts, told by its journal: rounds it went through, the one vector and the
//      one survivor set of each session, for which set each model was opened, and where the others' privacy ledgers stood.
//  Rule:     same model, same set. Two open sums of the same updates over different sets differ by single updates. A
//            model is its bytes, whatever training the hub says they belong to.

/// <summary>A hospital's memory of its sessions. Immutable; equal journals give equal ledgers.</summary>
public sealed class MaskingLedger
{
    private readonly ImmutableDictionary<Digest, (long Round, int Attempt)> _last;
    private readonly ImmutableDictionary<Digest, Entry> _sessions;
    private readonly ImmutableDictionary<Digest, ImmutableArray<ImmutableArray<HospitalId>>> _released;

    private MaskingLedger(
        ImmutableDictionary<Digest, (long, int)> last,
        ImmutableDictionary<Digest, Entry> sessions,
        ImmutableDictionary<Digest, ImmutableArray<ImmutableArray<HospitalId>>> released,
        LedgerWitness witness) =>
        (_last, _sessions, _released, Witness) = (last, sessions, released, witness);

    /// <summary>Nothing happened yet.</summary>
    public static MaskingLedger Empty { get; } = new(
        ImmutableDictionary<Digest, (long, int)>.Empty,
        ImmutableDictionary<Digest, Entry>.Empty,
        ImmutableDictionary<Digest, ImmutableArray<ImmutableArray<HospitalId>>>.Empty,
        LedgerWitness.Empty);

    /// <summary>Where the others' privacy ledgers stood when this hospital last masked with them.</summary>
    public LedgerWitness Witness { get; }

    /// <summary>Whether the attempt lies ahead of every one this hospital masked for.</summary>
    public bool IsAhead(RoundSpec spec) =>
        !_last.TryGetValue(spec.Training, out var last) || (spec.Round, spec.Attempt).CompareTo(last) > 0;

    /// <summary>Sets for which shares were released for this model, oldest first; empty where none was.</summary>
    public ImmutableArray<ImmutableArray<HospitalId>> ReleasedSets(Digest model) =>
        _released.GetValueOrDefault(model, []);

    /// <summary>Whether releasing for <paramref name="hospitals"/> keeps "same model, same set".</summary>
    public bool MayRelease(Digest model, ImmutableArray<HospitalId> hospitals) =>
        ReleasedSets(model).All(set => set.SequenceEqual(hospitals));

    /// <summary>Sessions whose stored messages may be asked for again.</summary>
    public IEnumerable<Digest> Sessions => _sessions.Keys;

    internal Entry? Of(Digest session) => _sessions.GetValueOrDefault(session);

    /// <summary>The ledger after <paramref name="event"/>.</summary>
    /// <exception cref="InvalidOperationException">The journal holds an event this ledger cannot follow.</exception>
    public MaskingLedger Apply(MaskingEvent @event) => (@event, Of(@event.Session)) switch
    {
        (MaskingEvent.MaskedReady e, null) when IsAhead(e.Spec) => new(
            _last.SetItem(e.Spec.Training, (e.Spec.Round, e.Spec.Attempt)),
            _sessions.Add(e.Session, new Entry(e, null, null)), _released, Witness.Remember(e.Ledgers)),
        (MaskingEvent.SurvivorSetSigned e, { Signed: null } entry) => new(
            _last, _sessions.SetItem(e.Session, entry with { Signed = e }), _released, Witness),
        (MaskingEvent.SharesReleased e, { Signed: { } signed, Released: null } entry)
            when signed.Hospitals.SequenceEqual(e.Hospitals) => new(
            _last, _sessions.SetItem(e.Session, entry with { Released = e }),
            _released.SetItem(e.Model, ReleasedSets(e.Model).Add(e.Hospitals)), Witness),
        _ => throw new InvalidOperationException(
            $"The ledger of session {@event.Session} cannot follow {@event.GetType().Name}."),
    };

    /// <summary>
    /// Forgets what a session would repeat, once its receipt is stored. What was released is never forgotten.
    /// </summary>
    public MaskingLedger Close(Digest session) => new(_last, _sessions.Remove(session), _released, Witness);

    internal sealed record Entry(
        MaskingEvent.MaskedReady Masked, MaskingEvent.SurvivorSetSigned? Signed, MaskingEvent.SharesReleased? Released);
}
