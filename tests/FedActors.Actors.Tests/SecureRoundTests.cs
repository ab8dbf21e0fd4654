using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using Akka.TestKit;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using FedActors.Core.Training;
using FedActors.Simulation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;
using Inbox = FedActors.Core.Protocol.SecureAggregationProtocol.Inbox;

namespace FedActors.Actors.Tests;

/// <summary>
/// One secure round of seven hospitals (quorum 5, so two may be missing) through the real actors, with lines that can
/// be cut and a journal that can fail.
/// </summary>
public sealed class SecureRoundTests : VirtualTimeTest
{
    private const int Hospitals = 7;
    private static readonly JobPlan Plan =
        Plans.Small(secure: true, patients: 105, minimum: 3, deadline: TimeSpan.FromMinutes(1));
    private static readonly HospitalSite[] Sites = Plans.Sites(Hospitals);
    private static readonly ImmutableArray<HospitalId> Cohort = [.. Sites.Select(site => site.Hospital)];
    private static readonly GlobalModel Model = GlobalModel.Of([0.1, -0.2, 0.3, 0, 0.5]);

    private readonly ConcurrentDictionary<Digest, ImmutableArray<byte>> _blobs = new();
    private readonly Lines _lines = new();
    private readonly ModelCache _models = new();
    private readonly ThrowawayConsortium _consortium = ThrowawayConsortium.Of(Cohort);
    private readonly Dictionary<HospitalId, MemorySpool> _spools =
        Cohort.ToDictionary(hospital => hospital, _ => new MemorySpool());
    private readonly Dictionary<HospitalId, IActorRef> _agents = [];
    private TestProbe _coordinator = null!;
    private IActorRef _supervisor = ActorRefs.Nobody;
    private RemoteNode? _aggregator;

    [SetUp]
    public void Attach()
    {
        _coordinator = CreateTestProbe("coordinator");
        _models.Add(Model);
        foreach (var hospital in Cohort)
            StartHospital(hospital);
    }

    [Test]
    public void Nobody_missing_the_sum_is_that_of_all_bit_for_bit()
    {
        Open();

        AssertSum(ExpectEnd(), Cohort);
    }

    private static readonly Type[] FirstMessageOfEachPhase =
        [typeof(RoundProtocol.RoundOffered), typeof(RoundOpen), typeof(Roster1), typeof(Inbox), typeof(Survivors),
            typeof(UnmaskRequest)];

    [Test]
    public void As_many_may_be_missing_in_any_phase_as_the_quorum_allows(
        [ValueSource(nameof(FirstMessageOfEachPhase))] Type phase, [Values(1, 2)] int missing)
    {
        _lines.Cut = (hospital, message) => Cohort.IndexOf(hospital) < missing && phase.IsInstanceOfType(message);
        Open();

        var ended = ExpectEnd();

        var unmasking = phase == typeof(Survivors) || phase == typeof(UnmaskRequest);
        AssertSum(ended, unmasking ? Cohort : Cohort[missing..]);
        Assert.That(ended.Dropped.Select(drop => drop.Hospital), Is.EqualTo(unmasking ? [] : Cohort[..missing]));
    }

    [Test]
    public void One_more_missing_and_there_is_no_sum_but_a_fault_that_says_so(
        [ValueSource(nameof(FirstMessageOfEachPhase))] Type phase)
    {
        _lines.Cut = (hospital, message) => Cohort.IndexOf(hospital) < 3 && phase.IsInstanceOfType(message);
        Open();

        var failed = _coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>(TimeSpan.FromSeconds(20));

        Assert.That(failed.Number, Is.EqualTo(FaultNumber.SecaggTooFew));
        _coordinator.ExpectNoMsg(TimeSpan.FromMilliseconds(20));
    }

    [Test]
    public void A_hospital_that_is_silent_is_dropped_at_the_end_of_the_phase()
    {
        _lines.Swallow = (hospital, message) => hospital == Cohort[6] && message is Roster1;
        Open();
        AwaitCondition(() => _lines.Sent.Count(sent => sent.Message is Roster1) == Hospitals, TimeSpan.FromSeconds(20));
        AdvanceWhenAllAreDone();

        var ended = ExpectEnd();

        AssertSum(ended, Cohort[..6]);
        Assert.That(ended.Dropped.Single(),
            Has.Property("Reason").EqualTo(DropReason.Silent).And.Property("Phase").EqualTo(RoundPhase.ShareKeys));
    }

