using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

//  Hub's side of a secure sum
//      Collects keys, shares, masked vectors, signatures and released shares, phase by phase, and opens one sum over
//      one set.
//  Source:   Bonawitz et al., CCS 2017, active adversary, with one threshold.
//  Size:     one accumulator of the ring's bytes, whatever the number of hospitals, and the few whole vectors that
//            MaskedSum keeps to add them together; O(n k) for keys and shares.
//  Order:    addition mod 2^w: neither the order of messages nor a restart changes a bit of the sum.
//  Proof:    AggregationSession.md

/// <summary>
/// One attempt at one secure sum. The caller sends <see cref="MessagesFor"/> to each hospital at the start of a phase
/// (and again to those <see cref="Awaited"/>), hands in the answers, calls <see cref="Advance"/> once
/// <see cref="IsReady"/> or <see cref="DeadlinePassed"/>, and journals the events a decision gives before it sends
/// anything of the next phase. Not safe for use from two threads.
/// </summary>
public sealed class AggregationSession
{
    private readonly Roster _roster;
    private readonly SiteKey _key;
    private readonly Dictionary<HospitalId, Advertise> _adverts = [];
    private readonly HashSet<ByteString> _keys = [];
    private readonly Dictionary<HospitalId, Shares> _shares = [];
    private readonly Dictionary<HospitalId, Digest> _masked = [];
    private readonly Dictionary<HospitalId, Signature> _signatures = [];
    private readonly Dictionary<HospitalId, UnmaskResponse> _responses = [];
    private readonly Dictionary<HospitalId, AbortCode> _withdrawn = [];
    private readonly List<Dropout> _dropouts = [];
    private ImmutableArray<Advertise> _u1Adverts = [];
    private ImmutableArray<HospitalId> _u1 = [], _u2 = [], _u3 = [];
    private Dictionary<HospitalId, Digest> _sharers = [];
    private Digest _u1Hash, _u2Hash, _u3Hash;
    private LedgerWitness _witness = LedgerWitness.Empty;
    private MaskGraph? _graph;
    private MaskedSum? _sum;
    // of each member of U2: shares that came back
    private Dictionary<HospitalId, int> _released = [];
    private int _tried;                                                         // responses at the last attempt to open
    // the signed message of the phase, where it is one for all
    private FromCoordinator? _broadcast;

    /// <param name="spec">The attempt.</param>
    /// <param name="roster">The trust anchor.</param>
    /// <param name="key">The coordinator's signing key; stays the caller's.</param>
    /// <exception cref="ArgumentException">The spec contradicts itself or the roster.</exception>
    public AggregationSession(RoundSpec spec, Roster roster, SiteKey key)
    {
        if (spec.Fault() is { } fault)
            throw new ArgumentException(fault.Sentence, nameof(spec));
        if (spec.Roster != roster.Hash || !HospitalSet.IsSubset(spec.Cohort, roster.Hospitals)
            || !key.Public.Equals(roster.Coordinator))
            throw new ArgumentException("The spec and the key are those of another roster.", nameof(spec));
        (Spec, Session, _roster, _key) = (spec, spec.SessionId(), roster, key);
        Phase = AggregationPhase.Advertising;
    }

    /// <summary>The attempt.</summary>
    public RoundSpec Spec { get; }

    /// <summary>Its id.</summary>
    public Digest Session { get; }

    /// <summary>Where it stands.</summary>
    public AggregationPhase Phase { get; private set; }

    /// <summary>
    /// Hospitals whose answer of this phase is still out, sorted; those that withdrew are not waited for.
    /// </summary>
    public ImmutableArray<HospitalId> Awaited => Phase >= AggregationPhase.Opened ? [] : [.. Members.Where(Awaits)];

    /// <summary>
    /// Whether <see cref="Advance"/> has all it waits for: everyone, or a quorum where that is enough.
    /// </summary>
    public bool IsReady => Phase switch
    {
        AggregationPhase.Agreeing when _signatures.Count >= Spec.Thresholds.Quorum => true,
        AggregationPhase.Unmasking when HasEnoughShares && _responses.Count > _tried => true,
        AggregationPhase.Opened or AggregationPhase.Aborted => false,
        _ => Awaited.IsEmpty,
    };

