using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;

namespace FedActors.Actors;

/// <summary>
/// Adds one attempt's plain updates into one running sum, for jobs that ask for no secure one. Parent: RoundSupervisor.
/// Children: none. Holds the sum, one piece of every unfinished upload, and the uploads of a small window; never a list
/// of updates, but where a robust rule must compare them: then they lie in memory up to a bound, and beyond it in a
/// file that goes with the actor.
/// </summary>
public sealed class PlainAggregator : ReceiveActor
{
    // In bytes, of uploads that were given credit at the same time: what an unfinished upload can cost in memory.
    private const long WindowBytes = 32L << 20;
    private const int CreditChunks = 16;

    // One trains on each processor while the update of one more is added.
    internal static readonly int LeastAtOnce = Environment.ProcessorCount + 1;

    // In updates: who trains holds the weights and its numbers in binary64, the encoded update, and here the pieces
    // that came.
    private const int MemoryOfOne = 6;

    // Single updates beyond this are kept in a file.
    private const long RobustMemoryBytes = 512L << 20;

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IHospitalDirectory _hospitals;
    private readonly IActorRef _supervisor = Context.Parent;
    private readonly Queue<HospitalId> _waiting = new();
    private readonly Dictionary<HospitalId, long> _granted = [];

    // Hospitals of one process share its memory: each is offered the round when another's update is in, which is its
    // credit.
    private readonly Queue<HospitalId> _notOffered = new();
    private bool _isWindowed;
    private RoundProtocol.RoundClosed? _receipt;
    private SupervisionProtocol.BeginCollecting? _task;
    private UploadCollection? _uploads;
    private RobustCollection? _robust;

    public PlainAggregator(IHospitalDirectory hospitals)
    {
        _hospitals = hospitals;
        Receive<SupervisionProtocol.BeginCollecting>(Begin);
        Receive<RoundProtocol.UpdateChunk>(Take);
        Receive<RoundProtocol.Declined>(_supervisor.Forward);
        Receive<SupervisionProtocol.GiveUp>(message =>
        {
            if (_uploads?.GiveUp(message.Hospital) == true)
                Release(message.Hospital);
            EndIfSettled();
        });
        Receive<SupervisionProtocol.EndCollecting>(_ => End());
        Receive<SupervisionProtocol.OpenSum>(Open);
    }

    /// <param name="isRobust">Comparing updates is work, which is done where secure sums are opened.</param>
    public static Props Props(IHospitalDirectory hospitals, bool isRobust = false)
    {
        var props = Akka.Actor.Props.Create<PlainAggregator>(hospitals);
        return isRobust ? props.WithDispatcher("fedactors.aggregation-dispatcher") : props;
    }

    protected override void PostStop() => _robust?.Dispose();

    private void Begin(SupervisionProtocol.BeginCollecting task)
    {
        _task = task;
        var cohort = task.Offer.Cohort;
        IUpdateSink sink = task.Offer.Plan.Training.Robust is { } plan
            ? _robust = new RobustCollection(plan, RoundCode.SingleOf(task.Code), SpoolFor(task))
            : new ModularSum(task.Code.RingBits, task.Code.Bytes);
        _uploads = new UploadCollection(sink, cohort);
        var atOnce = Math.Max(LeastAtOnce, _hospitals.UpdateMemoryBytes / (MemoryOfOne * sink.UpdateBytes));
        _isWindowed = atOnce < cohort.Length;
        foreach (var hospital in cohort)
            _notOffered.Enqueue(hospital);
        for (var offered = 0; offered < atOnce && _notOffered.Count > 0; offered++)
            OfferNext();
    }

    private void OfferNext()
    {
        while (_notOffered.TryDequeue(out var hospital))
        {
            if (!_uploads!.Expects(hospital))
                continue;
            if (_hospitals.TryTell(hospital, _task!.Offer.To(hospital, _task.LastIncluded), Self))
                return;
            _uploads.GiveUp(hospital);
            _supervisor.Tell(SupervisionProtocol.HospitalOut.NotAttached(_task.Id, hospital));
        }
    }

