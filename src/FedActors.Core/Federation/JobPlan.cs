using System.Collections.Immutable;
using FedActors.Core.Aggregation;
using FedActors.Core.Data;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Core.Federation;

/// <summary>What a consortium agrees to train, and how: the checked content of a job file but for its data.</summary>
/// <param name="Seed">Seeds what must repeat: cohort draws, batch orders, initial weights. Never keys, masks or
/// noise.</param>
/// <param name="Patients">Training patients over all hospitals, a public figure: scales the l2 penalty of a local
/// step.</param>
public sealed record JobPlan(
    string Name,
    long Seed,
    long Patients,
    ModelPlan Model,
    TrainingPlan Training,
    CohortPlan Cohort,
    SecureAggregationPlan SecureAggregation,
    PrivacyPlan Privacy,
    EvaluationPlan Evaluation)
{
    /// <summary>The cohort's rules as rounds hold to them: a robust rule needs more updates than the plan may ask
    /// for.</summary>
    public CohortPlan CohortRules => Training.Robust is { } robust
        ? Cohort with { Minimum = Math.Max(Cohort.Minimum, RobustRules.LeastUpdates(robust)) }
        : Cohort;
}

public enum ModelKind { LogisticRegression = 1, Softmax = 2, LinearRegression = 3, Mlp = 4, Cox = 5 }

/// <param name="Features">Names of the inputs, in order.</param>
public sealed record ModelPlan(ModelKind Kind, ImmutableArray<string> Features)
{
    /// <summary>What the model learns; only a perceptron has a choice.</summary>
    public OutcomeKind Outcome { get; init; } = OutcomeKind.Binary;

    /// <summary>Names of the classes, in the order of their numbers; empty where the outcome is not a class.</summary>
    public ImmutableArray<string> Classes { get; init; } = [];

    /// <summary>What a number of 1 is in the units a person reads; 1 where the outcome is no number.</summary>
    public double Unit { get; init; } = 1;

    /// <summary>Neurons of each hidden layer of a perceptron.</summary>
    public ImmutableArray<int> Hidden { get; init; } = [];

    /// <summary>Between the layers of a perceptron.</summary>
    public Activation Activation { get; init; } = Activation.Tanh;
}

/// <summary>How updates become the next model. From <see cref="Median"/> on: robust rules, which must see each
/// update.</summary>
public enum Algorithm
{
    FedAvg = 1, Newton = 2, FedAvgM = 3, FedProx = 4, FedAdam = 5, FedYogi = 6, FedAdagrad = 7, Scaffold = 8,
    Median = 9, TrimmedMean = 10, Krum = 11, MultiKrum = 12, GeometricMedian = 13, NormBound = 14,
}

/// <param name="Rounds">At least 1.</param>
/// <param name="LocalSteps">Gradient steps a hospital takes a round, at least 1; Newton takes none.</param>
/// <param name="LearningRate">Above 0.</param>
/// <param name="BatchSize">Patients in a step; null means all.</param>
/// <param name="L2">Weight of (l2/2)|w|² beside the sum of the log losses over all patients; the bias is free.</param>
public sealed record TrainingPlan(
    Algorithm Algorithm, int Rounds, int LocalSteps, double LearningRate, int? BatchSize, double L2)
{
    /// <summary>What the server does with a sum, beyond adding it.</summary>
    public ServerPlan Server { get; init; } = ServerPlan.Plain;

    /// <summary>FedProx's weight of (mu/2)|w - w0|² beside a hospital's loss, w0 the round's model; at least
    /// 0.</summary>
    public double ProximalMu { get; init; }

    /// <summary>Names of the model's views that stay at the hospital, each with values of its own.</summary>
    public ImmutableArray<string> LocalLayers { get; init; } = [];

    /// <summary>The rule that takes the mean's place, or null for the mean.</summary>
    public RobustPlan? Robust { get; init; }

    /// <summary>Whether hospitals keep something of their own from round to round.</summary>
    public bool KeepsOwnState => Algorithm == Algorithm.Scaffold || !LocalLayers.IsEmpty;
}