    private static readonly (Type Event, Type FirstMessageAfter)[] HubEvents =
    [
        (typeof(RoundEvent.Opened), typeof(RoundProtocol.RoundOffered)),
        (typeof(RoundEvent.KeysFixed), typeof(Roster1)),
        (typeof(RoundEvent.SharesFixed), typeof(Inbox)),
        (typeof(RoundEvent.SurvivorSetFixed), typeof(Survivors)),
    ];

    [Test]
    public void A_hub_that_fails_before_an_event_is_durable_goes_on_to_the_same_sum([Range(0, 3)] int index)
    {
        Journal.FailWrites(HubEvents[index].Event.IsInstanceOfType, times: 1);
        Open();
        Watch(_supervisor);
        Assert.That(_coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>(TimeSpan.FromSeconds(20)).Number,
            Is.EqualTo(FaultNumber.JournalFailed));
        ExpectTerminated(_supervisor);

        Open();

        AssertSum(ExpectEnd(), Cohort);
    }

    [Test]
    public void A_hub_that_stops_after_an_event_is_durable_goes_on_to_the_same_sum([Range(0, 3)] int index)
    {
        var first = HubEvents[index].FirstMessageAfter;
        _lines.Swallow = (_, message) => first.IsInstanceOfType(message);
        Open();
        AwaitCondition(() => _lines.Sent.Any(sent => first.IsInstanceOfType(sent.Message)), TimeSpan.FromSeconds(20));
        _supervisor.GracefulStop(TimeSpan.FromSeconds(10)).Wait(TimeSpan.FromSeconds(10));
        _lines.Swallow = null;

        Open();

        AssertSum(ExpectEnd(), Cohort);
    }

    [Test]
    public void A_hub_that_stops_after_the_sum_is_open_opens_the_same_sum_again()
    {
        Open();
        var before = ExpectEnd();
        _supervisor.GracefulStop(TimeSpan.FromSeconds(10)).Wait(TimeSpan.FromSeconds(10));

        Open();

        // The hospitals repeat the very bytes they released; nobody is asked for anything new.
        Assert.That(ExpectEnd().SumHash, Is.EqualTo(before.SumHash));
    }

    [Test]
    public void An_aggregator_on_another_node_opens_the_same_sum_with_as_many_missing()
    {
        _aggregator = Aggregator(() => true);
        _lines.Cut = (hospital, message) => Cohort.IndexOf(hospital) < 2 && message is Inbox;
        Open();

        AssertSum(ExpectEnd(), Cohort[2..]);
    }

    private static readonly Type[] FirstMessageOfEachPhaseOfASession = FirstMessageOfEachPhase[1..];

    [Test]
    public void An_aggregator_that_is_lost_in_any_phase_is_replaced_within_the_attempt_and_the_sum_is_the_same(
        [ValueSource(nameof(FirstMessageOfEachPhaseOfASession))] Type first)
    {
        var isThere = true;
        _aggregator = Aggregator(() => isThere);
        _lines.Swallow = (_, message) => first.IsInstanceOfType(message);
        Open();
        AwaitCondition(() => _lines.Sent.Any(sent => first.IsInstanceOfType(sent.Message)), TimeSpan.FromSeconds(20));
        isThere = false;
        _lines.Swallow = null;

        Advance(AggregatorHost.Rhythm);

        AssertSum(ExpectEnd(), Cohort);
    }

    [Test]
    public void An_aggregator_that_never_answers_costs_its_time_and_no_more()
    {
        _aggregator = new RemoteNode(CreateTestProbe(), () => true);
        Open();
        AwaitCondition(() => _lines.Said.OfType<RoundProtocol.UpdateReady>().Count() == Hospitals,
            TimeSpan.FromSeconds(20));
        ((TestProbe)_aggregator.Host).ExpectMsg<LineProtocol.Hello>();

        for (var waited = TimeSpan.Zero; waited <= AggregatorHost.Patience; waited += AggregatorHost.Rhythm)
            Advance(AggregatorHost.Rhythm);

        AssertSum(ExpectEnd(), Cohort);
    }

    private static readonly (Type Event, bool IsInSum)[] HospitalEvents =
    [
        (typeof(MaskingEvent.MaskedReady), false),
        (typeof(MaskingEvent.SurvivorSetSigned), true),
        (typeof(MaskingEvent.SharesReleased), true),
    ];

