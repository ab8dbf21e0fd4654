using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Rounds;

namespace FedActors.Core.Federation;

/// <summary>What the coordinator knows: the job, its roster, the committed models, and which round is next.</summary>
public sealed record FederationState
{
    public static FederationState Empty { get; } = new();

    /// <summary>The job's name, or null before one was accepted.</summary>
    public string? Job { get; private init; }

    public Digest PlanHash { get; private init; }

    public ImmutableArray<HospitalId> Roster { get; private init; } = [];

    /// <summary>The model the next round starts from.</summary>
    public Digest Model { get; private init; }

    /// <summary>The model the job started from.</summary>
    public Digest InitialModel { get; private init; }

    /// <summary>Committed rounds, in order: the record of round r stands at r - 1.</summary>
    public ImmutableList<RoundRecord> Rounds { get; private init; } = [];

    /// <summary>Attempts at the next round that ended without a sum.</summary>
    public int FailedAttempts { get; private init; }

    /// <summary>Where the hospitals' privacy ledgers stood when they showed them last.</summary>
    public LedgerWitness Witness { get; private init; } = LedgerWitness.Empty;

    /// <summary>All attempts that ended without a sum, in order: who asks why a round took several finds it here.</summary>
    public ImmutableList<FederationEvent.AttemptFailed> Failures { get; private init; } = [];

    /// <summary>The attempt that comes next.</summary>
    public RoundId Next => new(Job ?? throw new InvalidOperationException("No job was accepted."), Rounds.Count + 1, FailedAttempts + 1);

    /// <summary>Accepts a job, or goes on with the same one.</summary>
    public Decision<FederationEvent> DecideJob(
        string job, Digest planHash, ImmutableArray<HospitalId> roster, Digest initialModel, DateTimeOffset now)
    {
        if (Job is null)
            return Decision<FederationEvent>.Accept(new FederationEvent.JobAccepted(now, job, planHash, roster.Sort(), initialModel));
        return job == Job && planHash == PlanHash && roster.Sort().SequenceEqual(Roster)
            ? Decision<FederationEvent>.Accept()
            : Decision<FederationEvent>.Reject($"This journal holds job '{Job}' with another plan, other hospitals or other data.");
    }

    /// <summary>Commits a round whose model is durable. Repeated for a round that is committed: agrees, writes nothing.</summary>
    /// <param name="ledgers">Heads of privacy ledgers that were shown in the round, their signatures checked.</param>
    public Decision<FederationEvent> DecideCommit(
        RoundRecord record, DateTimeOffset now, params ImmutableArray<SignedLedgerHead> ledgers)
    {
        if (record.Id.Job == Job && record.Id.Round <= Rounds.Count)
            return Rounds[record.Id.Round - 1].Model == record.Model
                ? Decision<FederationEvent>.Accept()
                : Decision<FederationEvent>.Reject($"Round {record.Id.Round} is committed with another model.");
        return record.Id == Next
            ? Decision<FederationEvent>.Accept(new FederationEvent.RoundCommitted(now, record) { Ledgers = ledgers })
            : Decision<FederationEvent>.Reject($"{record.Id} is not the next round: {Next} is.");
    }

    /// <summary>Notes that an attempt failed. One that is over already: agrees, writes nothing.</summary>
    public Decision<FederationEvent> DecideFailure(
        RoundId id, FaultNumber number, string reason, ImmutableArray<Dropout> dropped, DateTimeOffset now,
        params ImmutableArray<SignedLedgerHead> ledgers) =>
        id == Next
            ? Decision<FederationEvent>.Accept(new FederationEvent.AttemptFailed(now, id, number, reason, dropped) { Ledgers = ledgers })
            : Decision<FederationEvent>.Accept();

    /// <summary>Who is invited to a round: a share of the roster, never fewer than the minimum, always those required.</summary>
    /// <remarks>Drawn from the job's seed and the round alone, so that a new attempt invites the same hospitals.</remarks>
    public ImmutableArray<HospitalId> CohortOf(int round, long seed, CohortPlan rules)
    {
        var size = CohortSize(Roster.Length, rules);
        if (size == Roster.Length)
            return Roster;
        var drawn = new SplitMix64(unchecked((ulong)seed * 0x9E3779B97F4A7C15UL + (ulong)round)).Permutation(Roster.Length);
        return [.. rules.Require.Concat(drawn.Select(index => Roster[index])).Distinct().Take(size).Order()];
    }

    /// <summary>No round follows: all are committed, or the hospitals found no better model for long enough.</summary>
    public bool IsOver(JobPlan plan) =>
        Rounds.Count >= plan.Training.Rounds || ModelSelection.IsExhausted(Rounds, plan.Evaluation);

    /// <summary>The model of a committed round; of round 0 the initial one.</summary>
    public Digest ModelOf(int round) => round == 0 ? InitialModel : Rounds[round - 1].Model;

    /// <summary>For each of these hospitals the last committed round that holds its update; those in none are left out.</summary>
    public ImmutableDictionary<HospitalId, int> LastIncluded(ImmutableArray<HospitalId> hospitals)
    {
        var open = hospitals.ToHashSet();
        var last = ImmutableDictionary.CreateBuilder<HospitalId, int>();
        for (var i = Rounds.Count - 1; i >= 0 && open.Count > 0; i--)
        {
            foreach (var hospital in Rounds[i].Included.Where(open.Remove))
                last.Add(hospital, i + 1);
        }
        return last.ToImmutable();
    }

    /// <summary>Hospitals in a round, of so many in the roster.</summary>
    public static int CohortSize(int roster, CohortPlan rules) =>
        Math.Min(roster, Math.Max(Math.Max(rules.Minimum, rules.Require.Length), (int)Math.Ceiling(rules.Fraction * roster)));

    /// <exception cref="InvalidOperationException">The journal holds an event this state cannot follow.</exception>
    public FederationState Apply(FederationEvent @event) => @event switch
    {
        FederationEvent.JobAccepted e when Job is null => this with
        {
            Job = e.Job,
            PlanHash = e.PlanHash,
            Roster = e.Roster,
            Model = e.InitialModel,
            InitialModel = e.InitialModel,
        },
        FederationEvent.RoundCommitted e when Job is not null && e.Record.Id == Next => this with
        {
            Model = e.Record.Model,
            Rounds = Rounds.Add(e.Record),
            FailedAttempts = 0,
            Witness = Witness.Remember(e.Ledgers),
        },
        FederationEvent.AttemptFailed e when Job is not null && e.Id == Next => this with
        {
            FailedAttempts = FailedAttempts + 1,
            Failures = Failures.Add(e),
            Witness = Witness.Remember(e.Ledgers),
        },
        _ => throw new InvalidOperationException($"After {Rounds.Count} rounds of '{Job}' there can be no {@event.GetType().Name}."),
    };
}