    /// <summary>Members of the last set that was fixed: the cohort, then U1, U2 and U3.</summary>
    public ImmutableArray<HospitalId> Members => Phase switch
    {
        AggregationPhase.Advertising => Spec.Cohort,
        AggregationPhase.Sharing => _u1,
        AggregationPhase.Masking => _u2,
        _ => _u3,
    };

    /// <summary>Who is not in the sum, and why.</summary>
    public ImmutableArray<Dropout> Dropouts => [.. _dropouts];

    /// <summary>Hospitals whose shares were wrong; they did not spoil the sum.</summary>
    public ImmutableArray<HospitalId> Suspects { get; private set; } = [];

    /// <summary>The sum, once <see cref="AggregationPhase.Opened"/>.</summary>
    public OpenedSum? Sum { get; private set; }

    /// <summary>Why there is no sum, once <see cref="AggregationPhase.Aborted"/>.</summary>
    public Refusal? Aborted { get; private set; }

    /// <summary>
    /// The sum of all masked vectors so far, a view of this session's memory: what the caller makes durable as one blob
    /// before it journals <see cref="AggregationEvent.SurvivorSetFixed"/>.
    /// </summary>
    public ReadOnlyMemory<byte> Accumulator => _sum?.Words;

    /// <summary>
    /// A session as its journal left it. Before U3 was fixed it asks for masked vectors again; after, it needs only
    /// shares.
    /// </summary>
    /// <param name="journal">Its events, oldest first.</param>
    /// <param name="accumulator">The blob, where U3 was fixed.</param>
    /// <param name="ledgers">The newest heads of privacy ledgers that the hub knows, their signatures checked: none
    /// older is let in.</param>
    /// <exception cref="InvalidOperationException">The events do not follow one another.</exception>
    /// <exception cref="FaultException">The blob is not the one that was journaled.</exception>
    public static AggregationSession Resume(
        RoundSpec spec, Roster roster, SiteKey key, IEnumerable<AggregationEvent> journal, Stream? accumulator,
        params IEnumerable<SignedLedgerHead> ledgers)
    {
        var session = new AggregationSession(spec, roster, key) { _witness = LedgerWitness.Empty.Remember(ledgers) };
        foreach (var @event in journal)
            session.Apply(@event, accumulator);
        return session;
    }

    /// <summary>
    /// What to send to <paramref name="hospital"/> now, and again while it does not answer; nothing where it did or is
    /// not in.
    /// </summary>
    public ImmutableArray<FromCoordinator> MessagesFor(HospitalId hospital) => Phase switch
    {
        AggregationPhase.Advertising when Awaits(hospital) => [_broadcast ??= new RoundOpen(Spec).SignedBy(_key)],
        AggregationPhase.Sharing when Awaits(hospital) => [_broadcast ??= Roster()],
        AggregationPhase.Masking when HospitalSet.Holds(_u2, hospital) && !_withdrawn.ContainsKey(hospital) =>
            MaskingMessages(hospital),
        AggregationPhase.Agreeing when Awaits(hospital) => [_broadcast ??= SurvivorSet()],
        AggregationPhase.Unmasking when Awaits(hospital) =>
            _signatures.ContainsKey(hospital) ? [_broadcast ??= Request()] : [SurvivorSet()],
        AggregationPhase.Opened when HospitalSet.Holds(Spec.Cohort, hospital) => [_broadcast ??= new Result(
            Session, _u3, Sum!.Hash, SortedSignatures()).SignedBy(_key)],
        AggregationPhase.Aborted when HospitalSet.Holds(Spec.Cohort, hospital) =>
            [_broadcast ??= new Abort(Session, Aborted!.Code, Aborted.Culprits).SignedBy(_key)],
        _ => [],
    };

