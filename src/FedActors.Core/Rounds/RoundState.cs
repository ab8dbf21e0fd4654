using System.Collections.Immutable;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Rounds;

/// <summary>
/// One attempt at one round, as its supervisor knows it. <see cref="Apply"/> follows the journal; who dropped out
/// before the survivor set is fixed is known in memory only, and is asked for again after a crash.
/// </summary>
public sealed record RoundState
{
    private RoundState(RoundId id, CohortPlan rules) => (Id, Rules) = (id, rules);

    public static RoundState Before(RoundId id, CohortPlan rules) => new(id, rules);

    public RoundId Id { get; }

    public CohortPlan Rules { get; }

    public RoundPhase Phase { get; private init; } = RoundPhase.NotOpened;

    public DateTimeOffset OpenedAt { get; private init; }

    public DateTimeOffset Deadline { get; private init; }

    public Digest PlanHash { get; private init; }

    public Digest Model { get; private init; }

    /// <summary>Everyone invited, sorted.</summary>
    public ImmutableArray<HospitalId> Cohort { get; private init; } = [];

    /// <summary>Who is in the sum, sorted; empty until it is fixed.</summary>
    public ImmutableArray<HospitalId> Survivors { get; private init; } = [];

    public ImmutableSortedDictionary<HospitalId, Dropout> Dropped { get; private init; } =
        ImmutableSortedDictionary<HospitalId, Dropout>.Empty;

    /// <summary>What was fixed of a secure session so far: U1, then U2. Empty with plain sums.</summary>
    public ImmutableArray<AggregationEvent> Session { get; private init; } = [];

    /// <summary>The running sum's blob, once it is durable.</summary>
    public Digest? Accumulator { get; private init; }

    /// <summary>Payload bytes that hospitals sent, once the survivor set is fixed.</summary>
    public long BytesUp { get; private init; }

    public RoundEvent.Aborted? Abort { get; private init; }

    /// <summary>Opens the round for <paramref name="cohort"/>. Repeated with the same model and cohort: agrees, writes
    /// nothing.</summary>
    public Decision<RoundEvent> DecideOpen(
        Digest planHash, Digest model, ImmutableArray<HospitalId> cohort, DateTimeOffset now)
    {
        if (Phase != RoundPhase.NotOpened)
            return planHash == PlanHash && model == Model && cohort.SequenceEqual(Cohort)
                ? Decision<RoundEvent>.Accept()
                : Decision<RoundEvent>.Reject($"Round {Id} is already open with another plan, model or cohort.");
        if (ShortOf(cohort) is { } shortage)
            return Decision<RoundEvent>.Accept(new RoundEvent.Aborted(now, shortage.Number, shortage.Reason, []));
        return Decision<RoundEvent>.Accept(
            new RoundEvent.Opened(now, Id, planHash, model, cohort, now + Rules.Deadline));
    }

    /// <summary>A hospital says, or its silence says, that its update will not come. Not journaled: it goes with the
    /// survivor set.</summary>
    public RoundState Drop(HospitalId hospital, DropReason reason, string detail) =>
        Phase is RoundPhase.NotOpened or >= RoundPhase.Consistency || !HospitalSet.Holds(Cohort, hospital)
        || Dropped.ContainsKey(hospital)
            ? this
            : this with { Dropped = Dropped.Add(hospital, new Dropout(hospital, Phase, reason, detail)) };

    /// <summary>
    /// No more updates will be counted: those of <paramref name="complete"/> are in the accumulator. Fixes the survivor
    /// set, or aborts where too few are in or one that is required is missing. Whoever neither came nor declined was
    /// silent.
    /// </summary>
    /// <param name="accumulator">Names the accumulator's bytes, which must be durable before the event is.</param>
    public Decision<RoundEvent> DecideSurvivors(
        ImmutableArray<HospitalId> complete, Digest accumulator, long bytesUp, DateTimeOffset now)
    {
        if (Phase is not (RoundPhase.Training or RoundPhase.MaskedInput))
            return Decision<RoundEvent>.Reject($"Round {Id} is in {Phase}: its survivor set cannot be fixed.");
        var survivors = HospitalSet.IsSorted(complete) ? complete : complete.Sort();
        if (!HospitalSet.IsSorted(survivors) || !HospitalSet.IsSubset(survivors, Cohort))
            return Decision<RoundEvent>.Reject(
                $"Round {Id}: the set holds a hospital twice, or one that was not invited.");
        var dropped = Missing(survivors);
        return ShortOf(survivors) is { } shortage
            ? Decision<RoundEvent>.Accept(
                new RoundEvent.Aborted(now, shortage.Number, Because(shortage.Reason, dropped), dropped))
            : Decision<RoundEvent>.Accept(
                new RoundEvent.SurvivorSetFixed(now, survivors, dropped, accumulator, bytesUp));
    }

    /// <summary>Training is over: are enough updates ready for a secure sum to be worth its keys?</summary>
    /// <param name="trained">Who said that its update is ready, sorted.</param>
    public Decision<RoundEvent> DecideTrained(ImmutableArray<HospitalId> trained, DateTimeOffset now)
    {
        if (ShortOf(trained) is not { } shortage)
            return Decision<RoundEvent>.Accept();
        var dropped = Missing(trained);
        return Decision<RoundEvent>.Accept(
            new RoundEvent.Aborted(now, shortage.Number, Because(shortage.Reason, dropped), dropped));
    }