    private static FileStream? SpoolFor(SupervisionProtocol.BeginCollecting task) =>
        (long)RoundCode.SingleOf(task.Code).Bytes * task.Offer.Cohort.Length <= RobustMemoryBytes
            ? null
            : new FileStream(Path.GetTempFileName(), new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                Options = FileOptions.DeleteOnClose,
            });

    private void Take(RoundProtocol.UpdateChunk chunk)
    {
        if (_uploads is null || chunk.Id != _task!.Id || IsBehind(chunk))
            return;
        switch (_uploads.Accept(chunk))
        {
            case UploadStep.Continues step when _granted.TryGetValue(chunk.Hospital, out var until):
                if (step.NextOffset >= until)
                    Grant(chunk.Hospital, step.NextOffset);
                break;
            case UploadStep.Continues:
                _waiting.Enqueue(chunk.Hospital);
                GrantWaiting();
                break;
            case UploadStep.Completed:
                Release(chunk.Hospital);
                EndIfSettled();
                break;
            case UploadStep.Refused refused:
                _log.Warning("Round {Round}: the update of {Hospital} is refused: {Reason}", chunk.Id, chunk.Hospital,
                    refused.Reason);
                _supervisor.Tell(
                    new SupervisionProtocol.HospitalOut(chunk.Id, chunk.Hospital, DropReason.Malformed,
                        refused.Reason));
                Release(chunk.Hospital);
                EndIfSettled();
                break;
        }
    }

    // An update whose noise was charged to an old or empty ledger is not taken; the head that was shown is remembered.
    private bool IsBehind(RoundProtocol.UpdateChunk chunk)
    {
        var (offer, hospital) = (_task!.Offer, chunk.Hospital);
        if (offer.Plan.Privacy.Mode == PrivacyMode.Off || chunk.Offset > 0 || !_uploads!.Expects(hospital))
            return false;
        if (LedgerWitness.Empty.Remember(offer.Ledgers).Against(hospital, chunk.Ledger) is { } ahead)
        {
            _uploads.GiveUp(hospital);
            _supervisor.Tell(new SupervisionProtocol.HospitalOut(chunk.Id, hospital, DropReason.PrivacyRefused,
                new PrivacyRefusal.LedgerRollback(chunk.Ledger?.Head, ahead.Head).ToString()));
            Release(hospital);
            EndIfSettled();
            return true;
        }
        if (chunk.Ledger is { } head)
            _supervisor.Tell(new SupervisionProtocol.LedgersShown(chunk.Id, [head]));
        return false;
    }

    private void Release(HospitalId hospital)
    {
        if (_granted.Remove(hospital))
            GrantWaiting();
        if (!_isWindowed)
            return;
        // In this order whoever is next finds the memory that the receipt gives back, whether a dispatcher's threads
        // run the newest task first or the oldest.
        OfferNext();
        _hospitals.TryTell(hospital, _receipt ??= new RoundProtocol.RoundClosed(_task!.Id, null), Self);
    }

    private void GrantWaiting()
    {
        var window = Math.Max(2, WindowBytes / _task!.Code.Bytes);
        while (_granted.Count < window && _waiting.TryDequeue(out var hospital))
        {
            if (_uploads!.Expects(hospital))
                Grant(hospital, RoundProtocol.ChunkBytes);
        }
    }

    private void Grant(HospitalId hospital, long from)
    {
        _granted[hospital] = from + (long)CreditChunks * RoundProtocol.ChunkBytes;
        _hospitals.TryTell(hospital, new RoundProtocol.UploadRequested(_task!.Id, from, CreditChunks), Self);
    }

    private void EndIfSettled()
    {
        if (_uploads is { IsSettled: true })
            End();
    }

    private void End()
    {
        if (_uploads is not { } uploads)
            return;
        var sum = uploads.Sum;
        _supervisor.Tell(new SupervisionProtocol.CollectionEnded(
            _task!.Id, [.. uploads.Complete], sum, Digest.Of(sum.AsSpan()), uploads.BytesReceived));
        // Nobody adds to the sum any more, and what was collected need not lie beside the next model.
        _robust?.Dispose();
        (_uploads, _robust) = (null, null);
    }

    private void Open(SupervisionProtocol.OpenSum message)
    {
        var bytes = message.Accumulator.AsSpan();
        var parties = message.Survivors.Length;
        var sum = message.IsRobust ? RoundCode.SingleOf(message.Code).Read(bytes, parties)
            : message.Code.Decode(bytes, parties);
        _supervisor.Tell(sum is not null
            ? new SupervisionProtocol.SumOpened(message.Id, sum, Digest.Of(bytes))
            : new SupervisionProtocol.SumRefused(message.Id, FaultNumber.SumContradicts,
                $"The running sum does not hold {parties} updates."));
    }
}
