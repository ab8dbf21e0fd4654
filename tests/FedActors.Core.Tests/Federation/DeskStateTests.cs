using FedActors.Core.Federation;
using FedActors.Core.Identity;

namespace FedActors.Core.Tests.Federation;

public sealed class DeskStateTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void Jobs_take_their_turns_in_the_order_in_which_they_came()
    {
        var desk = With(Submit("a"), Submit("b"));

        Assert.That(desk.Current!.Name, Is.EqualTo("a"));
        Assert.That(Then(desk, state => state.DecideEnd("a", JobStage.Done, "", Now)).Current!.Name, Is.EqualTo("b"));
    }

    [TestCase(JobStage.Done, false, 0)]
    [TestCase(JobStage.Failed, false, 1)]
    [TestCase(JobStage.Failed, true, 1)]
    [TestCase(JobStage.Aborted, false, 1)]
    [TestCase(JobStage.Aborted, true, 0)]
    public void The_same_file_again_goes_on_with_what_failed_and_with_what_was_aborted_unless_it_is_the_hubs_own(
        JobStage stage, bool isAtStart, int events)
    {
        var desk = With(Submit("a"), state => state.DecideEnd("a", stage, "why", Now));

        var decision = desk.DecideSubmit("a", "text of a", isAtStart, Now);

        Assert.That(Events(decision), Has.Length.EqualTo(events));
        Assert.That(Then(desk, _ => decision).Current?.Name, Is.EqualTo(events == 1 ? "a" : null));
    }

    [Test]
    public void The_same_file_twice_is_one_job()
    {
        var desk = With(Submit("a"));

        Assert.That(Events(desk.DecideSubmit("a", "text of a", false, Now)), Is.Empty);
    }

    [Test]
    public void Another_file_under_a_known_name_is_refused() =>
        Assert.That(With(Submit("a")).DecideSubmit("a", "another text", false, Now),
            Is.InstanceOf<Decision<DeskEvent>.Rejected>());

    [Test]
    public void A_file_beyond_the_limit_is_refused() => Assert.That(
        DeskState.Empty.DecideSubmit("a", new string('#', DeskState.LongestText + 1), false, Now),
            Is.InstanceOf<Decision<DeskEvent>.Rejected>());

    [Test]
    public void An_abort_is_noted_once_and_the_job_keeps_its_turn_until_it_has_ended()
    {
        var desk = With(Submit("a"), state => state.DecideAbort("a", "why", Now));

        Assert.That(desk.Current, Is.EqualTo(new DeskJob("a", "text of a", Now, JobStage.Waiting, "why", true)));
        Assert.That(Events(desk.DecideAbort("a", "why", Now)), Is.Empty);
    }

    [TestCase("b")]
    [TestCase("a")]
    public void What_is_not_there_or_over_is_not_aborted(string job) => Assert.That(
        With(Submit("a"), state => state.DecideEnd("a", JobStage.Done, "", Now)).DecideAbort(job, "why", Now),
        Is.InstanceOf<Decision<DeskEvent>.Rejected>());

    [Test]
    public void A_job_ends_once()
    {
        var desk = With(Submit("a"), state => state.DecideEnd("a", JobStage.Aborted, "", Now));

        Assert.That(Events(desk.DecideEnd("a", JobStage.Done, "", Now)), Is.Empty);
        Assert.That(Events(desk.DecideAbort("a", "again", Now)), Is.Empty);
    }

    [Test]
    public void A_job_that_rests_keeps_its_turn_and_goes_on_when_it_is_resumed()
    {
        var desk = With(Submit("a"), Submit("b"), state => state.DecidePause("a", "why", Now));

        Assert.That(desk.Current, Is.EqualTo(new DeskJob("a", "text of a", Now, JobStage.Waiting, "why", false, true)));
        Assert.That(Events(desk.DecidePause("a", "why", Now)), Is.Empty);
        Assert.That(Events(desk.DecideSubmit("a", "text of a", true, Now)), Is.Empty, "A restart lets it rest.");
        Assert.That(Then(desk, state => state.DecideResume("a", Now)), Has.Property("Current")
            .EqualTo(new DeskJob("a", "text of a", Now, JobStage.Waiting, "", false)));
        Assert.That(Events(desk.DecideResume("b", Now)), Is.Empty);
    }

    [Test]
    public void A_job_that_rests_can_be_ended_and_one_that_is_to_end_cannot_rest()
    {
        var desk = With(Submit("a"), state => state.DecidePause("a", "why", Now),
            state => state.DecideAbort("a", "enough", Now));

        Assert.That(desk.Current!.IsToEnd, Is.True);
        Assert.That(desk.DecidePause("a", "why", Now), Is.InstanceOf<Decision<DeskEvent>.Rejected>());
        var over = Then(desk, state => state.DecideEnd("a", JobStage.Aborted, "enough", Now));
        Assert.That(over.DecidePause("a", "why", Now), Is.InstanceOf<Decision<DeskEvent>.Rejected>());
        Assert.That(over.DecideResume("a", Now), Is.InstanceOf<Decision<DeskEvent>.Rejected>());
        Assert.That(over.DecideResume("b", Now), Is.InstanceOf<Decision<DeskEvent>.Rejected>());
        Assert.That(Then(over, state => state.DecideSubmit("a", "text of a", false, Now)).Current!.IsPaused, Is.False);
    }

    [Test]
    public void A_hospital_is_left_out_once_and_taken_in_once()
    {
        var berlin = new HospitalId("berlin");
        var desk = With(_ => DeskState.Empty.DecideSuspend(berlin, "why", Now));

        Assert.That(desk.Suspended[berlin], Is.EqualTo("why"));
        Assert.That(Events(desk.DecideSuspend(berlin, "why", Now)), Is.Empty);
        var again = Then(desk, state => state.DecideResume(berlin, Now));
        Assert.That(again.Suspended, Is.Empty);
        Assert.That(Events(again.DecideResume(berlin, Now)), Is.Empty);
    }

    [Test]
    public void A_journal_in_an_impossible_order_is_no_desk()
    {
        Assert.Throws<InvalidOperationException>(() =>
            DeskState.Empty.Apply(new DeskEvent.JobEnded(Now, "a", JobStage.Done, "")));
        Assert.Throws<InvalidOperationException>(() => DeskState.Empty.Apply(new DeskEvent.AbortAsked(Now, "a", "")));
        Assert.Throws<InvalidOperationException>(() =>
            With(Submit("a")).Apply(new DeskEvent.JobSubmitted(Now, "a", "text of a")));
        Assert.Throws<InvalidOperationException>(() =>
            With(Submit("a")).Apply(new DeskEvent.JobEnded(Now, "a", JobStage.Running, "")));
    }

    private static Func<DeskState,
        Decision<DeskEvent>> Submit(string job) => state => state.DecideSubmit(job, $"text of {job}", false, Now);

    private static DeskState With(params Func<DeskState, Decision<DeskEvent>>[] steps) =>
        steps.Aggregate(DeskState.Empty, Then);

    private static DeskState Then(DeskState state, Func<DeskState, Decision<DeskEvent>> step) =>
        Events(step(state)).Aggregate(state, (next, @event) => next.Apply(@event));

    private static DeskEvent[] Events(Decision<DeskEvent> decision) =>
        [.. ((Decision<DeskEvent>.Accepted)decision).Events];
}