    /// <summary>
    /// Takes an answer. A masked vector goes through <see cref="Begin"/> and <see cref="Add"/> instead.
    /// </summary>
    public SessionDecision Receive(FromHospital message)
    {
        if (message.Session != Session)
            return Refuse(AbortCode.StaleRound, message.Hospital,
                $"a message of {message.Hospital} for another session");
        if (Phase >= AggregationPhase.Opened)
            return Refuse(AbortCode.WrongPhase, message.Hospital, "this session is over");
        if (_withdrawn.ContainsKey(message.Hospital))
            return Refuse(AbortCode.WrongPhase, message.Hospital, $"{message.Hospital} left this session");
        return message switch
        {
            Advertise advertise => Take(advertise),
            Shares shares => Take(shares),
            Consistency consistency => Take(consistency),
            UnmaskResponse response => Take(response),
            Withdrawal withdrawal => Take(withdrawal),
            _ => Refuse(AbortCode.WrongPhase, message.Hospital, $"{message.GetType().Name} is not answered here"),
        };
    }

    /// <summary>Opens an upload that a hospital announces, or refuses it before a byte is stored.</summary>
    /// <param name="spool">Empty, seekable, readable and writable; stays the caller's. Null keeps the pieces in memory
    /// as they come, without a copy.</param>
    /// <param name="upload">Null where the announcement is refused, or its vector is in the sum already.</param>
    public SessionDecision Begin(Masked message, Stream? spool, out MaskedUpload? upload)
    {
        upload = null;
        var hospital = message.Hospital;
        if (message.Session != Session)
            return Refuse(AbortCode.StaleRound, hospital, $"an upload of {hospital} for another session");
        if (Phase != AggregationPhase.Masking)
            return Refuse(Phase < AggregationPhase.Masking ? AbortCode.WrongPhase : AbortCode.DeadlinePassed, hospital,
                $"an upload of {hospital} while the session is {Phase}");
        if (!HospitalSet.Holds(_u2, hospital))
            return Refuse(AbortCode.NotInvited, hospital, $"{hospital} did not share its secrets in time");
        if (!IsSigned(message))
            return Refuse(AbortCode.BadSignature, hospital, $"the upload of {hospital} is not signed by it");
        if (_withdrawn.ContainsKey(hospital))
            return Refuse(AbortCode.WrongPhase, hospital, $"{hospital} left this session");
        if (message.KeysHash != _u1Hash || message.SharersHash != _u2Hash)
            return Refuse(AbortCode.ViewMismatch, hospital,
                $"the masks of {hospital} are bound to another view of this session");
        if (_masked.TryGetValue(hospital, out var before))
            return before == message.Vector
                ? SessionDecision.Accepted.Nothing
                : Refuse(AbortCode.Equivocation, hospital, $"{hospital} announces a second vector for one session");
        upload = new MaskedUpload(message, Spec.Ring.Bytes, spool);
        return SessionDecision.Accepted.Nothing;
    }

    /// <summary>
    /// Takes a whole vector into the sum, once. Its chunks in memory are the session's from then on.
    /// </summary>
    /// <exception cref="EndOfStreamException">The spool lost bytes: the accumulator is spoiled, resume from the
    /// journal.</exception>
    public SessionDecision Add(MaskedUpload upload)
    {
        if (upload.Session != Session || !upload.IsWhole)
            return Refuse(AbortCode.BadUpload, upload.Hospital, $"the vector of {upload.Hospital} is not whole");
        if (Phase != AggregationPhase.Masking)
            return Refuse(AbortCode.DeadlinePassed, upload.Hospital,
                $"the vector of {upload.Hospital} is whole while the session is {Phase}");
        if (_withdrawn.ContainsKey(upload.Hospital))
            return Refuse(AbortCode.WrongPhase, upload.Hospital, $"{upload.Hospital} left this session");
        if (!_masked.TryAdd(upload.Hospital, upload.Vector))
            return _masked[upload.Hospital] == upload.Vector
                ? SessionDecision.Accepted.Nothing
                : Refuse(AbortCode.Equivocation, upload.Hospital,
                    $"{upload.Hospital} sent a second vector for one session");
        _sum ??= new MaskedSum(new byte[Spec.Ring.Bytes], Spec.Ring.WordBits);
        _sum.Add(upload);
        return SessionDecision.Accepted.Nothing;
    }