    /// <summary>The sum is open: does it hold the patients that the rules ask for?</summary>
    /// <param name="totalWeight">Omega, as the sum says it.</param>
    /// <param name="patients">Training patients of the whole federation, a public figure of the plan.</param>
    public Decision<RoundEvent> DecideShare(long totalWeight, long patients, DateTimeOffset now) =>
        totalWeight >= Rules.MinimumSampleShare * patients
            ? Decision<RoundEvent>.Accept()
            : Decision<RoundEvent>.Accept(new RoundEvent.Aborted(now, FaultNumber.TooFewHospitals,
                Because($"The survivors hold {(double)totalWeight / patients:P1} of the patients, the job asks for "
                    + $"{Rules.MinimumSampleShare:P1}.", [.. Dropped.Values]), [.. Dropped.Values]));

    /// <summary>U1 or U2 of the secure session, to be durable before it is announced.</summary>
    public Decision<RoundEvent> DecideSession(AggregationEvent fixedSet, DateTimeOffset now) => (Phase, fixedSet) switch
    {
        (RoundPhase.Training, AggregationEvent.KeysFixed keys) =>
            Decision<RoundEvent>.Accept(new RoundEvent.KeysFixed(now, keys)),
        (RoundPhase.ShareKeys, AggregationEvent.SharesFixed shares) =>
            Decision<RoundEvent>.Accept(new RoundEvent.SharesFixed(now, shares)),
        _ => Decision<RoundEvent>.Reject($"Round {Id} in {Phase} cannot fix {fixedSet.GetType().Name}."),
    };

    /// <summary>Something that cannot be mended within the attempt.</summary>
    public Decision<RoundEvent> DecideAbort(FaultNumber number, string reason, DateTimeOffset now) =>
        Phase is RoundPhase.Aborted or RoundPhase.Closed
            ? Decision<RoundEvent>.Accept()
            : Decision<RoundEvent>.Accept(
                new RoundEvent.Aborted(now, number, Because(reason, [.. Dropped.Values]), [.. Dropped.Values]));

    /// <exception cref="InvalidOperationException">The journal holds an event this state cannot follow.</exception>
    public RoundState Apply(RoundEvent @event) => (Phase, @event) switch
    {
        (RoundPhase.NotOpened, RoundEvent.Opened e) when e.Id == Id => this with
        {
            Phase = RoundPhase.Training,
            OpenedAt = e.At,
            Deadline = e.Deadline,
            PlanHash = e.PlanHash,
            Model = e.Model,
            Cohort = e.Cohort,
        },
        (RoundPhase.Training, RoundEvent.KeysFixed e) =>
            this with { Phase = RoundPhase.ShareKeys, Session = Session.Add(e.Keys) },
        (RoundPhase.ShareKeys, RoundEvent.SharesFixed e) =>
            this with { Phase = RoundPhase.MaskedInput, Session = Session.Add(e.Shares) },
        (RoundPhase.Training or RoundPhase.MaskedInput, RoundEvent.SurvivorSetFixed e) => this with
        {
            Phase = RoundPhase.Consistency,
            Survivors = e.Survivors,
            Dropped = e.Dropped.ToImmutableSortedDictionary(drop => drop.Hospital, drop => drop),
            Accumulator = e.Accumulator,
            BytesUp = e.BytesUp,
        },
        ( < RoundPhase.Closed, RoundEvent.Aborted e) => this with
        {
            Phase = RoundPhase.Aborted,
            Abort = e,
            Dropped = e.Dropped.ToImmutableSortedDictionary(drop => drop.Hospital, drop => drop),
        },
        _ => throw new InvalidOperationException($"Round {Id} in {Phase} cannot follow {@event.GetType().Name}."),
    };

    // Whoever is not present (sorted) either said why or was silent.
    private ImmutableArray<Dropout> Missing(ImmutableArray<HospitalId> present) =>
    [
        .. Cohort.Where(hospital => !HospitalSet.Holds(present, hospital))
        .Select(hospital => Dropped.GetValueOrDefault(hospital)
            ?? new Dropout(hospital, Phase, DropReason.Silent, "Nothing came before the deadline.")),
    ];

    private (FaultNumber Number, string Reason)? ShortOf(ImmutableArray<HospitalId> present)
    {
        if (present.Length < Rules.Minimum)
            return (FaultNumber.TooFewHospitals,
                $"{present.Length} hospitals took part, the job asks for {Rules.Minimum}.");
        var missing = Rules.Require.Where(hospital => !HospitalSet.Holds(present, hospital)).ToArray();
        return missing.Length > 0
            ? (FaultNumber.HospitalRequired, $"The job requires {string.Join(", ", missing)}, which did not take part.")
            : null;
    }

    private static string Because(string reason, ImmutableArray<Dropout> dropped) =>
        dropped.Length == 0
            ? reason
            : $"{reason} Missing: {string.Join("; ", dropped.Select(drop => $"{drop.Hospital} ({drop.Reason}: {drop.Detail})"))}";
}
