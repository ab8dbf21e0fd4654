using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Rounds;

public sealed class RoundStateTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly RoundId Id = new("job", 3, 1);
    private static readonly ImmutableArray<HospitalId> Cohort = [new("a"), new("b"), new("c"), new("d")];
    private static readonly Digest Plan = Digest.Of("plan"u8), Model = Digest.Of("model"u8), Sum = Digest.Of("sum"u8);

    [Test]
    public void Opening_fixes_model_cohort_and_deadline()
    {
        var state = Opened();

        Assert.That(state.Phase, Is.EqualTo(RoundPhase.Training));
        Assert.That(state.Deadline, Is.EqualTo(Now + TimeSpan.FromMinutes(1)));
        Assert.That(state.Cohort, Is.EqualTo(Cohort));
    }

    [Test]
    public void Opening_again_with_the_same_model_writes_nothing_and_with_another_is_refused()
    {
        var state = Opened();

        Assert.That(Events(state.DecideOpen(Plan, Model, Cohort, Now)), Is.Empty);
        Assert.That(state.DecideOpen(Plan, Sum, Cohort, Now), Is.InstanceOf<Decision<RoundEvent>.Rejected>());
        Assert.That(state.DecideOpen(Plan, Model, Cohort[..3], Now), Is.InstanceOf<Decision<RoundEvent>.Rejected>());
    }

    [Test]
    public void A_cohort_below_the_minimum_never_opens() =>
        Assert.That(
            Events(New(minimum: 5).DecideOpen(Plan, Model, Cohort, Now)).Single(),
            Is.InstanceOf<RoundEvent.Aborted>().With.Property("Number").EqualTo(FaultNumber.TooFewHospitals));

    [Test]
    public void The_survivor_set_names_who_is_in_and_why_each_other_is_not()
    {
        var state = Opened().Drop(Cohort[1], DropReason.Diverged, "It diverged.");

        var @event = (RoundEvent.SurvivorSetFixed)Events(state.DecideSurvivors([Cohort[3], Cohort[0]], Sum, 99, Now))
            .Single();

        Assert.That(@event.Survivors, Is.EqualTo(new[] { Cohort[0], Cohort[3] }));
        Assert.That(@event.Dropped.Select(drop => (drop.Hospital, drop.Reason)),
            Is.EqualTo(new[] { (Cohort[1], DropReason.Diverged), (Cohort[2], DropReason.Silent) }));
        Assert.That(state.Apply(@event).Phase, Is.EqualTo(RoundPhase.Consistency));
    }

    [Test]
    public void Once_the_survivor_set_is_fixed_no_other_can_be_and_no_one_drops_out_of_it()
    {
        var state = Fixed();

        Assert.That(state.DecideSurvivors(Cohort[..2], Sum, 1, Now), Is.InstanceOf<Decision<RoundEvent>.Rejected>());
        Assert.That(state.Drop(Cohort[0], DropReason.Silent, "late").Dropped, Is.Empty);
        Assert.Throws<InvalidOperationException>(() =>
            state.Apply(new RoundEvent.SurvivorSetFixed(Now, Cohort, [], Sum, 1)));
    }

    [Test]
    public void Too_few_survivors_give_no_sum() =>
        Assert.That(
            Events(Opened().DecideSurvivors([Cohort[0]], Sum, 1, Now)).Single(),
            Is.InstanceOf<RoundEvent.Aborted>().With.Property("Number").EqualTo(FaultNumber.TooFewHospitals));

    [Test]
    public void A_required_hospital_that_is_missing_gives_no_sum_and_is_named()
    {
        var state = Opened(require: [new HospitalId("c")]);

        var aborted = (RoundEvent.Aborted)Events(state.DecideSurvivors([Cohort[0], Cohort[1]], Sum, 1, Now)).Single();

        Assert.That(aborted.Number, Is.EqualTo(FaultNumber.HospitalRequired));
        Assert.That(aborted.Reason, Does.Contain("requires c"));
    }

    [TestCase("a", "a")]
    [TestCase("a", "b", "x")]
    public void A_set_with_a_hospital_twice_or_one_not_invited_is_refused(params string[] names) =>
        Assert.That(
            Opened().DecideSurvivors([.. names.Select(name => new HospitalId(name))], Sum, 1, Now),
            Is.InstanceOf<Decision<RoundEvent>.Rejected>());

    [Test]
    public void Survivors_with_too_small_a_share_of_the_patients_are_not_committed()
    {
        var state = Fixed(share: 0.5);

        Assert.That(Events(state.DecideShare(50, 100, Now)), Is.Empty);
        Assert.That(Events(state.DecideShare(49, 100, Now)).Single(), Is.InstanceOf<RoundEvent.Aborted>());
    }

    [Test]
    public void An_impossible_succession_in_a_journal_throws()
    {
        RoundEvent[] events =
        [
            new RoundEvent.Opened(Now, Id, Plan, Model, Cohort, Now),
            new RoundEvent.SurvivorSetFixed(Now, Cohort, [], Sum, 1),
        ];
        Assert.Throws<InvalidOperationException>(() => New().Apply(events[1]));
        Assert.Throws<InvalidOperationException>(() => Opened().Apply(events[0]));
        Assert.Throws<InvalidOperationException>(() =>
            New().Apply(new RoundEvent.Opened(Now, Id with { Attempt = 2 }, Plan, Model, Cohort, Now)));
        var aborted = Opened().Apply(new RoundEvent.Aborted(Now, FaultNumber.JobFailed, "x", []));
        Assert.Throws<InvalidOperationException>(() => aborted.Apply(events[1]));
        Assert.Throws<InvalidOperationException>(() =>
            aborted.Apply(new RoundEvent.Aborted(Now, FaultNumber.JobFailed, "x", [])));
    }

    private static RoundState New(int minimum = 2, double share = 0, ImmutableArray<HospitalId>? require = null) =>
        RoundState.Before(Id, new CohortPlan(minimum, 1, TimeSpan.FromMinutes(1), require ?? [], share, 1));

    private static RoundState Opened(double share = 0, ImmutableArray<HospitalId>? require = null)
    {
        var state = New(share: share, require: require);
        return state.Apply(Events(state.DecideOpen(Plan, Model, Cohort, Now)).Single());
    }

    private static RoundState Fixed(double share = 0)
    {
        var state = Opened(share);
        return state.Apply(Events(state.DecideSurvivors(Cohort, Sum, 1, Now)).Single());
    }

    private static ImmutableArray<RoundEvent> Events(Decision<RoundEvent> decision) =>
        ((Decision<RoundEvent>.Accepted)decision).Events;
}
