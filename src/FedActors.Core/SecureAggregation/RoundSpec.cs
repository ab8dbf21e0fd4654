using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.SecureAggregation;

/// <summary>
/// What one attempt at one secure sum is about. Its hash is the session id, which every message and key carries.
/// </summary>
/// <param name="Training">Names the training run: the same run, the same digest.</param>
/// <param name="Round">From 1.</param>
/// <param name="Attempt">From 1; a new attempt has new keys.</param>
/// <param name="Roster">Hash of the roster.</param>
/// <param name="Model">Hash of the model that the updates start from.</param>
/// <param name="Task">Hash of the plan that hospitals approved.</param>
/// <param name="PreviousSum">Hash of the sum that led to this model; of no bytes in the first round.</param>
/// <param name="Cohort">Hospitals invited, sorted by id, none twice.</param>
/// <param name="Ring">What the vectors are made of.</param>
/// <param name="Thresholds">Quorum and least survivors.</param>
/// <param name="Graph">Who shares masks with whom.</param>
/// <param name="Noise">Distributed noise that every hospital adds.</param>
/// <param name="Deadlines">How long each phase may last.</param>
public sealed record RoundSpec(
    Digest Training,
    long Round,
    int Attempt,
    Digest Roster,
    Digest Model,
    Digest Task,
    Digest PreviousSum,
    ImmutableArray<HospitalId> Cohort,
    RingSpec Ring,
    Thresholds Thresholds,
    GraphSpec Graph,
    NoiseSpec Noise,
    PhaseDeadlines Deadlines)
{
    /// <summary>Version of the protocol, in every session id.</summary>
    public const int Protocol = 1;

    /// <summary>H("FA/sid/v1" || every field).</summary>
    public Digest SessionId()
    {
        using var writer = new CanonicalWriter("FA/sid/v1");
        writer.Int32(Protocol).Text("P-256")
            .Digest(Training).Int64(Round).Int32(Attempt)
            .Digest(Roster).Digest(Model).Digest(Task).Digest(PreviousSum)
            .Hospitals(Cohort)
            .Int32(Ring.WordBits).Int32(Ring.Coordinates).Int32(Ring.ConstantOne).Int32(Ring.FractionBits)
            .Double(Ring.Range).Int64(Ring.WeightCap).Double(Ring.NoiseTail)
            .Int32(Thresholds.Hospitals).Int32(Thresholds.Corrupt)
            .Int32(Thresholds.Quorum).Int32(Thresholds.MinSurvivors)
            .Int32(Graph.Degree).Int32(Graph.Threshold).Int32(Graph.DropoutPercent)
            .Int32((int)Noise.Kind).Double(Noise.Scale).Int32(Noise.MinHonest)
            .Int64(Deadlines.Keys.Ticks).Int64(Deadlines.Shares.Ticks)
            .Int64(Deadlines.Masked.Ticks).Int64(Deadlines.Unmask.Ticks);
        return writer.Hash();
    }

    /// <summary>What contradicts itself in this spec, whoever reads it; null where nothing does.</summary>
    public Refusal? Fault()
    {
        if (Round < 1 || Attempt < 1)
            return Refusal.By(AbortCode.Malformed, $"round {Round} attempt {Attempt}: both count from 1");
        if (Cohort.IsDefaultOrEmpty || !HospitalSet.IsSorted(Cohort))
            return Refusal.By(AbortCode.Malformed, "the cohort is empty, not sorted, or names a hospital twice");
        if (Thresholds.Hospitals != Cohort.Length || Thresholds.Corrupt < 1 || Thresholds.Corrupt > Cohort.Length - 2)
            return Refusal.By(AbortCode.WeakParameters,
                $"thresholds for {Thresholds.Hospitals} hospitals of which {Thresholds.Corrupt} may be corrupt, "
                + $"with {Cohort.Length} invited");
        if (!Thresholds.AtLeast(Thresholds.For(Cohort.Length, Thresholds.Corrupt)))
            return Refusal.By(AbortCode.WeakParameters,
                $"quorum {Thresholds.Quorum} and {Thresholds.MinSurvivors} survivors are too few "
                + $"for {Cohort.Length} hospitals");
        if (Graph.IsComplete
            ? Graph.Threshold != Thresholds.Quorum
            : Graph.Degree % 2 != 0 || Graph.Degree + 1 >= Thresholds.Quorum)
            return Refusal.By(AbortCode.WeakParameters,
                $"degree {Graph.Degree} with threshold {Graph.Threshold} does not fit quorum {Thresholds.Quorum}");
        if (Ring.Fault(Cohort.Length) is { } fault)
            return Refusal.By(AbortCode.Malformed, fault);
        if (Ring.Overflows(Cohort.Length))
            return Refusal.By(AbortCode.Overflow,
                $"{Cohort.Length} updates of weight up to {Ring.WeightCap}, range {Ring.Range} and "
                + $"{Ring.FractionBits} fraction bits can leave {Ring.WordBits} bits");
        if (!Enum.IsDefined(Noise.Kind) || !double.IsFinite(Noise.Scale) || Noise.Scale < 0 || Noise.MinHonest < 0)
            return Refusal.By(AbortCode.Malformed, "the noise is not one of the known kinds with a scale of 0 or more");
        if (Deadlines.Keys <= TimeSpan.Zero || Deadlines.Shares <= TimeSpan.Zero || Deadlines.Masked <= TimeSpan.Zero
            || Deadlines.Unmask <= TimeSpan.Zero)
            return Refusal.By(AbortCode.Malformed, "a deadline is not above 0");
        return null;
    }
}

