using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using Akka.TestKit;
using FedActors.Actors.Hosting;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Tests;

public sealed class RoundSupervisorTests : VirtualTimeTest
{
    private static readonly RoundId Id = new("small", 1, 1);
    private static readonly JobPlan Plan = Plans.Small(minimum: 3, deadline: TimeSpan.FromSeconds(60), patients: 40);
    private static readonly ImmutableArray<HospitalId> Cohort = [new("a"), new("b"), new("c"), new("d")];
    private static readonly SupervisionProtocol.OpenRound Order = new(
        Id, Plan, PlanHash.Of(Plan), Digest.Of("model"u8), Digest.Of([]), Cohort);

    private readonly ConcurrentDictionary<Digest, ImmutableArray<byte>> _blobs = new();
    private readonly LocalHospitals _directory = new();
    private readonly Dictionary<HospitalId, TestProbe> _hospitals = [];
    private TestProbe _coordinator = null!;

    [SetUp]
    public void AttachHospitals()
    {
        _coordinator = CreateTestProbe("coordinator");
        foreach (var hospital in Cohort)
        {
            _hospitals[hospital] = CreateTestProbe($"hospital-{hospital}");
            _directory.Attach(hospital, _hospitals[hospital]);
        }
    }

    [Test]
    public void A_round_ends_as_soon_as_every_hospital_has_sent()
    {
        Open();
        foreach (var hospital in Cohort)
            Send(hospital);

        var ended = _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();

        Assert.That(ended.Survivors, Is.EqualTo(Cohort));
        Assert.That(ended.Sum.TotalWeight, Is.EqualTo(40));
        Assert.That(ended.Dropped, Is.Empty);
    }

    [Test]
    public void A_hospital_that_stays_silent_is_dropped_at_the_deadline_and_named()
    {
        var supervisor = Open();
        foreach (var hospital in Cohort[..3])
            Send(hospital);
        Settle(supervisor);
        Advance(TimeSpan.FromSeconds(59));
        _coordinator.ExpectNoMsg(TimeSpan.FromMilliseconds(50));

        Advance(TimeSpan.FromSeconds(2));

        var ended = _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();
        Assert.That(ended.Survivors, Is.EqualTo(Cohort[..3]));
        Assert.That(ended.Dropped.Select(drop => (drop.Hospital, drop.Reason)),
            Is.EqualTo(new[] { (Cohort[3], DropReason.Silent) }));
    }

    [Test]
    public void Those_who_decline_are_not_waited_for()
    {
        Open();
        _hospitals[Cohort[0]].FishForMessage<RoundProtocol.RoundOffered>(_ => true);
        _hospitals[Cohort[0]].Reply(new RoundProtocol.Declined(Id, Cohort[0], DropReason.Diverged, "It diverged."));
        foreach (var hospital in Cohort[1..])
            Send(hospital);

        Assert.That(_coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>().Dropped.Single().Detail,
            Is.EqualTo("It diverged."));
    }

    [Test]
    public void A_hospital_that_is_not_attached_is_named_and_not_waited_for()
    {
        _directory.Detach(Cohort[2]);
        Open();
        foreach (var hospital in Cohort.Remove(Cohort[2]))
            Send(hospital);

        var dropped = _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>().Dropped.Single();

        Assert.That((dropped.Hospital, dropped.Detail), Is.EqualTo((Cohort[2], "It is not attached to the hub.")));
    }

    [Test]
    public void Too_few_updates_at_the_deadline_end_the_attempt_without_a_sum()
    {
        var supervisor = Open();
        Send(Cohort[0]);
        Send(Cohort[1]);
        Settle(supervisor);

        Advance(TimeSpan.FromSeconds(61));

        var failed = _coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>();
        Assert.That(failed.Number, Is.EqualTo(FaultNumber.TooFewHospitals));
        Assert.That(failed.Dropped.Select(drop => drop.Hospital), Is.EqualTo(Cohort[2..]));
    }