    [Test]
    public void What_a_hospital_could_not_write_it_does_not_say_and_the_others_end_the_round([Range(0, 2)] int index)
    {
        var failing = Cohort[2];
        Journal.FailWrites(@event => HospitalEvents[index].Event.IsInstanceOfType(@event) && IsOf(failing, @event),
            times: 1);
        Watch(_agents[failing]);
        Open();
        ExpectTerminated(_agents[failing], TimeSpan.FromSeconds(20));
        AdvanceWhenAllAreDone();

        var ended = ExpectEnd();

        AssertSum(ended, HospitalEvents[index].IsInSum ? Cohort : Cohort.Remove(failing));
    }

    [Test]
    public void A_hospital_that_restarted_repeats_its_masked_bytes_and_signs_but_releases_nothing()
    {
        // It stops when the survivors are announced: masked, spooled and journaled, its secrets gone.
        var restarted = Cohort[4];
        _lines.Before = (hospital, message) =>
        {
            if (hospital != restarted || message is not Survivors)
                return;
            _lines.Before = null;
            _agents[restarted].GracefulStop(TimeSpan.FromSeconds(10)).Wait(TimeSpan.FromSeconds(10));
            StartHospital(restarted);
        };
        // Two others hear of the survivors at the second asking only: so the quorum waits for the one that restarted.
        var late = new ConcurrentDictionary<HospitalId, bool>();
        _lines.Swallow = (hospital, message) =>
            message is Survivors && Cohort.IndexOf(hospital) < 2 && late.TryAdd(hospital, true);
        Open();

        AssertSum(ExpectEnd(), Cohort);
        AwaitCondition(() => _lines.Said.Any(said => said is Withdrawal left && left.Hospital == restarted),
            TimeSpan.FromSeconds(20));
        Assert.That(_lines.Said.Any(said => said is Consistency consistency && consistency.Hospital == restarted),
            Is.True);
        Assert.That(_lines.Said.Any(said => said is UnmaskResponse response && response.Hospital == restarted),
            Is.False);
        Assert.That(_lines.Said.OfType<Withdrawal>().Where(left => left.Hospital == restarted)
            .Select(left => left.Code), Is.All.EqualTo(AbortCode.SecretsLost));
    }

    [Test]
    public void The_same_model_is_not_opened_over_another_set_and_the_fault_names_who_is_missing()
    {
        Open();
        AssertSum(ExpectEnd(), Cohort);
        _coordinator.Send(_supervisor, new SupervisionProtocol.CloseRound(Id(1), null));
        _lines.Cut = (hospital, message) => hospital == Cohort[5] && message is RoundOpen;

        Open(attempt: 2);

        var failed = _coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>(TimeSpan.FromSeconds(20));
        Assert.That(failed.Number, Is.EqualTo(FaultNumber.SecaggLedgerConflict));
        Assert.That(failed.Reason, Does.Contain(Cohort[5].ToString()));
    }

    [Test]
    public void The_same_model_is_opened_again_over_the_same_set_with_new_keys_to_the_same_bytes()
    {
        Open();
        var first = ExpectEnd();
        _coordinator.Send(_supervisor, new SupervisionProtocol.CloseRound(Id(1), null));

        Open(attempt: 2);

        var second = ExpectEnd();
        Assert.That(second.SumHash, Is.EqualTo(first.SumHash));
        Assert.That(_lines.Said.OfType<Advertise>().Select(advert => advert.MaskKey).Distinct().Count(),
            Is.EqualTo(2 * Hospitals));
    }

    [Test]
    public void A_restarted_hospital_still_refuses_another_set()
    {
        Open();
        ExpectEnd();
        _coordinator.Send(_supervisor, new SupervisionProtocol.CloseRound(Id(1), null));
        foreach (var hospital in Cohort)
        {
            _agents[hospital].GracefulStop(TimeSpan.FromSeconds(10)).Wait(TimeSpan.FromSeconds(10));
            StartHospital(hospital);
        }
        _lines.Cut = (hospital, message) => hospital == Cohort[0] && message is RoundOpen;

        Open(attempt: 2);

        Assert.That(_coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>(TimeSpan.FromSeconds(20)).Number,
            Is.EqualTo(FaultNumber.SecaggLedgerConflict));
    }