    /// <summary>Goes on to the next phase with all that <see cref="IsReady"/> waited for.</summary>
    /// <exception cref="InvalidOperationException">Not ready.</exception>
    public SessionDecision Advance() => IsReady
        ? GoOn(deadlinePassed: false)
        : throw new InvalidOperationException($"The session is {Phase} and awaits {Awaited.Length} hospitals.");

    /// <summary>Goes on with those that answered, or aborts where they are too few.</summary>
    public SessionDecision DeadlinePassed() =>
        Phase >= AggregationPhase.Opened ? SessionDecision.Accepted.Nothing : GoOn(deadlinePassed: true);

    /// <summary>Ends the session without a sum.</summary>
    public SessionDecision Abort(Refusal why)
    {
        if (Phase >= AggregationPhase.Opened)
            return SessionDecision.Accepted.Nothing;
        (Phase, Aborted, _sum, _broadcast) = (AggregationPhase.Aborted, why, null, null);
        return new SessionDecision.Rejected(why, Ends: true);
    }

    /// <summary>Session and phase.</summary>
    public override string ToString() => $"round {Spec.Round} attempt {Spec.Attempt}: {Phase}";

    private bool HasEnoughShares => _responses.Count > 0 && _released.Values.All(count => count >= _graph!.Threshold);

    private SessionDecision GoOn(bool deadlinePassed)
    {
        switch (Phase)
        {
            case AggregationPhase.Advertising:
                DropFrom(Spec.Cohort, _adverts.ContainsKey);
                return TooFew(_adverts.Count, Spec.Thresholds.MinSurvivors, "sent keys")
                    ?? Commit(new AggregationEvent.KeysFixed(
                        Session, [.. _adverts.Values.OrderBy(advert => advert.Hospital)]));
            case AggregationPhase.Sharing:
                DropFrom(_u1, _shares.ContainsKey);
                return TooFew(_shares.Count, Spec.Thresholds.MinSurvivors, "shared their secrets")
                    ?? Commit(new AggregationEvent.SharesFixed(
                        Session, [.. _shares.Values.OrderBy(shares => shares.Hospital)
                        .Select(shares => new AggregationEvent.Sharer(shares.Hospital, shares.Statement()))]));
            case AggregationPhase.Masking:
                DropFrom(_u2, _masked.ContainsKey);
                return TooFew(_masked.Count, Spec.Thresholds.MinSurvivors, "sent masked updates")
                    ?? Commit(new AggregationEvent.SurvivorSetFixed(
                        Session, [.. _masked.Keys.Order()], Digest.Of(_sum!.Words)));
            case AggregationPhase.Agreeing:
                if (TooFew(_signatures.Count, Spec.Thresholds.Quorum, "signed the survivors") is { } few)
                    return few;
                (Phase, _broadcast) = (AggregationPhase.Unmasking, null);
                return SessionDecision.Accepted.Nothing;
            default:
                return Open(deadlinePassed || Awaited.IsEmpty);
        }
    }

    private SessionDecision Open(bool last)
    {
        if (!HasEnoughShares)
            return Abort(new Refusal(AbortCode.TooFew, Awaited,
                $"{_responses.Count} hospitals released shares, {_graph!.Threshold} must for every secret"));
        _tried = _responses.Count;
        var ring = Spec.Ring;
        var context = new MaskContext(ring.WordBits, ring.Coordinates, _u1Hash, _u2Hash, Spec.Model);
        var unmasking = new Unmasking(Spec, Session, _graph!, context, _u1Adverts, _u2, _u3);
        var words = _sum!.Words;
        var refusal = unmasking.Open(_responses, words);
        Suspects = unmasking.Suspects;
        if (refusal is not null)
            return last ? Abort(refusal) : new SessionDecision.Rejected(refusal, Ends: false);
        if (Residue.At(words, ring.ConstantOne, ring.WordBits) != (ulong)_u3.Length)
            return Abort(Refusal.By(AbortCode.BadSum,
                $"the constant does not add up to {_u3.Length}: the sum is not published"));
        Sum = new OpenedSum(words, Digest.Of(words), _u3);
        (Phase, _sum, _broadcast) = (AggregationPhase.Opened, null, null);
        return SessionDecision.Accepted.Nothing;
    }

