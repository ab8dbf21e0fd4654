using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

//  Hospital's side of a secure sum
//      Masks one update so that only the sum over a survivor set signed by a quorum can be opened, and answers each
//      question once: a repeated question gets the stored answer, a different one none.
//  Source:   Bonawitz et al., CCS 2017, active adversary, with one threshold and with every mask bound to the view of
//            the round.
//  Secrets:  two private keys, a seed, shares of others: in this object only, wiped at the earliest moment and on
//            disposal.
//  Proof:    HospitalMasking.md

/// <summary>
/// One session of one hospital. Messages in, decisions out; not safe for use from two threads. A caller whose journal
/// write fails disposes of this object and recovers another from the journal.
/// </summary>
public sealed class HospitalMasking : IDisposable
{
    private readonly HospitalId _self;
    private readonly SiteKey _key;
    private readonly Roster _roster;
    private readonly MaskingPolicy _policy;
    // null after a restart: nothing new is drawn
    private readonly IRandomSource? _random;
    private readonly PeerKeyCache? _peers;
    private readonly HashSet<SurvivorSignature> _verified = [];
    private RoundSpec? _spec;
    private Digest _session;
    private Digest _u1Hash, _u2Hash;
    private ImmutableArray<HospitalId> _u1 = [], _u2 = [], _u3 = [];
    private MaskingSecrets? _secrets;
    private Advertise? _advertise;
    private Shares? _shares;
    private Masked? _masked;
    private Consistency? _consistency;
    private UnmaskResponse? _response;
    private Digest? _inbox;
    private ImmutableArray<SignedLedgerHead> _ledgers = [];

    /// <param name="self">Which hospital this is.</param>
    /// <param name="key">Its signing key; stays the caller's.</param>
    /// <param name="roster">The trust anchor.</param>
    /// <param name="policy">What this hospital asks of any round.</param>
    /// <param name="random">Keys, seeds, coefficients and nonces are drawn from here.</param>
    /// <param name="ledger">What this hospital's journal tells.</param>
    /// <param name="peers">Public keys that other hospitals of this process have imported, or null.</param>
    public HospitalMasking(
        HospitalId self, SiteKey key, Roster roster, MaskingPolicy policy, IRandomSource random, MaskingLedger ledger,
        PeerKeyCache? peers = null) =>
        (_self, _key, _roster, _policy, _random, Ledger, _peers) = (self, key, roster, policy, random, ledger, peers);

    private HospitalMasking(
        HospitalId self, SiteKey key, Roster roster, MaskingPolicy policy, MaskingLedger ledger, MaskingLedger.Entry entry)
    {
        (_self, _key, _roster, _policy, Ledger) = (self, key, roster, policy, ledger);
        var masked = entry.Masked;
        (_spec, _session, _masked, _u2) = (masked.Spec, masked.Session, masked.Message, masked.Sharers);
        (_u1Hash, _u2Hash) = (_masked.KeysHash, _masked.SharersHash);
        (_consistency, _u3) = (entry.Signed?.Message, entry.Signed?.Hospitals ?? []);
        _response = entry.Released?.Message;
        Phase = _response is not null ? MaskingPhase.Released
            : _consistency is not null ? MaskingPhase.Signed
            : MaskingPhase.Masked;
    }

    /// <summary>Where the session stands.</summary>
    public MaskingPhase Phase { get; private set; }

    /// <summary>The journal's ledger and what this session added to it.</summary>
    public MaskingLedger Ledger { get; private set; }

    /// <summary>The round this session is about, once open.</summary>
    public RoundSpec? Spec => _spec;

    /// <summary>
    /// The session as a restarted hospital may go on with it: it repeats stored messages and may sign one survivor set,
    /// but has no secrets, masks nothing and releases nothing new. Null where the journal does not know the session.
    /// </summary>
    public static HospitalMasking? Recover(
        HospitalId self, SiteKey key, Roster roster, MaskingPolicy policy, MaskingLedger ledger, Digest session) =>
        ledger.Of(session) is { } entry ? new HospitalMasking(self, key, roster, policy, ledger, entry) : null;

