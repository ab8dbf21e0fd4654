using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using FedActors.Actors.Hosting;
using FedActors.Core.Identity;
using FedActors.Core.Participation;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors;

/// <summary>
/// One hospital: decides about offers, trains behind its own firewall, and keeps its encoded update until the hub's
/// receipt. Parent: the site. Children: its LocalTrainer. Persistence id: <c>hospital-{id}</c>. With plain sums and no
/// privacy there is nothing that it must not forget, and it writes nothing.
/// </summary>
public sealed class HospitalAgent : ReceivePersistentActor
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HospitalSite _site;
    private readonly ModelCache _models;
    private readonly IActorRef _trainer;
    private ParticipationState _state;
    private IActorRef _supervisor = ActorRefs.Nobody;
    private IActorRef _aggregator = ActorRefs.Nobody;
    private RoundProtocol.UploadRequested? _requested;
    private RoundProtocol.Declined? _declined;
    private ImmutableArray<byte> _update = [];
    private Digest _content;

    /// <param name="journalPlugin">Where its events go: empty for the configured journal.</param>
    public HospitalAgent(HospitalSite site, ModelCache models, string journalPlugin)
    {
        (_site, _models) = (site, models);
        JournalPluginId = journalPlugin;
        _state = ParticipationState.Of(site.Hospital);
        _trainer = Context.ActorOf(LocalTrainer.Props(site), "trainer");
        Command<RoundProtocol.RoundOffered>(Answer);
        Command<LocalTrainer.Trained>(OnTrained);
        Command<LocalTrainer.Diverged>(diverged => Decline(diverged.Id, DropReason.Diverged, "Its training left the finite numbers."));
        Command<RoundProtocol.UploadRequested>(request =>
        {
            (_requested, _aggregator) = (request, Sender);
            Upload();
        });
        Command<RoundProtocol.RoundClosed>(Close);
    }

    public override string PersistenceId => $"hospital-{_site.Hospital}";

    public static Props Props(HospitalSite site, ModelCache models, string journalPlugin = "") =>
        Akka.Actor.Props.Create<HospitalAgent>(site, models, journalPlugin);

    private void Answer(RoundProtocol.RoundOffered offer)
    {
        var known = _models.TryGet(offer.Model, out var model);
        var answer = _state.Answer(offer, new HospitalFacts(_site.Patients.Rows, known));
        if (answer is not OfferAnswer.Stale)
            _supervisor = Sender;
        switch (answer)
        {
            case OfferAnswer.Train:
                _state = _state.Begin(offer.Id);
                (_update, _declined) = ([], null);
                _trainer.Tell(new LocalTrainer.Train(offer, model!.Parameters));
                break;
            case OfferAnswer.Decline decline:
                Decline(offer.Id, decline.Reason, decline.Detail);
                break;
            case OfferAnswer.Known { Phase: ParticipationPhase.Declined } when _declined is not null:
                Sender.Tell(_declined);
                break;
            case OfferAnswer.Stale stale:
                _log.Warning("{Hospital} does not answer an offer: {Reason}", _site.Hospital, stale.Reason);
                break;
        }
    }

    private void OnTrained(LocalTrainer.Trained trained)
    {
        if (trained.Id != _state.Round || _state.Phase != ParticipationPhase.Training)
            return;
        _state = _state.Ready();
        (_update, _content) = (trained.Update, Digest.Of(trained.Update.AsSpan()));
        Upload();
    }

    // Sends what was asked for as soon as both are there: the request and the update.
    private void Upload()
    {
        if (_requested is not { } request || request.Id != _state.Round || _state.Phase != ParticipationPhase.Ready)
            return;
        _requested = null;
        var offset = Math.Max(0, request.FromOffset);
        for (var sent = 0; sent < request.Credit && offset < _update.Length; sent++)
        {
            var length = (int)Math.Min(RoundProtocol.ChunkBytes, _update.Length - offset);
            var bytes = length == _update.Length ? _update : ImmutableArray.Create(_update, (int)offset, length);
            _aggregator.Tell(new RoundProtocol.UpdateChunk(request.Id, _site.Hospital, offset, _update.Length, _content, bytes));
            offset += length;
        }
    }

    private void Decline(RoundId id, DropReason reason, string detail)
    {
        _state = _state.Decline(id);
        _declined = new RoundProtocol.Declined(id, _site.Hospital, reason, detail);
        _supervisor.Tell(_declined);
    }

    private void Close(RoundProtocol.RoundClosed closed)
    {
        if (closed.Id != _state.Round)
            return;
        _state = _state.Close(closed.Id);
        (_update, _declined, _requested) = ([], null, null);
    }
}