    private SessionDecision Take(Advertise message)
    {
        var hospital = message.Hospital;
        if (_adverts.TryGetValue(hospital, out var before))
            return Same(before, message);
        if (Phase != AggregationPhase.Advertising)
            return Refuse(AbortCode.WrongPhase, hospital, $"the keys of {hospital} came after they were fixed");
        if (RosterChecks.Fault(message, Spec, Session, _roster) is { } fault)
            return new SessionDecision.Rejected(fault, Ends: false);
        if (message.Ledger is { } head && (head.Hospital != hospital || !head.IsSignedBy(_roster.KeyOf(hospital)!)))
            return Refuse(AbortCode.BadSignature, hospital,
                $"the ledger's head that {hospital} shows is not signed by it");
        if (RosterChecks.LedgerAhead(message, Spec, _witness) is { } ahead)
            return new SessionDecision.Rejected(RosterChecks.LedgerBehind(ahead), Ends: false);
        if (RosterChecks.DuplicateKey(message, _keys) is { } duplicate)
            return new SessionDecision.Rejected(duplicate, Ends: false);
        _adverts.Add(hospital, message);
        return SessionDecision.Accepted.Nothing;
    }

    private SessionDecision Take(Shares message)
    {
        var hospital = message.Hospital;
        if (_shares.TryGetValue(hospital, out var before))
            return Same(before, message);
        var again = Phase == AggregationPhase.Masking && _sharers.TryGetValue(hospital, out var journaled)
            && journaled == message.Statement();
        if (Phase != AggregationPhase.Sharing && !again)
            return Refuse(AbortCode.WrongPhase, hospital, $"shares of {hospital} while the session is {Phase}");
        if (!HospitalSet.Holds(_u1, hospital))
            return Refuse(AbortCode.NotInvited, hospital, $"{hospital} sent no keys in time");
        if (!IsSigned(message))
            return Refuse(AbortCode.BadSignature, hospital, $"the shares of {hospital} are not signed by it");
        if (message.KeysHash != _u1Hash)
            return Refuse(AbortCode.ViewMismatch, hospital, $"{hospital} shared for other keys");
        if (!message.Envelopes.Select(envelope => envelope.Peer).SequenceEqual(_graph!.Neighbours(hospital))
            || message.Envelopes.Any(envelope => envelope.Envelope.Length != ShareEnvelope.Size))
            return Refuse(AbortCode.Malformed, hospital, $"{hospital} did not seal one envelope for each neighbour");
        _shares.Add(hospital, message);
        return SessionDecision.Accepted.Nothing;
    }

    private SessionDecision Take(Consistency message)
    {
        var hospital = message.Hospital;
        if (Phase is not (AggregationPhase.Agreeing or AggregationPhase.Unmasking))
            return Refuse(AbortCode.WrongPhase, hospital, $"a signature of {hospital} while the session is {Phase}");
        if (!HospitalSet.Holds(_u3, hospital))
            return Refuse(AbortCode.NotInvited, hospital, $"{hospital} is not among the survivors");
        if (_signatures.ContainsKey(hospital))
            return SessionDecision.Accepted.Nothing;
        if (message.KeysHash != _u1Hash || message.SharersHash != _u2Hash || message.SurvivorsHash != _u3Hash
            || message.Model != Spec.Model)
            return Refuse(AbortCode.ViewMismatch, hospital, $"{hospital} signed another view of this session");
        if (!IsSigned(message))
            return Refuse(AbortCode.BadSignature, hospital, $"the survivors are not signed by {hospital}");
        _signatures.Add(hospital, message.Signature);
        return SessionDecision.Accepted.Nothing;
    }