    /// <summary>Checks the round and advertises new keys.</summary>
    public MaskingDecision Receive(RoundOpen message, LocalView view)
    {
        var session = message.Session;
        if (Phase != MaskingPhase.Idle)
            return session == _session
                ? Repeat(_advertise)
                : Ignore(AbortCode.WrongPhase, "another session is under way");
        if (!IsFromCoordinator(message))
            return Ignore(AbortCode.BadSignature, "the invitation is not signed by the coordinator");
        if (_random is null)
            return Ignore(AbortCode.SecretsLost, "a recovered session opens no round");
        var spec = message.Spec;
        if (Refuses(spec, view) is { } refusal)
            return new MaskingDecision.Rejected(refusal, Ends: false, Decline(message, refusal.Code));

        (_spec, _session) = (spec, session);
        _secrets = new MaskingSecrets(session, _self, _random, _peers);
        _advertise = Signed(_secrets.Advertise() with { Ledger = view.Ledger });
        Phase = MaskingPhase.Advertised;
        return Send(_advertise);
    }

    /// <summary>Checks the keys of all, splits this hospital's secrets and seals the shares.</summary>
    public MaskingDecision Receive(Roster1 message)
    {
        if (Unfit(message) is { } unfit)
            return unfit;
        var adverts = message.Adverts;
        var u1Hash = HospitalSet.KeysHash(_session, adverts);
        if (!_roster.Coordinator.Verifies(Roster1.StatementOf(_session, u1Hash), message.Signature))
            return Ignore(AbortCode.BadSignature, "the keys are not signed by the coordinator");
        if (Phase > MaskingPhase.Advertised)
            return u1Hash == _u1Hash
                ? Repeat(_shares)
                : End(AbortCode.Equivocation, "the coordinator shows two sets of keys for one session");
        if (RosterChecks.Fault(adverts, _spec!, _session, _roster) is { } fault)
            return End(fault);
        var u1 = adverts.Select(advert => advert.Hospital).ToImmutableArray();
        var own = u1.BinarySearch(_self);
        if (own < 0 || adverts[own].Statement() != _advertise!.Statement())
            return End(AbortCode.OwnAdvertAltered, "the coordinator shows other keys of this hospital than it sent");
        foreach (var advert in adverts)
            if (RosterChecks.LedgerAhead(advert, _spec!, Ledger.Witness) is { } ahead)
                return End(RosterChecks.LedgerBehind(ahead), ahead: ahead);

        var graph = new MaskGraph(_spec!.Graph, _session, u1, [.. adverts.Select(advert => advert.Beacon)]);
        if (_secrets!.Split(graph, adverts, u1Hash, _random!, out var envelopes) is { } badKey)
            return End(AbortCode.BadKey, badKey, $"the platform refuses a key of {badKey}");
        (_u1, _u1Hash) = (u1, u1Hash);
        // Of its neighbours only: what a hospital remembers of a cohort of thousands stays small.
        _ledgers = [.. adverts.Where(advert => graph.AreNeighbours(_self, advert.Hospital)).Select(advert => advert.Ledger).OfType<SignedLedgerHead>()];
        _shares = Signed(new Shares(_session, _self, u1Hash, envelopes));
        Phase = MaskingPhase.Shared;
        return Send(_shares);
    }