    [Test]
    public void An_update_of_the_wrong_length_puts_its_hospital_out_and_the_round_goes_on()
    {
        Open();
        Send(Cohort[0], bytes => bytes[..^4]);
        foreach (var hospital in Cohort[1..])
            Send(hospital);

        var ended = _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();

        Assert.That(ended.Survivors, Is.EqualTo(Cohort[1..]));
        Assert.That(ended.Dropped.Single().Reason, Is.EqualTo(DropReason.Malformed));
    }

    [Test]
    public async Task A_supervisor_that_is_stopped_while_hospitals_train_asks_them_again_and_ends_with_the_same_sum()
    {
        var first = Open();
        Send(Cohort[0]);
        foreach (var hospital in Cohort[1..])
            _hospitals[hospital].FishForMessage<RoundProtocol.RoundOffered>(_ => true);
        Settle(first);
        await first.GracefulStop(TimeSpan.FromSeconds(10));

        Open();
        foreach (var hospital in Cohort)
            Send(hospital);

        Assert.That(_coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>().Sum.TotalWeight, Is.EqualTo(40));
    }

    [Test]
    public async Task A_supervisor_that_is_stopped_after_the_survivor_set_opens_the_same_sum_and_asks_no_hospital()
    {
        var first = Open();
        foreach (var hospital in Cohort)
            Send(hospital);
        var before = _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();
        await first.GracefulStop(TimeSpan.FromSeconds(10));

        _coordinator.Send(Supervisor(), Order);

        var again = _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();
        Assert.That(again.Sum.Mean, Is.EqualTo(before.Sum.Mean));
        Assert.That(again.Survivors, Is.EqualTo(before.Survivors));
        foreach (var hospital in _hospitals.Values)
            hospital.ExpectNoMsg(TimeSpan.FromMilliseconds(20));
    }

    [Test]
    public async Task A_running_sum_that_is_lost_after_the_survivor_set_ends_the_attempt_with_its_own_number()
    {
        var first = Open();
        foreach (var hospital in Cohort)
            Send(hospital);
        _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();
        await first.GracefulStop(TimeSpan.FromSeconds(10));
        _blobs.Clear();

        _coordinator.Send(Supervisor(), Order);

        Assert.That(_coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>().Number,
            Is.EqualTo(FaultNumber.BlobDamaged));
    }

    [TestCase(typeof(RoundEvent.Opened), true)]
    [TestCase(typeof(RoundEvent.Opened), false)]
    [TestCase(typeof(RoundEvent.SurvivorSetFixed), true)]
    [TestCase(typeof(RoundEvent.SurvivorSetFixed), false)]
    public void What_the_journal_could_not_write_is_never_acted_on(Type @event, bool rejected)
    {
        if (rejected)
            Journal.RejectWrites(@event.IsInstanceOfType);
        else
            Journal.FailWrites(@event.IsInstanceOfType);
        var supervisor = Watch(Supervisor());
        _coordinator.Send(supervisor, Order);
        if (@event != typeof(RoundEvent.Opened))
        {
            foreach (var hospital in Cohort)
                Send(hospital);
        }

        Assert.That(_coordinator.ExpectMsg<SupervisionProtocol.RoundFailed>().Number,
            Is.EqualTo(FaultNumber.JournalFailed));
        ExpectTerminated(supervisor);
        _coordinator.ExpectNoMsg(TimeSpan.FromMilliseconds(20));
        if (@event == typeof(RoundEvent.Opened))
            _hospitals[Cohort[0]].ExpectNoMsg(TimeSpan.FromMilliseconds(20));
    }