    private SessionDecision Take(UnmaskResponse message)
    {
        var hospital = message.Hospital;
        if (Phase != AggregationPhase.Unmasking)
            return Refuse(AbortCode.WrongPhase, hospital,
                $"released shares of {hospital} while the session is {Phase}");
        if (_responses.TryGetValue(hospital, out var before))
            return Same(before, message);
        if (!HospitalSet.Holds(_u3, hospital))
            return Refuse(AbortCode.NotInvited, hospital, $"{hospital} is not among the survivors");
        if (message.SurvivorsHash != _u3Hash)
            return Refuse(AbortCode.ViewMismatch, hospital, $"{hospital} released shares for other survivors");
        if (!IsSigned(message))
            return Refuse(AbortCode.BadSignature, hospital, $"the released shares of {hospital} are not signed by it");
        if (!message.Shares.Select(share => share.Owner).SequenceEqual(Owners(hospital))
            || message.Shares.Any(share => share.Share.Length != ShamirSecretSharing.Size))
            return Refuse(AbortCode.Malformed, hospital,
                $"{hospital} did not release one share of each secret it holds");
        _responses.Add(hospital, message);
        foreach (var share in message.Shares)
            _released[share.Owner]++;
        return SessionDecision.Accepted.Nothing;
    }

    private SessionDecision Take(Withdrawal message)
    {
        var hospital = message.Hospital;
        if (!HospitalSet.Holds(Spec.Cohort, hospital))
            return Refuse(AbortCode.NotInvited, hospital, $"{hospital} is not in the cohort");
        if (!IsSigned(message))
            return Refuse(AbortCode.BadSignature, hospital, $"the withdrawal of {hospital} is not signed by it");
        _withdrawn.TryAdd(hospital, message.Code);
        return SessionDecision.Accepted.Nothing;
    }

    private void Apply(AggregationEvent @event, Stream? accumulator)
    {
        switch (Phase, @event)
        {
            case (AggregationPhase.Advertising, AggregationEvent.KeysFixed e) when e.Session == Session:
                _u1Adverts = e.Adverts;
                _u1 = [.. e.Adverts.Select(advert => advert.Hospital)];
                _u1Hash = HospitalSet.KeysHash(Session, e.Adverts);
                _graph = new MaskGraph(Spec.Graph, Session, _u1, [.. e.Adverts.Select(advert => advert.Beacon)]);
                foreach (var advert in e.Adverts)
                    _adverts[advert.Hospital] = advert;
                Phase = AggregationPhase.Sharing;
                break;
            case (AggregationPhase.Sharing, AggregationEvent.SharesFixed e) when e.Session == Session:
                _sharers = e.Sharers.ToDictionary(sharer => sharer.Hospital, sharer => sharer.Statement);
                _u2 = [.. e.Sharers.Select(sharer => sharer.Hospital)];
                _u2Hash = HospitalSet.SharersHash(Session, _u2);
                Phase = AggregationPhase.Masking;
                break;
            case (AggregationPhase.Masking, AggregationEvent.SurvivorSetFixed e) when e.Session == Session:
                _sum ??= new MaskedSum(Read(accumulator, e.Accumulator), Spec.Ring.WordBits);
                _u3 = e.Survivors;
                _u3Hash = HospitalSet.SurvivorsHash(Session, _u3);
                _released = _u2.ToDictionary(owner => owner, _ => 0);
                Phase = AggregationPhase.Agreeing;
                break;
            default:
                throw new InvalidOperationException(
                    $"A session that is {Phase} cannot follow {@event.GetType().Name}.");
        }
        _broadcast = null;
    }

