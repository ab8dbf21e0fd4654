using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Privacy;

/// <summary>
/// What a hub or a peer remembers of the others' ledgers: the newest head each one signed. It hands them back to a hospital
/// that starts, which so finds out whether its own file is an old one. Immutable.
/// </summary>
public sealed class LedgerWitness
{
    private readonly ImmutableDictionary<(HospitalId, string), SignedLedgerHead> _newest;

    private LedgerWitness(ImmutableDictionary<(HospitalId, string), SignedLedgerHead> newest) => _newest = newest;

    /// <summary>Nothing seen yet.</summary>
    public static LedgerWitness Empty { get; } = new(ImmutableDictionary<(HospitalId, string), SignedLedgerHead>.Empty);

    /// <summary>Everything it holds of one hospital.</summary>
    public IEnumerable<SignedLedgerHead> Of(HospitalId hospital) => _newest.Values.Where(head => head.Hospital == hospital);

    /// <summary>
    /// Takes note of a head. One that its hospital did not sign, or that is not ahead of what is known, changes nothing; two heads
    /// at one record say that a ledger was forked, and the first is kept for the hospital to see.
    /// </summary>
    /// <param name="key">Of <see cref="SignedLedgerHead.Hospital"/>, from the roster.</param>
    public LedgerWitness Observe(SignedLedgerHead head, SitePublicKey key) =>
        (_newest.TryGetValue((head.Hospital, head.Scope), out var known) && known.Head.Sequence >= head.Head.Sequence) || !head.IsSignedBy(key)
            ? this
            : new LedgerWitness(_newest.SetItem((head.Hospital, head.Scope), head));
}
