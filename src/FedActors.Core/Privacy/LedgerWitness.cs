using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Privacy;

/// <summary>
/// What a hub or a peer remembers of the others' ledgers: the newest head each one signed. It hands them back to the hospital,
/// which so finds out whether its own file is an old one, and takes no older head for good. Immutable.
/// </summary>
public sealed class LedgerWitness
{
    private readonly ImmutableDictionary<(HospitalId, string), SignedLedgerHead> _newest;

    private LedgerWitness(ImmutableDictionary<(HospitalId, string), SignedLedgerHead> newest) => _newest = newest;

    /// <summary>Nothing seen yet.</summary>
    public static LedgerWitness Empty { get; } = new(ImmutableDictionary<(HospitalId, string), SignedLedgerHead>.Empty);

    /// <summary>Everything it holds of one hospital.</summary>
    public IEnumerable<SignedLedgerHead> Of(HospitalId hospital) => _newest.Values.Where(head => head.Hospital == hospital);

    /// <summary>Everything it holds of these hospitals.</summary>
    public ImmutableArray<SignedLedgerHead> Of(ImmutableArray<HospitalId> hospitals) =>
        _newest.IsEmpty ? [] : [.. _newest.Values.Where(head => hospitals.Contains(head.Hospital))];

    /// <summary>
    /// Takes note of a head. One that its hospital did not sign, or that is not ahead of what is known, changes nothing; two heads
    /// at one record say that a ledger was forked, and the first is kept for the hospital to see.
    /// </summary>
    /// <param name="key">Of <see cref="SignedLedgerHead.Hospital"/>, from the roster.</param>
    public LedgerWitness Observe(SignedLedgerHead head, SitePublicKey key) => IsAhead(head) && head.IsSignedBy(key) ? Remember(head) : this;

    /// <summary>As <see cref="Observe"/>, of heads whose signatures were checked before: from a journal, or within a signed message.</summary>
    public LedgerWitness Remember(params IEnumerable<SignedLedgerHead> heads)
    {
        var newest = _newest;
        foreach (var head in heads.Where(IsAhead))
            newest = newest.SetItem((head.Hospital, head.Scope), head);
        return ReferenceEquals(newest, _newest) ? this : new LedgerWitness(newest);
    }

    /// <summary>
    /// The head that speaks against what a hospital shows: a later one of the same ledger, or another one at the same record; where
    /// it shows none, any that it showed before. Null where nothing does.
    /// </summary>
    public SignedLedgerHead? Against(HospitalId hospital, SignedLedgerHead? shown)
    {
        if (shown is null)
            return Of(hospital).FirstOrDefault();
        return _newest.TryGetValue((hospital, shown.Scope), out var known)
            && (known.Head.Sequence > shown.Head.Sequence || (known.Head.Sequence == shown.Head.Sequence && known.Head.Hash != shown.Head.Hash))
            ? known
            : null;
    }

    private bool IsAhead(SignedLedgerHead head) =>
        !_newest.TryGetValue((head.Hospital, head.Scope), out var known) || known.Head.Sequence < head.Head.Sequence;
}
