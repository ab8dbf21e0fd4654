using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Federation;

public sealed class FederationStateTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly Digest Plan = Digest.Of("plan"u8), Initial = Digest.Of("initial"u8);
    private static readonly ImmutableArray<HospitalId> Roster = [new("a"), new("b"), new("c"), new("d"), new("e")];
    private static readonly CohortPlan Rules = new(2, 0.5, TimeSpan.FromMinutes(1), [], 0, 1);

    [Test]
    public void The_first_round_starts_from_the_initial_model()
    {
        var state = Started();

        Assert.That(state.Model, Is.EqualTo(Initial));
        Assert.That(state.Next, Is.EqualTo(new RoundId("job", 1, 1)));
    }

    [Test]
    public void The_same_job_again_writes_nothing_and_another_is_refused()
    {
        var state = Started();

        Assert.That(Events(state.DecideJob("job", Plan, Roster, Initial, Now)), Is.Empty);
        Assert.That(state.DecideJob("job", Initial, Roster, Initial, Now),
            Is.InstanceOf<Decision<FederationEvent>.Rejected>());
        Assert.That(state.DecideJob("other", Plan, Roster, Initial, Now),
            Is.InstanceOf<Decision<FederationEvent>.Rejected>());
        Assert.That(state.DecideJob("job", Plan, Roster[..4], Initial, Now),
            Is.InstanceOf<Decision<FederationEvent>.Rejected>());
    }

    [Test]
    public void A_round_is_committed_once_and_only_in_its_turn()
    {
        var state = Started();
        var first = Record(1, "one");
        var committed = state.Apply(Events(state.DecideCommit(first, Now)).Single());

        Assert.That(committed.Model, Is.EqualTo(first.Model));
        Assert.That(Events(committed.DecideCommit(first, Now)), Is.Empty);
        Assert.That(committed.DecideCommit(Record(1, "another"), Now),
            Is.InstanceOf<Decision<FederationEvent>.Rejected>());
        Assert.That(committed.DecideCommit(Record(3, "three"), Now),
            Is.InstanceOf<Decision<FederationEvent>.Rejected>());
        Assert.Throws<InvalidOperationException>(() => committed.Apply(new FederationEvent.RoundCommitted(Now, first)));
    }

    [Test]
    public void A_failed_attempt_is_followed_by_the_next_and_forgotten_after_the_commit()
    {
        var state = Started();
        state =
            state.Apply(Events(state.DecideFailure(state.Next, FaultNumber.TooFewHospitals, "few", [], Now)).Single());

        Assert.That(state.Next, Is.EqualTo(new RoundId("job", 1, 2)));
        Assert.That(state.DecideCommit(Record(1, "late", attempt: 1), Now),
            Is.InstanceOf<Decision<FederationEvent>.Rejected>());
        Assert.That(
            Events(state.DecideFailure(new RoundId("job", 1, 1), FaultNumber.TooFewHospitals, "again", [], Now)),
            Is.Empty);
        state = state.Apply(Events(state.DecideCommit(Record(1, "one", attempt: 2), Now)).Single());
        Assert.That(state.Next, Is.EqualTo(new RoundId("job", 2, 1)));
    }

    [Test]
    public void A_cohort_is_drawn_from_seed_and_round_alone_and_holds_whoever_is_required()
    {
        var state = Started();
        var rules = Rules with { Require = [new HospitalId("e")] };

        var drawn = Enumerable.Range(1, 50).Select(round => state.CohortOf(round, 7, rules)).ToArray();

        Assert.That(drawn.Select(cohort => cohort.Length), Is.All.EqualTo(3));
        Assert.That(drawn.All(cohort => cohort.Contains(new HospitalId("e"))), Is.True);
        Assert.That(drawn.All(cohort => cohort.SequenceEqual(cohort.Order())), Is.True);
        Assert.That(drawn.Select(cohort => string.Join(",", cohort)).Distinct().Count(), Is.GreaterThan(3));
        Assert.That(state.CohortOf(9, 7, rules), Is.EqualTo(drawn[8]));
        Assert.That(state.CohortOf(9, 7, Rules with { Fraction = 1 }), Is.EqualTo(Roster));
    }

    [Test]
    public void A_journal_that_starts_with_a_commit_throws() =>
        Assert.Throws<InvalidOperationException>(
            () => FederationState.Empty.Apply(new FederationEvent.RoundCommitted(Now, Record(1, "one"))));

    private static FederationState Started() =>
        FederationState.Empty.Apply(Events(FederationState.Empty.DecideJob("job", Plan, Roster, Initial, Now))
            .Single());

    private static RoundRecord Record(int round, string model, int attempt = 1) => new(
        new RoundId("job", round, attempt), Roster, [], Digest.Of(System.Text.Encoding.UTF8.GetBytes(model)), 0.5, null,
        10, 0, 1, 1,
        TimeSpan.FromSeconds(1), default);

    private static ImmutableArray<FederationEvent> Events(Decision<FederationEvent> decision) =>
        ((Decision<FederationEvent>.Accepted)decision).Events;
}