    [Test]
    public void No_hospital_sends_a_plain_update_whoever_asks_for_one()
    {
        // An aggregator of the hub that asks, as for plain sums, every time it may.
        var asker = CreateTestProbe();
        _lines.Before = (hospital, message) =>
        {
            if (message is SignedMessage)
                _agents[hospital].Tell(new RoundProtocol.UploadRequested(Id(1), 0, 1000), asker);
        };
        Open();
        AssertSum(ExpectEnd(), Cohort);

        var sent = asker.ReceiveWhile<object>(_ => true, TimeSpan.FromMilliseconds(100));
        Assert.That(sent, Has.None.InstanceOf<RoundProtocol.UpdateChunk>());
        var plain = Sites.Select(site => Convert.ToHexString(Encoded(site))).ToArray();
        var masked = sent.OfType<MaskedChunk>().Select(chunk => Convert.ToHexString(chunk.Bytes.Span)).ToArray();
        Assert.That(masked, Is.Not.Empty);
        Assert.That(masked.Intersect(plain), Is.Empty);
    }

    [Test]
    public void A_hospital_that_requires_secure_sums_declines_a_plain_job()
    {
        var plain = Plan with { SecureAggregation = Plan.SecureAggregation with { Enabled = false } };
        Open(plan: plain);

        var failed = _coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>(TimeSpan.FromSeconds(20));

        Assert.That(failed.Dropped.Select(drop => drop.Reason), Is.All.EqualTo(DropReason.Refused));
        Assert.That(failed.Dropped, Has.Length.EqualTo(Hospitals));
    }

    [Test]
    public void A_hospital_trains_only_on_the_model_that_follows_from_the_sum_it_knows()
    {
        Open();
        var sum = ExpectEnd().Sum;
        var strategy = AggregationStrategies.Create(Plan.Training, ModelCatalog.Create(Plan.Model));
        var (right, wrong) = (NextGlobalModel.Of(strategy, Model, sum), GlobalModel.Of([1, 2, 3, 4, 5]));
        _models.Add(right);
        _models.Add(wrong);

        Offer(wrong);
        Assert.That(ExpectMsg<RoundProtocol.Declined>(TimeSpan.FromSeconds(10)).Reason, Is.EqualTo(DropReason.Refused));
        Offer(right, attempt: 2);
        ExpectMsg<RoundProtocol.UpdateReady>(TimeSpan.FromSeconds(10));

        void Offer(GlobalModel model, int attempt = 1) => _lines.TryTell(
            Cohort[3],
            new RoundProtocol.RoundOffered(new RoundId("small", 2, attempt), Plan, PlanHash.Of(Plan), model.Hash,
                Cohort), TestActor);
    }

    [Test]
    public void A_session_the_hub_makes_weaker_than_the_offer_is_left_by_every_hospital()
    {
        Open();
        ExpectEnd();
        var open = _lines.Sent.Select(sent => sent.Message).OfType<RoundOpen>().First();
        var weak =
            (open with { Spec = open.Spec with { Attempt = 2, Thresholds = new Thresholds(Hospitals, 1, 5, 5) } })
            .SignedBy(_consortium.Hub.Key);

        _agents[Cohort[0]].Tell(weak, TestActor);

        Assert.That(ExpectMsg<Withdrawal>(TimeSpan.FromSeconds(10)).Code, Is.EqualTo(AbortCode.PlanMismatch));
    }

    private void Open(int attempt = 1, JobPlan? plan = null)
    {
        var order =
            new SupervisionProtocol.OpenRound(Id(attempt), plan ?? Plan, PlanHash.Of(plan ?? Plan), Model.Hash,
                Digest.Of([]), Cohort);
        var blobs = Sys.ActorOf(Props.Create<MemoryBlobs>(_blobs));
        var hub = new HubServices(_lines, blobs, _models, Clock, ActorRefs.Nobody, _consortium.Hub)
        {
            Aggregator = () => _aggregator,
        };
        _supervisor = _coordinator.ChildActorOf(RoundSupervisor.Props(Id(attempt), order.Plan.Cohort, hub));
        _coordinator.Send(_supervisor, order);
    }

    private SupervisionProtocol.RoundEnded ExpectEnd() =>
        _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>(TimeSpan.FromSeconds(20));

    private RemoteNode Aggregator(Func<bool> isThere) =>
        new(Sys.ActorOf(AggregatorHost.Props(_consortium.Hub)), isThere);

    private void StartHospital(HospitalId hospital)
    {
        var site = Sites.Single(site => site.Hospital == hospital)
            with
        { Security = _consortium.SecurityOf(hospital, _spools[hospital]) };
        _agents[hospital] = Sys.ActorOf(HospitalAgent.Props(site, _models));
        _lines.Attach(hospital, Sys.ActorOf(Props.Create<Eavesdropper>(_agents[hospital], _lines)));
    }

