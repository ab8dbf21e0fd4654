using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using FedActors.Core.Training;
using static FedActors.Core.Protocol.SecureAggregationProtocol;
using Inbox = FedActors.Core.Protocol.SecureAggregationProtocol.Inbox;

namespace FedActors.Actors;

/// <summary>
/// One hospital: decides about offers, trains behind its own firewall, masks its update, and answers each question of a
/// secure session once. Parent: the site. Children: its LocalTrainer. Persistence id: <c>hospital-{id}</c>. Secrets
/// live in memory only; after a restart it repeats what it stored or counts as a dropout.
/// </summary>
public sealed class HospitalAgent : JournalingActor<MaskingEvent>
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HospitalSite _site;
    private readonly ModelCache _models;
    private readonly IActorRef _trainer;
    private MaskingLedger _ledger = MaskingLedger.Empty;
    private ParticipationState _state;
    private RoundProtocol.RoundOffered? _offer;
    private RoundProtocol.Declined? _declined;
    private IActorRef _supervisor = ActorRefs.Nobody;
    private IActorRef _aggregator = ActorRefs.Nobody;
    private RoundProtocol.UploadRequested? _requested;
    private HospitalMasking? _masking;
    private Digest _session;
    private bool _isWorking;                                                    // the trainer has session and update
    private byte[] _update = [];                                                // encoded; masked in place once sealed
    private Digest _content;
    private (int Round, Digest Sum)? _lastSum;
    private int _survivors;
    private (int Round, Digest Model)? _expected;
    private bool _isFollowing;

    /// <param name="journalPlugin">Where its events go: empty for the configured journal.</param>
    public HospitalAgent(HospitalSite site, ModelCache models, string journalPlugin)
    {
        (_site, _models) = (site, models);
        JournalPluginId = journalPlugin;
        _state = ParticipationState.Of(site.Hospital);
        _trainer = Context.ActorOf(LocalTrainer.Props(site), "trainer");
        Command<RoundProtocol.RoundOffered>(Answer);
        Command<LocalTrainer.Trained>(OnTrained);
        Command<LocalTrainer.Diverged>(diverged => Decline(diverged.Id, DropReason.Diverged,
            "Its training left the finite numbers: lower job.training.learning-rate or job.training.local-steps, or "
                + "scale the features."));
        Command<LocalTrainer.Refused>(refused =>
            Decline(refused.Id, DropReason.PrivacyRefused, refused.Reason.ToString()));
        Command<LocalTrainer.StateNotKept>(failed =>
        {
            _log.Error("{Hospital} cannot keep its state of round {Round}: {Reason}", _site.Hospital, failed.Id,
                failed.Reason);
            Decline(failed.Id, DropReason.StateNotKept, "What it must remember of this round could not be written.");
        });
        Command<RoundProtocol.UploadRequested>(OnUploadRequested);
        Command<FromCoordinator>(OnSessionMessage);
        Command<LocalTrainer.Stepped>(OnStepped);
        Command<LocalTrainer.NotKept>(failed =>
        {
            _isWorking = false;
            failed.Masking.Dispose();
            OnWriteRefused(failed.Reason);
            Context.Stop(Self);
        });
        Command<RoundProtocol.SumPublished>(OnSumPublished);
        Command<LocalTrainer.Followed>(OnFollowed);
        Command<RoundProtocol.RoundClosed>(Close);
    }

    public override string PersistenceId => $"hospital-{_site.Hospital}";

    public static Props Props(HospitalSite site, ModelCache models, string journalPlugin = "") =>
        Akka.Actor.Props.Create<HospitalAgent>(site, models, journalPlugin);

    protected override void Apply(MaskingEvent @event) => _ledger = _ledger.Apply(@event);

    protected override void OnWriteRefused(string reason)
    {
        // Nothing of what was not written leaves; to the round this hospital is gone, and nobody need wait for it.
        _log.Error("The journal of {Hospital} refused a write: {Reason}", _site.Hospital, reason);
        if (_masking is { Phase: < MaskingPhase.Ended } masking)
            _aggregator.Tell(masking.Withdraw(AbortCode.SecretsLost));
        EndSession();
    }

    protected override void PostStop()
    {
        EndSession();
        base.PostStop();
    }

    // What the sum says is the next model, whatever the hub will offer: computed where training is, before any new
    // offer.
    private void OnSumPublished(RoundProtocol.SumPublished published)
    {
        if (published.Id != _offer?.Id || _lastSum is not { } last || last.Round != published.Id.Round
            || !_models.TryGet(_offer.Model, out var model))
            return;
        _isFollowing = true;
        _trainer.Tell(new LocalTrainer.Follow(_offer, model, published.Residues, last.Sum, _survivors, _models));
    }

    private void OnFollowed(LocalTrainer.Followed followed)
    {
        (_isFollowing, _expected) = (false, followed.Next is { } next ? (followed.Id.Round + 1, next) : null);
        Stash.UnstashAll();
    }

    private void Answer(RoundProtocol.RoundOffered offer)
    {
        if (_isFollowing)
        {
            Stash.Stash();
            return;
        }
        if (_expected is { } expected && expected.Round == offer.Id.Round && expected.Model != offer.Model)
        {
            _supervisor = Sender;
            Decline(offer.Id, DropReason.Refused,
                "The model does not follow from the last sum: this hospital computed another.");
            return;
        }
        var known = _models.TryGet(offer.Model, out var model);
        var answer = _state.Answer(offer, FactsFor(offer, known));
        if (answer is not OfferAnswer.Stale)
            _supervisor = Sender;
        if (!offer.Plan.SecureAggregation.Enabled)
            _aggregator = _supervisor;
        switch (answer)
        {
            case OfferAnswer.Train:
                EndSession();
                _state = _state.Begin(offer.Id);
                (_offer, _declined) = (offer, null);
                _trainer.Tell(new LocalTrainer.Train(offer, model!));
                break;
            case OfferAnswer.Decline decline:
                Decline(offer.Id, decline.Reason, decline.Detail);
                break;
            case OfferAnswer.Known { Phase: ParticipationPhase.Declined } when _declined is not null:
                Sender.Tell(_declined);
                break;
            case OfferAnswer.Known { Phase: ParticipationPhase.Ready } when IsSecure:
                Sender.Tell(new RoundProtocol.UpdateReady(offer.Id, _site.Hospital));
                break;
            case OfferAnswer.Known { Phase: ParticipationPhase.Ready }:
                UploadPlain(fromOffset: 0, credit: 1);
                break;
            case OfferAnswer.Stale stale:
                _log.Warning("{Hospital} does not answer an offer: {Reason}", _site.Hospital, stale.Reason);
                break;
        }
    }

    private HospitalFacts FactsFor(RoundProtocol.RoundOffered offer, bool hasModel)
    {
        var facts = new HospitalFacts(
            _site.Patients.Rows, hasModel, _site.Security is not null, _site.Security is { RequiresSecureSums: true },
            _site.Privacy?.Policy,
            CanKeep: _site.Own is not null, Misfit: ModelRules.Misfit(offer.Plan.Model, _site.Patients));
        // Under differential privacy the public figure stands for the true one, in the decision too.
        return offer.Plan.Privacy.Mode == PrivacyMode.Off || _site.Privacy is not { } privacy
            ? facts
            : facts with
            {
                Patients = privacy.Policy.NominalPatients,
                Terms = JobPrivacy.TermsOrNull(offer.Plan, offer.Cohort.Length),
                PatientId = privacy.PatientId,
            };
    }

    private void OnTrained(LocalTrainer.Trained trained)
    {
        if (trained.Id != _state.Round || _state.Phase != ParticipationPhase.Training)
            return;
        _state = _state.Ready();
        _update = trained.Update;
        if (IsSecure)
        {
            _supervisor.Tell(new RoundProtocol.UpdateReady(trained.Id, _site.Hospital));
            return;
        }
        _content = _update.Length > RoundProtocol.ChunkBytes ? Digest.Of(_update) : default;
        UploadPlain(fromOffset: 0, credit: 1);
    }

    private void OnUploadRequested(RoundProtocol.UploadRequested request)
    {
        _aggregator = Sender;
        if (IsSecure || _offer is null)
        {
            _requested = request;
            UploadMasked();
        }
        else if (request.Id == _offer.Id && _state.Phase == ParticipationPhase.Ready)
        {
            UploadPlain(request.FromOffset, request.Credit);
        }
    }

    // For jobs with plain sums only.
    private void UploadPlain(long fromOffset, int credit)
    {
        var offset = (int)Math.Clamp(fromOffset, 0, _update.Length);
        for (var sent = 0; sent < credit && offset < _update.Length; sent++)
        {
            var piece = _update.AsMemory(offset, Math.Min(RoundProtocol.ChunkBytes, _update.Length - offset));
            _aggregator.Tell(new RoundProtocol.UpdateChunk(
                _offer!.Id, _site.Hospital, offset, _update.Length, _content, ByteString.Own(piece),
                offset == 0 ? LedgerHead() : null));
            offset += piece.Length;
        }
    }

    // Where this hospital's ledger stands, for hub and peers to witness: what is about to leave is charged in it.
    private SignedLedgerHead? LedgerHead() =>
        _offer is { Plan.Privacy.Mode: not PrivacyMode.Off }
        && (_site.Privacy?.Ledger, _site.Security) is ({ } file, { } security)
            ? SignedLedgerHead.By(security.Key, _site.Hospital, file.Ledger.Scope, file.Ledger.Head)
            : null;

    // Only what the session has sealed: it lies in the spool, and MaskedReady is durable.
    private void UploadMasked()
    {
        if (_requested is not { } request || _masking is not { Phase: >= MaskingPhase.Masked and < MaskingPhase.Ended }
            || _isWorking)
            return;
        _requested = null;
        var index = (int)Math.Max(0, request.FromOffset) / ChunkSize;
        foreach (var piece in _site.Security!.Spool.Read(_session, index * ChunkSize, ChunkSize, request.Credit))
            _aggregator.Tell(new MaskedChunk(_session, _site.Hospital, index++, piece));
    }

    private void OnSessionMessage(FromCoordinator message)
    {
        if (_site.Security is not { } security)
            return;
        if (_isWorking)
        {
            Stash.Stash();
            return;
        }
        _aggregator = Sender;
        // One that is over may still be asked to repeat what it stored: the hub may have restarted before it committed.
        if (message.Session != _session || _masking is null or { Phase: MaskingPhase.Ended })
        {
            if (!Enter(message, security))
                return;
        }
        switch (message)
        {
            case RoundOpen open:
                CarryOut(_masking!.Receive(open, new LocalView(
                    _offer!.Model, _offer.PlanHash, _lastSum is { } last
                    && last.Round == open.Spec.Round - 1 ? last.Sum : null,
                    LedgerHead())));
                break;
            // Two steps are work: they are done where training is done, and until one is back nobody else touches the
            // session.
            case Roster1 roster when _masking!.Phase == MaskingPhase.Advertised:
                _isWorking = true;
                _trainer.Tell(new LocalTrainer.Share(_masking, roster, _update));
                break;
            case Roster1 roster:
                CarryOut(_masking!.Receive(roster));
                break;
            case Inbox inbox when _masking!.Phase == MaskingPhase.Shared:
                _isWorking = true;
                _trainer.Tell(new LocalTrainer.Seal(_session, _masking, inbox, _update, security.Spool));
                break;
            case Inbox inbox:
                CarryOut(_masking!.Receive(inbox, []));
                break;
            case MaskedWanted wanted:
                CarryOut(_masking!.Receive(wanted));
                break;
            case Survivors survivors:
                CarryOut(_masking!.Receive(survivors));
                break;
            case UnmaskRequest request:
                CarryOut(_masking!.Receive(request), IfLost: request);
                break;
            case Result result:
                if (_masking!.Receive(result) is MaskingDecision.Accepted)
                    (_lastSum, _survivors) = (((int)_masking.Spec!.Round, result.Sum), result.Hospitals.Length);
                break;
            case Abort abort:
                _masking!.Receive(abort);
                break;
        }
    }

    // Begins the session that an invitation opens, or finds the one the journal knows; else this hospital cannot
    // follow, and says so, that nobody waits for it.
    private bool Enter(FromCoordinator message, SiteSecurity security)
    {
        if (
            HospitalMasking.Recover(_site.Hospital, security.Key, security.Roster, security.Policy, _ledger,
                message.Session) is { } recovered)
        {
            _masking?.Dispose();
            (_masking, _session) = (recovered, message.Session);
            if (message is RoundOpen or Roster1)
                return Leave(message, AbortCode.SecretsLost);
            return true;
        }
        if (message is not RoundOpen open)
            return message is not (Result or Abort) && Leave(message, AbortCode.SecretsLost);
        if (_state.Phase != ParticipationPhase.Ready || !IsWhatWasOffered(open.Spec, security))
            return Leave(message, AbortCode.PlanMismatch);
        _masking?.Dispose();
        _masking = new HospitalMasking(
            _site.Hospital, security.Key, security.Roster, security.Policy, security.Random, _ledger, security.Peers);
        _session = message.Session;
        return true;
    }

    // The whole session follows from the offer this hospital trained for; the hub has no say in any of it.
    private bool IsWhatWasOffered(RoundSpec spec, SiteSecurity security)
    {
        if (_offer is not { } offer)
            return false;
        var code = CodeOf(offer);
        return RoundCode.SpecOf(offer.Plan, offer.Id, offer.PlanHash, offer.Model, spec.PreviousSum, offer.Cohort,
            security.Roster.Hash, code)
            .SessionId() == spec.SessionId();
    }

    private bool Leave(FromCoordinator message, AbortCode code)
    {
        var security = _site.Security!;
        if (security.Roster.Coordinator.Verifies(message.Statement(), message.Signature))
        {
            _log.Warning("{Hospital} cannot follow a session: {Code}", _site.Hospital, code);
            Sender.Tell(new Withdrawal(message.Session, _site.Hospital, code, _site.Hospital, Digest.Of([]))
                .SignedBy(security.Key));
        }
        return false;
    }

    private void OnStepped(LocalTrainer.Stepped stepped)
    {
        _isWorking = false;
        Stash.UnstashAll();
        if (ReferenceEquals(stepped.Masking, _masking))
        {
            _update = stepped.Update;
            CarryOut(stepped.Decision);
            return;
        }
        stepped.Masking.Dispose();
        UpdateBuffers.Return(stepped.Update);
    }

    // The three moves of every step: what the session decided is journaled, and only then said.
    private void CarryOut(MaskingDecision decision, FromCoordinator? IfLost = null)
    {
        switch (decision)
        {
            case MaskingDecision.Accepted accepted:
                Record(accepted.Journal, () =>
                {
                    foreach (var message in accepted.Send)
                        _aggregator.Tell(message);
                });
                break;
            case MaskingDecision.Rejected rejected:
                _log.Warning("{Hospital}: {Refusal}", _site.Hospital, rejected.Why);
                if (rejected.Send is not null)
                    _aggregator.Tell(rejected.Send);
                else if (IfLost is not null && rejected.Why.Code == AbortCode.SecretsLost)
                    Leave(IfLost, AbortCode.SecretsLost);
                break;
        }
    }

    private void Decline(RoundId id, DropReason reason, string detail)
    {
        EndSession();
        _state = _state.Decline(id);
        _declined = new RoundProtocol.Declined(id, _site.Hospital, reason, detail);
        _supervisor.Tell(_declined);
    }

    private void Close(RoundProtocol.RoundClosed closed)
    {
        if (closed.Id != _state.Round)
            return;
        if (_masking is not null)
        {
            _ledger = _ledger.Close(_session);
            _site.Security!.Spool.Remove(_session);
        }
        EndSession();
        _state = _state.Close(closed.Id);
        (_declined, _requested) = (null, null);
    }

    private void EndSession()
    {
        // While the trainer works, it owns session and update; both are wiped when it is done and finds itself alone.
        if (!_isWorking)
        {
            _masking?.Dispose();
            UpdateBuffers.Return(_update);
        }
        (_masking, _session, _update) = (null, default, []);
    }

    private bool IsSecure => _offer is { Plan.SecureAggregation.Enabled: true };

    private static FixedPointCode CodeOf(RoundProtocol.RoundOffered offer) => RoundCode.Of(
        offer.Plan, offer.Id.Round, offer.Cohort.Length,
        LocalTraining.UpdateLength(offer.Plan.Training, ModelCatalog.Create(offer.Plan.Model)));
}
