using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;

namespace FedActors.Actors;

/// <summary>
/// Adds one attempt's plain updates into one running sum, for jobs that ask for no secure one. Parent: RoundSupervisor.
/// Children: none. Holds the sum, one piece of every unfinished upload, and the uploads of a small window; never a list of updates.
/// </summary>
public sealed class PlainAggregator : ReceiveActor
{
    // In bytes, of uploads that were given credit at the same time: what an unfinished upload can cost in memory.
    private const long WindowBytes = 64L << 20;
    private const int CreditChunks = 16;

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IHospitalDirectory _hospitals;
    private readonly IActorRef _supervisor = Context.Parent;
    private readonly Queue<HospitalId> _waiting = new();
    private readonly Dictionary<HospitalId, long> _granted = [];
    private SupervisionProtocol.BeginCollecting? _task;
    private UploadCollection? _uploads;
    private bool _ended;

    public PlainAggregator(IHospitalDirectory hospitals)
    {
        _hospitals = hospitals;
        Receive<SupervisionProtocol.BeginCollecting>(Begin);
        Receive<RoundProtocol.UpdateChunk>(Take);
        Receive<RoundProtocol.Declined>(_supervisor.Forward);
        Receive<SupervisionProtocol.GiveUp>(message =>
        {
            _uploads?.GiveUp(message.Hospital);
            Release(message.Hospital);
            EndIfSettled();
        });
        Receive<SupervisionProtocol.EndCollecting>(_ => End());
        Receive<SupervisionProtocol.OpenSum>(Open);
    }

    public static Props Props(IHospitalDirectory hospitals) => Akka.Actor.Props.Create<PlainAggregator>(hospitals);

    private void Begin(SupervisionProtocol.BeginCollecting task)
    {
        _task = task;
        _uploads = new UploadCollection(task.Code.RingBits, task.Code.Bytes, task.Offer.Cohort);
        foreach (var hospital in task.Offer.Cohort)
        {
            if (!_hospitals.TryTell(hospital, task.Offer, Self))
                _supervisor.Tell(SupervisionProtocol.HospitalOut.NotAttached(task.Id, hospital));
        }
    }

    private void Take(RoundProtocol.UpdateChunk chunk)
    {
        if (_uploads is null || _ended || chunk.Id != _task!.Id)
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
                _log.Warning("Round {Round}: the update of {Hospital} is refused: {Reason}", chunk.Id, chunk.Hospital, refused.Reason);
                _supervisor.Tell(new SupervisionProtocol.HospitalOut(chunk.Id, chunk.Hospital, DropReason.Malformed, refused.Reason));
                Release(chunk.Hospital);
                EndIfSettled();
                break;
        }
    }

    private void Release(HospitalId hospital)
    {
        if (_granted.Remove(hospital))
            GrantWaiting();
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
        if (_ended || _uploads is null)
            return;
        _ended = true;
        var sum = ImmutableArray.Create(_uploads.Sum);
        _supervisor.Tell(new SupervisionProtocol.CollectionEnded(
            _task!.Id, [.. _uploads.Complete], sum, Digest.Of(sum.AsSpan()), _uploads.BytesReceived));
    }

    private void Open(SupervisionProtocol.OpenSum message) =>
        _supervisor.Tell(message.Code.Decode(message.Accumulator.AsSpan(), message.Survivors.Length) is { } sum
            ? new SupervisionProtocol.SumOpened(message.Id, sum, Digest.Of(message.Accumulator.AsSpan()))
            : new SupervisionProtocol.SumRefused(message.Id, FaultNumber.SumContradicts, $"The running sum does not hold {message.Survivors.Length} updates."));
}