    [Test]
    public void With_plain_sums_the_next_offer_is_receipt_enough_and_the_running_sum_goes()
    {
        var supervisor = Watch(Open());
        foreach (var hospital in Cohort)
            Send(hospital);
        _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();
        Assert.That(_blobs, Has.Count.EqualTo(1));

        _coordinator.Send(supervisor, new SupervisionProtocol.CloseRound(Id, Digest.Of("next"u8)));

        ExpectTerminated(supervisor);
        foreach (var hospital in _hospitals.Values)
            Assert.That(hospital.ReceiveWhile<object>(_ => true, TimeSpan.FromMilliseconds(20)),
                Has.None.InstanceOf<RoundProtocol.RoundClosed>());
        AwaitCondition(() => _blobs.IsEmpty, TimeSpan.FromSeconds(5));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_single_update_that_is_not_finite_is_refused_by_name_and_the_rule_goes_on_without_it(float bad)
    {
        var plan =
            Plans.Small(minimum: 3, algorithm: Algorithm.Median, deadline: TimeSpan.FromSeconds(60), patients: 40);
        var supervisor = _coordinator.ChildActorOf(RoundSupervisor.Props(Id, plan.Cohort, Hub()));
        _coordinator.Send(supervisor, Order with { Plan = plan, PlanHash = PlanHash.Of(plan) });
        var code = RoundCode.SingleOf(RoundCode.Of(plan, round: 1, Cohort.Length, updateLength: 5));
        foreach (var hospital in Cohort)
        {
            var bytes = new byte[code.Bytes];
            code.Encode([1, Cohort.IndexOf(hospital), 3, 4, hospital == Cohort[2] ? bad : 5, 0.5], 10, 0, bytes);
            _hospitals[hospital].FishForMessage<RoundProtocol.RoundOffered>(_ => true);
            _hospitals[hospital]
                .Reply(new RoundProtocol.UpdateChunk(Id, hospital, 0, bytes.Length, Digest.Of(bytes), new(bytes)));
        }

        var ended = _coordinator.ExpectMsg<SupervisionProtocol.RoundEnded>();

        Assert.That(ended.Dropped.Single(),
            Has.Property("Hospital").EqualTo(Cohort[2]).And.Property("Reason").EqualTo(DropReason.Malformed));
        Assert.That(ended.Sum.Mean, Is.EqualTo(new[] { 1, 1, 3, 4, 5, 0.5 }));
        Assert.That(ended.Sum.TotalWeight, Is.EqualTo(30));
    }

    private IActorRef Open()
    {
        var supervisor = Supervisor();
        _coordinator.Send(supervisor, Order);
        return supervisor;
    }

    private IActorRef Supervisor() => _coordinator.ChildActorOf(RoundSupervisor.Props(Id, Plan.Cohort, Hub()));

    private HubServices Hub() =>
        new(_directory, Sys.ActorOf(Props.Create<MemoryBlobs>(_blobs)), new ModelCache(), Clock, ActorRefs.Nobody,
            Identity: null);

    // What a hospital does, as far as the hub can see: an update of zeros with weight 10, sent to whoever made the
    // offer.
    private void Send(HospitalId hospital, Func<byte[], byte[]>? spoil = null)
    {
        var probe = _hospitals[hospital];
        probe.FishForMessage<RoundProtocol.RoundOffered>(_ => true);
        var code = RoundCode.Of(Plan, round: 1, Cohort.Length, updateLength: 5);
        var update = new byte[code.Bytes];
        code.Encode(new double[code.Values], 10, 0, update);
        update = spoil?.Invoke(update) ?? update;
        probe.Reply(new RoundProtocol.UpdateChunk(Id, hospital, 0, update.Length, Digest.Of(update), new(update)));
    }

    // Ends when the supervisor has opened the round and its aggregator has taken all that was sent.
    private void Settle(IActorRef supervisor)
    {
        foreach (var hospital in _hospitals.Values.Where(probe => probe.HasMessages))
            hospital.FishForMessage(message => message is RoundProtocol.RoundOffered);
        Received(supervisor).Wait(TimeSpan.FromSeconds(10));
        Received(Sys.ActorSelection(supervisor.Path / "aggregator").ResolveOne(TimeSpan.FromSeconds(10)).Result)
            .Wait(TimeSpan.FromSeconds(10));
    }
}