    /// <summary>
    /// Opens what the others sealed and masks the update in place. Where the answer is accepted with an event to
    /// journal,
    /// <paramref name="residues"/> now holds the masked vector: the caller makes it durable, then the event, then
    /// sends. In every other case the residues are untouched.
    /// </summary>
    /// <param name="residues">The encoded update, little-endian words, as the round's ring says; 1 at the constant's
    /// index.</param>
    /// <exception cref="ArgumentException">The residues do not fit the ring, or the constant is not 1.</exception>
    public MaskingDecision Receive(Inbox message, Span<byte> residues)
    {
        if (Unfit(message) is { } unfit)
            return unfit;
        if (!IsFromCoordinator(message))
            return Ignore(AbortCode.BadSignature, "the inbox is not signed by the coordinator");
        if (message.To != _self)
            return Ignore(AbortCode.ViewMismatch, "the inbox is another hospital's");
        if (_masked is not null)
            return _inbox is null || _inbox == message.Statement()
                ? HospitalSet.SharersHash(_session, message.Sharers) == _u2Hash ? Repeat(_masked) : TwoInboxes()
                : TwoInboxes();
        if (Phase != MaskingPhase.Shared)
            return Ignore(AbortCode.WrongPhase, "an inbox before this hospital shared its secrets");

        var u2 = message.Sharers;
        if (!HospitalSet.IsSorted(u2) || !HospitalSet.IsSubset(u2, _u1) || !HospitalSet.Holds(u2, _self))
            return End(AbortCode.ViewMismatch,
                "those who shared are not a sorted part of those with keys, with this hospital");
        if (u2.Length < _spec!.Thresholds.MinSurvivors)
            return End(AbortCode.TooFew, $"{u2.Length} hospitals shared, {_spec.Thresholds.MinSurvivors} are needed");
        var ring = _spec.Ring;
        if (residues.Length != ring.Bytes)
            throw new ArgumentException($"{residues.Length} bytes of residues; the ring has {ring.Bytes}.",
                nameof(residues));
        if (Residue.At(residues, ring.ConstantOne, ring.WordBits) != 1)
            throw new ArgumentException($"The constant at coordinate {ring.ConstantOne} is not 1.", nameof(residues));
        if (_secrets!.Open(message.Envelopes, u2, _u1Hash, out var evidence) is { } refusal)
            return End(refusal, evidence);

        _inbox = message.Statement();
        (_u2, _u2Hash) = (u2, HospitalSet.SharersHash(_session, u2));
        _secrets.Mask(residues, u2, new MaskContext(ring.WordBits, ring.Coordinates, _u1Hash, _u2Hash, _spec.Model));
        _masked = Signed(new Masked(_session, _self, _u1Hash, _u2Hash, Digest.Of(residues)));
        Phase = MaskingPhase.Masked;
        return Commit(new MaskingEvent.MaskedReady(_session, _spec, u2, _masked) { Ledgers = _ledgers }, _masked);

        MaskingDecision TwoInboxes() =>
            End(AbortCode.Equivocation, "the coordinator shows two inboxes for one session");
    }

    /// <summary>Repeats the announcement of the masked vector; the caller sends its spooled bytes again.</summary>
    public MaskingDecision Receive(MaskedWanted message) =>
        Unfit(message) ?? (IsFromCoordinator(message)
            ? Repeat(_masked)
            : Ignore(AbortCode.BadSignature, "the request is not signed by the coordinator"));

    /// <summary>
    /// Signs the survivors: one set for a session, and for a model that was opened before, the same set.
    /// </summary>
    public MaskingDecision Receive(Survivors message)
    {
        if (Unfit(message) is { } unfit)
            return unfit;
        if (!IsFromCoordinator(message))
            return Ignore(AbortCode.BadSignature, "the survivors are not signed by the coordinator");
        if (Phase < MaskingPhase.Masked)
            return Ignore(AbortCode.WrongPhase, "survivors before this hospital masked its update");
        var u3 = message.Hospitals;
        if (_consistency is not null)
            return u3.SequenceEqual(_u3)
                ? Repeat(_consistency)
                : End(AbortCode.Equivocation, "the coordinator shows two survivor sets for one session");
        if (!HospitalSet.IsSorted(u3) || !HospitalSet.IsSubset(u3, _u2) || !HospitalSet.Holds(u3, _self))
            return End(AbortCode.ViewMismatch,
                "the survivors are not a sorted part of those who shared, with this hospital");
        if (u3.Length < _spec!.Thresholds.MinSurvivors)
            return End(AbortCode.TooFew, $"{u3.Length} survivors, {_spec.Thresholds.MinSurvivors} are needed");
        if (LedgerConflict(u3) is { } conflict)
            return End(conflict);

        _u3 = u3;
        _consistency = Signed(new Consistency(
            _session, _self, _u1Hash, _u2Hash, HospitalSet.SurvivorsHash(_session, u3), _spec.Model));
        Phase = MaskingPhase.Signed;
        return Commit(new MaskingEvent.SurvivorSetSigned(_session, u3, _consistency), _consistency);
    }