/// <summary>How noise is spread over hospitals.</summary>
public enum NoiseKind
{
    /// <summary>No noise.</summary>
    None = 0,

    /// <summary>Difference of two Poisson variables.</summary>
    Skellam = 1,

    /// <summary>Discrete Gaussian.</summary>
    DiscreteGaussian = 2,

    /// <summary>All of it in each hospital's update before it was encoded: none is shared.</summary>
    Inside = 3,
}

/// <summary>Distributed noise of a round.</summary>
/// <param name="Kind">Which noise.</param>
/// <param name="Scale">Standard deviation of one hospital's noise, in residues.</param>
/// <param name="MinHonest">Honest contributors that the privacy statement counts on.</param>
public sealed record NoiseSpec(NoiseKind Kind, double Scale, int MinHonest)
{
    /// <summary>No noise.</summary>
    public static NoiseSpec None { get; } = new(NoiseKind.None, 0, 0);
}

/// <summary>How long each phase may last, from its first message.</summary>
/// <param name="Keys">Until the keys are fixed.</param>
/// <param name="Shares">Until the shares are fixed.</param>
/// <param name="Masked">Until the survivors are fixed.</param>
/// <param name="Unmask">Until consistency and unmasking are done.</param>
public sealed record PhaseDeadlines(TimeSpan Keys, TimeSpan Shares, TimeSpan Masked, TimeSpan Unmask);

/// <summary>What a hospital's policy asks of a round, whatever the hub proposes.</summary>
/// <param name="Corrupt">Least number of corrupt hospitals to withstand; null for the default of
/// <see cref="SecureAggregation.Thresholds"/>.</param>
/// <param name="MinSurvivors">Least survivors.</param>
/// <param name="DropoutPercent">Dropout the mask graph of a large cohort must withstand.</param>
/// <param name="ReleaseAgainUnderNoise">Whether another set may be opened for a model already opened, with fresh
/// noise.</param>
public sealed record MaskingPolicy(
    int? Corrupt = null,
    int MinSurvivors = Thresholds.LeastHospitals,
    int DropoutPercent = GraphSpec.DefaultDropoutPercent,
    bool ReleaseAgainUnderNoise = false)
{
    /// <summary>What is too weak in <paramref name="spec"/> for this hospital; null where nothing is.</summary>
    public Refusal? Refuses(RoundSpec spec)
    {
        var n = spec.Cohort.Length;
        if (n < Math.Max(Thresholds.LeastHospitals, MinSurvivors))
            return Refusal.By(AbortCode.WeakParameters,
                $"{n} hospitals are invited, this hospital asks for at least {MinSurvivors}");
        var own = Thresholds.For(n, Math.Clamp(Corrupt ?? Thresholds.DefaultCorrupt(n), 1, n - 2), MinSurvivors);
        if (!spec.Thresholds.AtLeast(own))
            return Refusal.By(AbortCode.WeakParameters,
                $"quorum {spec.Thresholds.Quorum}, corrupt {spec.Thresholds.Corrupt} and survivors "
                + $"{spec.Thresholds.MinSurvivors} are weaker than this hospital's {own.Quorum}, {own.Corrupt} and "
                + $"{own.MinSurvivors}");
        if (n > GraphSpec.CompleteUpTo && spec.Graph.DropoutPercent < DropoutPercent)
            return Refusal.By(AbortCode.WeakParameters,
                $"the mask graph withstands {spec.Graph.DropoutPercent} % dropout, "
                + $"this hospital asks for {DropoutPercent} %");
        if (spec.Graph != GraphSpec.TryFor(spec.Thresholds, spec.Graph.DropoutPercent))
            return Refusal.By(AbortCode.WeakParameters,
                $"degree {spec.Graph.Degree} with threshold {spec.Graph.Threshold} is not the graph of {n} hospitals");
        return null;
    }
}