    // Deadlines are virtual: they must not pass while an answer is on its way.
    private void AdvanceWhenAllAreDone()
    {
        for (var turn = 0; turn < 50; turn++)
        {
            foreach (var agent in _agents.Values)
                Received(agent).Wait(TimeSpan.FromSeconds(10));
            Received(_supervisor).Wait(TimeSpan.FromSeconds(10));
        }
        Advance(TimeSpan.FromSeconds(61));
    }

    private static bool IsOf(HospitalId hospital, object @event) => @event switch
    {
        MaskingEvent.MaskedReady e => e.Message.Hospital == hospital,
        MaskingEvent.SurvivorSetSigned e => e.Message.Hospital == hospital,
        MaskingEvent.SharesReleased e => e.Message.Hospital == hospital,
        _ => false,
    };

    private static RoundId Id(int attempt) => new("small", 1, attempt);

    private static byte[] Encoded(HospitalSite site)
    {
        var model = ModelCatalog.Create(Plan.Model);
        var code = RoundCode.Of(Plan, round: 1, Hospitals, LocalTraining.UpdateLength(Plan.Training, model));
        var values = new double[code.Values];
        var outcome =
            (LocalOutcome.Trained)LocalTraining.Run(Plan.Training, Plan.Patients, model, Model.Parameters.AsSpan(),
                site.Patients,
            LocalTraining.BatchSeed(Plan.Seed, site.Hospital, 1), values.AsSpan()[..^1], new TrainingScratch());
        values[^1] = outcome.Loss;
        var update = new byte[code.Bytes];
        code.Encode(values, site.Patients.Rows, 0, update);
        return update;
    }

    private static void AssertSum(SupervisionProtocol.RoundEnded ended, ImmutableArray<HospitalId> survivors)
    {
        Assert.That(ended.Survivors, Is.EqualTo(survivors));
        var updates = Sites.Where(site => survivors.Contains(site.Hospital)).Select(Encoded).ToArray();
        var oracle = new ModularSum(32, updates[0].Length);
        foreach (var update in updates)
            oracle.Add(update);
        Assert.That(ended.SumHash, Is.EqualTo(Digest.Of(oracle.Words)));
    }

    /// <summary>The way from the hub to the hospitals.</summary>
    public sealed class Lines : IHospitalDirectory
    {
        private readonly ConcurrentDictionary<HospitalId, IActorRef> _agents = new();

        /// <summary>What is told is known not to arrive.</summary>
        public Func<HospitalId, IWireMessage, bool>? Cut { get; set; }

        /// <summary>What is told gets lost.</summary>
        public Func<HospitalId, IWireMessage, bool>? Swallow { get; set; }

        public Action<HospitalId, IWireMessage>? Before { get; set; }

        public ConcurrentQueue<(HospitalId Hospital, IWireMessage Message)> Sent { get; } = new();

        public ConcurrentQueue<object> Said { get; } = new();

        public void Attach(HospitalId hospital, IActorRef agent) => _agents[hospital] = agent;

        public bool TryTell(HospitalId hospital, IWireMessage message, IActorRef sender)
        {
            Before?.Invoke(hospital, message);
            if (Cut?.Invoke(hospital, message) == true)
                return false;
            Sent.Enqueue((hospital, message));
            if (Swallow?.Invoke(hospital, message) != true)
                _agents[hospital].Tell(message, sender);
            return true;
        }
    }

    /// <summary>Stands between hub and hospital, and remembers what the hospital said.</summary>
    private sealed class Eavesdropper : ReceiveActor
    {
        private IActorRef _hub = ActorRefs.Nobody;
        private readonly Dictionary<string, IActorRef> _askers = [];

        public Eavesdropper(IActorRef agent, Lines lines)
        {
            Receive<IWireMessage>(message => Sender.Equals(agent), message =>
            {
                lines.Said.Enqueue(message);
                (message is RoundProtocol.UpdateReady or RoundProtocol.Declined ? _hub : _askers["session"])
                    .Tell(message);
            });
            Receive<IWireMessage>(message =>
            {
                if (message is RoundProtocol.RoundOffered or RoundProtocol.RoundClosed)
                    _hub = Sender;
                else
                    _askers["session"] = Sender;
                agent.Tell(message);
            });
        }
    }
}