    /// <summary>
    /// Releases one share for each member of U2 whose secrets this hospital holds: of the seed for a survivor, of the
    /// mask key for one that fell away. Only for the set it signed itself, with a quorum's signatures, and once.
    /// </summary>
    public MaskingDecision Receive(UnmaskRequest message)
    {
        if (Unfit(message) is { } unfit)
            return unfit;
        if (!IsFromCoordinator(message))
            return Ignore(AbortCode.BadSignature, "the unmask request is not signed by the coordinator");
        if (_consistency is null)
            return Ignore(AbortCode.WrongPhase, "an unmask request before this hospital signed a survivor set");
        if (message.SurvivorsHash != _consistency.SurvivorsHash)
            return End(AbortCode.Equivocation, "the unmask request is about other survivors than this hospital signed");
        if (_response is not null)
            return Repeat(_response);
        if (_secrets is null)
            return Ignore(AbortCode.SecretsLost, "this hospital restarted and holds no shares of this session");
        if (!RosterChecks.IsSigned(message.Signatures, _consistency, _u3, _spec!.Thresholds.Quorum, _roster, _verified))
            return Ignore(AbortCode.NotEnoughSignatures,
                $"fewer than {_spec.Thresholds.Quorum} hospitals signed these survivors");
        if (LedgerConflict(_u3) is { } conflict)
            return End(conflict);

        _response = Signed(new UnmaskResponse(_session, _self, message.SurvivorsHash, _secrets.Release(_u3)));
        Wipe();
        Phase = MaskingPhase.Released;
        return Commit(new MaskingEvent.SharesReleased(_session, _spec.Model, _u3, _response), _response);
    }

    /// <summary>The sum is open: ends the session. The caller fetches the sum by its hash and checks it.</summary>
    public MaskingDecision Receive(Result message)
    {
        if (_spec is null || message.Session != _session)
            return Ignore(AbortCode.StaleRound, "a message of another session");
        if (!IsFromCoordinator(message))
            return Ignore(AbortCode.BadSignature, "the result is not signed by the coordinator");
        if (_consistency is not null && !message.Hospitals.SequenceEqual(_u3))
            return End(AbortCode.Equivocation, "the result is about other survivors than this hospital signed");
        if (_consistency is not null
            && !RosterChecks.IsSigned(message.Signatures, _consistency, _u3, _spec.Thresholds.Quorum, _roster, _verified))
            return Ignore(AbortCode.NotEnoughSignatures,
                $"fewer than {_spec.Thresholds.Quorum} hospitals signed these survivors");
        Wipe();
        Phase = MaskingPhase.Ended;
        return new MaskingDecision.Accepted([], []);
    }

    /// <summary>The coordinator gave up: ends the session.</summary>
    public MaskingDecision Receive(Abort message)
    {
        if (_spec is null || message.Session != _session)
            return Ignore(AbortCode.StaleRound, "a message of another session");
        if (!IsFromCoordinator(message))
            return Ignore(AbortCode.BadSignature, "the abort is not signed by the coordinator");
        Wipe();
        Phase = MaskingPhase.Ended;
        return new MaskingDecision.Accepted([], []);
    }

    /// <summary>Says no to an invitation, for a reason of this hospital's own: budget, data, an operator.</summary>
    public Withdrawal Decline(RoundOpen message, AbortCode code) =>
        Signed(new Withdrawal(message.Session, _self, code, _self, Digest.Of([])));

    /// <summary>Leaves the open session for a reason of this hospital's own.</summary>
    public Withdrawal Withdraw(AbortCode code)
    {
        Wipe();
        Phase = MaskingPhase.Ended;
        return Signed(new Withdrawal(_session, _self, code, _self, Digest.Of([])));
    }

    /// <summary>Wipes every secret.</summary>
    public void Dispose() => Wipe();