    private byte[] Read(Stream? blob, Digest expected)
    {
        var bytes = new byte[Spec.Ring.Bytes];
        if (blob is null || blob.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) != bytes.Length
            || blob.ReadByte() != -1 || Digest.Of(bytes) != expected)
            throw new FaultException(ExitCode.Failed, new Fault(
                FaultNumber.BlobDamaged, "The stored sum of masked updates is not the one that was journaled.",
                $"round {Spec.Round} attempt {Spec.Attempt}", "Restore the blob, or start the next attempt."));
        return bytes;
    }

    private SessionDecision.Accepted Commit(AggregationEvent @event)
    {
        Apply(@event, null);
        return new SessionDecision.Accepted([@event]);
    }

    private SessionDecision? TooFew(int count, int needed, string did)
    {
        if (count >= needed)
            return null;
        var missing = _dropouts.Select(dropout => dropout.Hospital).Union(Awaited).Order().ToImmutableArray();
        return Abort(new Refusal(AbortCode.TooFew, missing, $"{count} hospitals {did}, {needed} are needed"));
    }

    private void DropFrom(ImmutableArray<HospitalId> set, Func<HospitalId, bool> answered)
    {
        foreach (var hospital in set)
            if (!answered(hospital))
                _dropouts.Add(new Dropout(hospital, Phase,
                    _withdrawn.GetValueOrDefault(hospital, AbortCode.DeadlinePassed)));
    }

    private Roster1 Roster() => new Roster1(Session, _u1Adverts).SignedBy(_key);

    private Survivors SurvivorSet() => new Survivors(Session, _u3).SignedBy(_key);

    private UnmaskRequest Request() => new UnmaskRequest(Session, _u3Hash, SortedSignatures()).SignedBy(_key);

    private ImmutableArray<SurvivorSignature> SortedSignatures() =>
        [.. _signatures.OrderBy(pair => pair.Key).Select(pair => new SurvivorSignature(pair.Key, pair.Value))];

    /// <summary>Null after a restart, until everyone whose envelope belongs in it shared again.</summary>
    private Inbox? Inbox(HospitalId hospital)
    {
        var holder = _graph!.Rank(hospital);
        var envelopes = ImmutableArray.CreateBuilder<SealedShares>();
        foreach (var dealer in _graph.NeighbourRanks(holder))
        {
            if (!_sharers.ContainsKey(_u1[dealer]))
                continue;
            if (!_shares.TryGetValue(_u1[dealer], out var shares))
                return null;
            envelopes.Add(new SealedShares(
                _u1[dealer], shares.Envelopes[_graph.EnvelopeIndex(dealer, holder)].Envelope));
        }
        return new Inbox(Session, hospital, _u2, envelopes.ToImmutable()).SignedBy(_key);
    }

    /// <summary>
    /// The inbox. After a restart also: send your shares again, which others' inboxes need, and what you masked, if you
    /// did.
    /// </summary>
    private ImmutableArray<FromCoordinator> MaskingMessages(HospitalId hospital)
    {
        var messages = ImmutableArray.CreateBuilder<FromCoordinator>();
        if (!_shares.ContainsKey(hospital) && !Awaited.IsEmpty)
            messages.Add(_broadcast ??= Roster());
        if (Awaits(hospital))
            messages.Add(Inbox(hospital) is { } inbox ? inbox : new MaskedWanted(Session).SignedBy(_key));
        return messages.ToImmutable();
    }

    private IEnumerable<HospitalId> Owners(HospitalId holder) => _graph!.IsComplete
        ? _u2
        : _graph.Neighbours(holder).Where(owner => HospitalSet.Holds(_u2, owner));

    private bool Awaits(HospitalId hospital) =>
        HospitalSet.Holds(Members, hospital) && !_withdrawn.ContainsKey(hospital) && !(Phase switch
        {
            AggregationPhase.Advertising => _adverts.ContainsKey(hospital),
            AggregationPhase.Sharing => _shares.ContainsKey(hospital),
            AggregationPhase.Masking => _masked.ContainsKey(hospital),
            AggregationPhase.Agreeing => _signatures.ContainsKey(hospital),
            _ => _responses.ContainsKey(hospital),
        });

    private bool IsSigned(FromHospital message) =>
        _roster.KeyOf(message.Hospital)?.Verifies(message.Statement(), message.Signature) == true;

    private static SessionDecision Same(FromHospital before, FromHospital message) =>
        before.Statement() == message.Statement()
            ? SessionDecision.Accepted.Nothing
            : Refuse(AbortCode.Equivocation, message.Hospital,
                $"{message.Hospital} says two different things in one session");

    private static SessionDecision.Rejected Refuse(AbortCode code, HospitalId hospital, string sentence) =>
        new(Refusal.By(code, hospital, sentence), Ends: false);
}
