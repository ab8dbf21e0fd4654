using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;
using Inbox = FedActors.Core.Protocol.SecureAggregationProtocol.Inbox;

namespace FedActors.Actors;

/// <summary>
/// Carries one attempt's secure session: keys, shares, masked vectors, survivors, unmasking. Parent: RoundSupervisor,
/// which journals for it. Children: none. Holds one accumulator, the unfinished uploads of a small window and at most
/// 16 MiB of finished ones, which are added together; sees masked vectors and, at the end, their sum. Lives on a
/// dispatcher of its own: unmasking after dropouts is work.
/// </summary>
public sealed class SecureAggregator : ReceiveActor, IWithTimers
{
    // Pieces a hospital may have under way, and bytes of unfinished uploads for each hospital of the cohort.
    private const int CreditChunks = 16;
    private const long WindowBytesEach = 1 << 20;

    private sealed record PhaseOver(AggregationPhase Phase) : INoSerializationVerificationNeeded;

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _supervisor = Context.Parent;
    private readonly HubServices _hub;
    private readonly Dictionary<HospitalId, Upload> _uploads = [];
    private readonly Queue<Masked> _announced = new();
    private readonly Dictionary<HospitalId, AbortCode> _withdrawn = [];
    private readonly HashSet<HospitalId> _gotInbox = [];
    private AggregationSession _session = null!;
    private SupervisionProtocol.BeginSession _task = null!;
    private ImmutableHashSet<HospitalId> _absent = [];
    private SignedLedgerHead? _ahead;
    private bool _isWaitingForJournal;
    private int _dropoutsTold;
    private long _bytesReceived;