    /// <summary>Hospital and phase.</summary>
    public override string ToString() => $"{_self}: {Phase}";

    private Refusal? Refuses(RoundSpec spec, LocalView view)
    {
        if (spec.Fault() is { } fault)
            return fault;
        if (spec.Roster != _roster.Hash || !HospitalSet.IsSubset(spec.Cohort, _roster.Hospitals))
            return Refusal.By(AbortCode.ViewMismatch, "the round is about another roster");
        if (!HospitalSet.Holds(spec.Cohort, _self))
            return Refusal.By(AbortCode.NotInvited, $"{_self} is not in the cohort");
        if (_policy.Refuses(spec) is { } weak)
            return weak;
        if (spec.Model != view.Model)
            return Refusal.By(AbortCode.ModelMismatch, "the round is about another model than this hospital received");
        if (spec.Task != view.Task)
            return Refusal.By(AbortCode.PlanMismatch, "the round is about another plan than this hospital approved");
        if (view.PreviousSum is { } sum && spec.PreviousSum != sum)
            return Refusal.By(AbortCode.ModelChainBroken, "the model does not follow from the sum this hospital knows");
        return Ledger.IsAhead(spec)
            ? null
            : Refusal.By(AbortCode.StaleRound, $"round {spec.Round} attempt {spec.Attempt} lies behind this hospital");
    }

    private Refusal? LedgerConflict(ImmutableArray<HospitalId> u3)
    {
        if (Ledger.MayRelease(_spec!.Model, u3)
            || _policy.ReleaseAgainUnderNoise && _spec.Noise.Kind != NoiseKind.None)
            return null;
        var before = Ledger.ReleasedSets(_spec.Model)[0];
        var differ = before.Except(u3).Union(u3.Except(before)).Order().ToImmutableArray();
        return new Refusal(AbortCode.LedgerConflict, differ,
            $"shares were released for this model and another set; the sets differ by {string.Join(", ", differ)}");
    }

    private MaskingDecision.Rejected? Unfit(FromCoordinator message)
    {
        if (_spec is null || message.Session != _session)
            return Ignore(AbortCode.StaleRound, "a message of another session");
        return Phase == MaskingPhase.Ended ? Ignore(AbortCode.WrongPhase, "this session is over") : null;
    }

    private bool IsFromCoordinator(FromCoordinator message) =>
        _roster.Coordinator.Verifies(message.Statement(), message.Signature);

    private MaskingDecision.Accepted Commit(MaskingEvent @event, FromHospital message)
    {
        Ledger = Ledger.Apply(@event);
        return new MaskingDecision.Accepted([@event], [message]);
    }

    private static MaskingDecision.Accepted Send(FromHospital message) => new([], [message]);

    private static MaskingDecision Repeat(FromHospital? stored) =>
        stored is not null
            ? Send(stored)
            : Ignore(AbortCode.SecretsLost, "this hospital does not hold that answer, or not any more");

    private static MaskingDecision.Rejected Ignore(AbortCode code, string sentence) =>
        Ignore(Refusal.By(code, sentence));

    private static MaskingDecision.Rejected Ignore(Refusal why) => new(why, Ends: false, null);

    private MaskingDecision.Rejected End(AbortCode code, string sentence) => End(Refusal.By(code, sentence));

    private MaskingDecision.Rejected End(AbortCode code, HospitalId culprit, string sentence) =>
        End(Refusal.By(code, culprit, sentence));

    private MaskingDecision.Rejected End(Refusal why, Digest? evidence = null, SignedLedgerHead? ahead = null)
    {
        Wipe();
        Phase = MaskingPhase.Ended;
        var culprit = why.Culprits.IsEmpty ? _self : why.Culprits[0];
        return new MaskingDecision.Rejected(why, Ends: true,
            Signed(new Withdrawal(_session, _self, why.Code, culprit, evidence ?? Digest.Of([])) { Ledger = ahead }));
    }

    private TMessage Signed<TMessage>(TMessage message) where TMessage : FromHospital => message.SignedBy(_key);

    private void Wipe()
    {
        _secrets?.Dispose();
        _secrets = null;
    }
}