/// <summary>A robust rule in the place of the weighted mean: only with plain sums, since it must see each
/// update.</summary>
/// <param name="Rule">One of the robust ones.</param>
/// <param name="Faulty">How many hospitals' updates may be arbitrary, at least 0: what a trimmed mean takes away at
/// each end, Krum's f.</param>
/// <param name="Selected">How many updates multi-Krum averages, at least 1; null for n - f - 2.</param>
/// <param name="NormBound">Longest update that a norm bound leaves as it is, in model units; null for the round's
/// median length.</param>
public sealed record RobustPlan(Algorithm Rule, int Faulty, int? Selected, double? NormBound);

/// <param name="Rate">Step of the server, above 0: FedAvgM, FedAdam, FedYogi, FedAdagrad, SCAFFOLD.</param>
/// <param name="Momentum">FedAvgM's, in [0, 1).</param>
/// <param name="Beta1">FedAdam's and FedYogi's share of the past in the mean update, in [0, 1).</param>
/// <param name="Beta2">Their share of the past in its square, in [0, 1).</param>
/// <param name="Tau">Degree of adaptivity of FedAdam, FedYogi and FedAdagrad, above 0.</param>
public sealed record ServerPlan(double Rate, double Momentum, double Beta1, double Beta2, double Tau)
{
    /// <summary>Adds the mean update, and remembers nothing.</summary>
    public static ServerPlan Plain { get; } = new(1, 0, 0, 0, 1);
}

/// <param name="Minimum">Fewer survivors than this: no sum.</param>
/// <param name="Fraction">Share of the roster invited to a round, in (0, 1], drawn from the job's seed.</param>
/// <param name="Deadline">From a round's opening until its survivor set is fixed.</param>
/// <param name="Require">A round without one of these is not committed.</param>
/// <param name="MinimumSampleShare">Least share of <see cref="JobPlan.Patients"/> that the survivors must hold, in [0,
/// 1].</param>
/// <param name="Attempts">Attempts at one round before the job gives up, at least 1.</param>
public sealed record CohortPlan(
    int Minimum, double Fraction, TimeSpan Deadline, ImmutableArray<HospitalId> Require, double MinimumSampleShare,
    int Attempts);

/// <param name="RingBits">32 or 64.</param>
/// <param name="Range">Largest absolute value of an update's coordinate; beyond it saturates and is counted.</param>
/// <param name="WeightCap">Largest weight (patients) a hospital may bring.</param>
/// <param name="PhaseDeadline">How long each phase after training may last: keys, shares, masked updates,
/// unmasking.</param>
public sealed record SecureAggregationPlan(
    bool Enabled, int RingBits, double Range, int WeightCap, TimeSpan PhaseDeadline);

/// <summary>Auto is the first metric of the model's outcome.</summary>
public enum Metric
{
    Auto = 0,
    Auroc = 1,
    Accuracy = 2,
    LogLoss = 3,
    Sensitivity = 4,
    Specificity = 5,
    MacroAuroc = 6,
    Rmse = 7,
    RSquared = 8,
    CIndex = 9,
    PartialLogLoss = 10,
}

/// <summary>Which model a job ends with.</summary>
public enum KeptModel { Last = 1, Best = 2 }

/// <param name="Every">The model is evaluated after every so many rounds, and after the last.</param>
/// <param name="Metric">The figure a table or a plot shows, and a choice among models goes by.</param>
/// <param name="ByHospitals">Whether the hospitals evaluate as well, each on its own patients, inside the secure
/// sum.</param>
/// <param name="MinimumPatients">A hospital with fewer to evaluate on counts none, at least 1.</param>
/// <param name="Keep">Which model the job ends with: the last, or the best by what the hospitals counted
/// together.</param>
/// <param name="Patience">Evaluations by the hospitals without a better one after which a job stops; 0 never stops
/// it.</param>
public sealed record EvaluationPlan(
    int Every, Metric Metric, bool ByHospitals = false, int MinimumPatients = 1, KeptModel Keep = KeptModel.Last,
    int Patience = 0)
{
    /// <summary>Whether the job's course or result hangs on what the hospitals find.</summary>
    public bool Selects => Keep == KeptModel.Best || Patience > 0;
}