    public SecureAggregator(HubServices hub)
    {
        _hub = hub;
        Receive<SupervisionProtocol.BeginSession>(Begin);
        Receive<SupervisionProtocol.SessionDurable>(_ => Announce());
        Receive<SupervisionProtocol.OpenSum>(_ => Announce());
        Receive<SupervisionProtocol.GiveUp>(message =>
        {
            _absent = _absent.Add(message.Hospital);
            Step();
        });
        Receive<Masked>(OnMasked);
        Receive<MaskedChunk>(OnChunk);
        Receive<FromHospital>(message =>
        {
            var decision = _session.Receive(message);
            if (decision is SessionDecision.Accepted && message is Withdrawal withdrawal)
            {
                _withdrawn[withdrawal.Hospital] = withdrawal.Code;
                if (withdrawal.Ledger is { } ahead)
                {
                    _ahead = ahead;
                    _supervisor.Tell(new SupervisionProtocol.LedgersShown(_task.Id, [ahead]));
                }
            }
            Heed(decision);
            if (decision is SessionDecision.Accepted)
                Follow(message);
            Step();
        });
        Receive<PhaseOver>(over =>
        {
            if (over.Phase == _session.Phase && !_isWaitingForJournal)
                Carry(_session.DeadlinePassed());
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(HubServices hub) =>
        Akka.Actor.Props.Create<SecureAggregator>(hub).WithDispatcher("fedactors.aggregation-dispatcher");

    /// <summary>What an open sum says.</summary>
    internal static SupervisionProtocol.ISupervisionMessage Outcome(
        SupervisionProtocol.BeginSession task, ReadOnlySpan<byte> residues, int survivors, Digest hash) =>
        RoundCode.Of(task.Spec).Decode(residues, survivors) is { } decoded
            ? new SupervisionProtocol.SumOpened(task.Id, decoded, hash)
            : new SupervisionProtocol.SumRefused(
                task.Id, FaultNumber.SecaggBadSum, "The open sum contradicts itself.");

    protected override void PostStop()
    {
        foreach (var upload in _uploads.Values)
            upload.Dispose();
    }

    private void Begin(SupervisionProtocol.BeginSession task)
    {
        _task = task;
        _absent = [.. task.Spec.Cohort.Except(task.Trained)];
        var (key, roster) = (_hub.Identity!.Key, _hub.Identity.Roster);
        try
        {
            using var accumulator = new MemoryStream([.. task.Accumulator], writable: false);
            _session = AggregationSession.Resume(task.Spec, roster, key, task.Journal, accumulator, task.Ledgers);
        }
        catch (InvalidOperationException)
        {
            // The journal tells of a session under other keys: those of a hub that is gone.
            _supervisor.Tell(new SupervisionProtocol.SumRefused(_task.Id, FaultNumber.SecaggSecretsLost,
                "The session's keys did not survive a restart of the hub."));
            return;
        }
        Announce();
    }

    // Tells each hospital that is awaited what this phase asks of it, and how long there is.
    private void Announce()
    {
        _isWaitingForJournal = false;
        foreach (var hospital in Awaited.ToArray())
            Tell(hospital, _session.MessagesFor(hospital));
        var deadlines = _task.Spec.Deadlines;
        var time = _session.Phase switch
        {
            AggregationPhase.Advertising => deadlines.Keys,
            AggregationPhase.Sharing => deadlines.Shares,
            AggregationPhase.Masking => deadlines.Masked,
            _ => deadlines.Unmask,
        };
        Timers.StartSingleTimer(nameof(PhaseOver), new PhaseOver(_session.Phase), time);
        Step();
    }

    private void Tell(HospitalId hospital, ImmutableArray<FromCoordinator> messages)
    {
        foreach (var message in messages)
        {
            if (!_hub.Hospitals.TryTell(hospital, message, Self))
                _absent = _absent.Add(hospital);
        }
    }

    // Two answers make a question due that could not be asked when the phase began: a signature that came after the
    // quorum, and shares that a restarted hub had to ask for again.
    private void Follow(FromHospital message)
    {
        switch (_session.Phase, message)
        {
            case (AggregationPhase.Unmasking, Consistency):
                Tell(message.Hospital, _session.MessagesFor(message.Hospital));
                break;
            case (AggregationPhase.Masking, Shares):
                foreach (var hospital in Awaited.Where(hospital => !_gotInbox.Contains(hospital)).ToArray())
                {
                    if (_session.MessagesFor(hospital) is [Inbox] inbox)
                    {
                        _gotInbox.Add(hospital);
                        Tell(hospital, inbox);
                    }
                }
                break;
        }
    }

    private IEnumerable<HospitalId> Awaited => _session.Awaited.Where(hospital => !_absent.Contains(hospital));

    // Goes on as soon as everyone who can still answer has, or as many as the phase needs.
    private void Step()
    {
        if (_session is null || _isWaitingForJournal || _session.Phase >= AggregationPhase.Opened)
            return;
        if (_session.IsReady)
            Carry(_session.Advance());
        else if (!Awaited.Any())
            Carry(_session.DeadlinePassed());
    }

    private void Carry(SessionDecision decision)
    {
        Timers.Cancel(nameof(PhaseOver));
        TellDropouts();
        Heed(decision);
        switch (_session.Phase)
        {
            case AggregationPhase.Opened:
                Broadcast();
                var sum = _session.Sum!;
                var published = new RoundProtocol.SumPublished(_task.Id, [.. sum.Residues.Span]);
                foreach (var hospital in sum.Survivors)
                    _hub.Hospitals.TryTell(hospital, published, Self);
                _supervisor.Tell(Outcome(_task, sum.Residues.Span, sum.Survivors.Length, sum.Hash));
                return;
            case AggregationPhase.Aborted:
                Broadcast();
                _supervisor.Tell(Refused(_session.Aborted!));
                return;
        }
        var journal = decision is SessionDecision.Accepted accepted ? accepted.Journal : [];
        if (journal.IsEmpty)
        {
            Announce();
            return;
        }
        _isWaitingForJournal = true;
        foreach (var @event in journal)
        {
            _supervisor.Tell(@event is AggregationEvent.SurvivorSetFixed survivors
                ? new SupervisionProtocol.CollectionEnded(
                    _task.Id, survivors.Survivors, [.. _session.Accumulator.Span], survivors.Accumulator,
                    _bytesReceived)
                : new SupervisionProtocol.SessionAdvanced(_task.Id, @event));
        }
    }

    private void OnMasked(Masked message)
    {
        if (_uploads.ContainsKey(message.Hospital) || _announced.Any(other => other.Hospital == message.Hospital))
            return;
        _announced.Enqueue(message);
        BeginUploads();
    }

    private void BeginUploads()
    {
        var window = Math.Max(1, WindowBytesEach * _task.Spec.Cohort.Length / _task.Spec.Ring.Bytes);
        while (_uploads.Count < window && _announced.TryDequeue(out var message))
        {
            Heed(_session.Begin(message, spool: null, out var upload));
            if (upload is null)
                continue;
            _uploads.Add(message.Hospital, new Upload(upload));
            Grant(message.Hospital);
        }
    }

    private void OnChunk(MaskedChunk chunk)
    {
        if (!_uploads.TryGetValue(chunk.Hospital, out var upload))
            return;
        var decision = upload.Masked.Append(chunk);
        _bytesReceived += chunk.Bytes.Length;
        if (decision is SessionDecision.Rejected || upload.Masked.IsWhole)
        {
            Heed(upload.Masked.IsWhole ? _session.Add(upload.Masked) : decision);
            if (!upload.Masked.IsWhole)
                _absent = _absent.Add(chunk.Hospital);
            _uploads.Remove(chunk.Hospital);
            upload.Dispose();
            BeginUploads();
            Step();
        }
        else if (upload.Masked.NextChunk >= upload.GrantedUntil)
        {
            Grant(chunk.Hospital);
        }
    }

    private void Grant(HospitalId hospital)
    {
        var upload = _uploads[hospital];
        upload.GrantedUntil = upload.Masked.NextChunk + CreditChunks;
        _hub.Hospitals.TryTell(hospital,
            new RoundProtocol.UploadRequested(_task.Id, upload.Masked.Received, CreditChunks), Self);
    }

    private void Broadcast()
    {
        foreach (var hospital in _task.Spec.Cohort)
        {
            foreach (var message in _session.MessagesFor(hospital))
                _hub.Hospitals.TryTell(hospital, message, Self);
        }
    }

    private void TellDropouts()
    {
        var dropouts = _session.Dropouts;
        foreach (var (hospital, phase, reason) in dropouts.Skip(_dropoutsTold))
        {
            _supervisor.Tell(new SupervisionProtocol.HospitalOut(
                _task.Id, hospital,
                reason == AbortCode.DeadlinePassed ? DropReason.Silent : DropReason.Withdrew,
                reason == AbortCode.DeadlinePassed
                ? $"No answer while {phase}."
                : $"It left while {phase}: {reason}."));
        }
        _dropoutsTold = dropouts.Length;
    }

    private void Heed(SessionDecision decision)
    {
        // What comes late is part of every round: more signatures and shares than the quorum needs.
        if (decision is SessionDecision.Rejected { Why.Code: AbortCode.WrongPhase or AbortCode.DeadlinePassed } late)
            _log.Debug("Round {Round}: {Refusal}", _task.Id, late.Why);
        else if (decision is SessionDecision.Rejected rejected)
            _log.Warning("Round {Round}: {Refusal}", _task.Id, rejected.Why);
    }

    // Where too few are left because hospitals hold to "same model, same set", that is what a person must read, and who
    // is missing from the set that was opened before.
    private SupervisionProtocol.SumRefused Refused(Refusal why)
    {
        var conflict = _withdrawn.ContainsValue(AbortCode.LedgerConflict);
        if (_ahead is { } ahead && !conflict)
            return new SupervisionProtocol.SumRefused(_task.Id, FaultNumber.SecaggLedgerBehind,
                $"The privacy ledger of {ahead.Hospital} is behind record {ahead.Head.Sequence}, whose head it signed: "
                    + "it was restored, "
                    + $"replaced or lost, and the others mask nothing with it until its operator reconciles.");
        var sentence = conflict
            ? "The hospitals opened a sum for this very model before and will not open one over another "
                + "set, which would "
                + "show the difference. Missing this time: "
                + $"{string.Join(", ", _session.Dropouts.Select(dropout => dropout.Hospital))}."
            : $"{char.ToUpperInvariant(why.Sentence[0])}{why.Sentence[1..]}.";
        return new SupervisionProtocol.SumRefused(
            _task.Id, (FaultNumber)(5000 + (int)(conflict ? AbortCode.LedgerConflict : why.Code)), sentence);
    }

    private sealed class Upload(MaskedUpload masked) : IDisposable
    {
        public MaskedUpload Masked => masked;

        public int GrantedUntil { get; set; }

        public void Dispose() => masked.Dispose();
    }
}
