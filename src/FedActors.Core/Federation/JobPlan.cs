using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Federation;

/// <summary>What a consortium agrees to train, and how: the checked content of a job file but for its data.</summary>
/// <param name="Seed">Seeds what must repeat: cohort draws, batch orders, initial weights. Never keys, masks or noise.</param>
/// <param name="Patients">Training patients over all hospitals, a public figure: scales the l2 penalty of a local step.</param>
public sealed record JobPlan(
    string Name,
    long Seed,
    long Patients,
    ModelPlan Model,
    TrainingPlan Training,
    CohortPlan Cohort,
    SecureAggregationPlan SecureAggregation,
    PrivacyPlan Privacy,
    EvaluationPlan Evaluation);

public enum ModelKind { LogisticRegression = 1 }

/// <param name="Features">Names of the inputs, in order; the model has one coordinate for each and a bias behind them.</param>
public sealed record ModelPlan(ModelKind Kind, ImmutableArray<string> Features);

public enum Algorithm { FedAvg = 1, Newton = 2 }

/// <param name="Rounds">At least 1.</param>
/// <param name="LocalSteps">Gradient steps a hospital takes a round, at least 1; Newton takes none.</param>
/// <param name="LearningRate">Above 0.</param>
/// <param name="BatchSize">Patients in a step; null means all.</param>
/// <param name="L2">Weight of (l2/2)|w|² beside the sum of the log losses over all patients; the bias is free.</param>
public sealed record TrainingPlan(Algorithm Algorithm, int Rounds, int LocalSteps, double LearningRate, int? BatchSize, double L2);

/// <param name="Minimum">Fewer survivors than this: no sum.</param>
/// <param name="Fraction">Share of the roster invited to a round, in (0, 1], drawn from the job's seed.</param>
/// <param name="Deadline">From a round's opening until its survivor set is fixed.</param>
/// <param name="Require">A round without one of these is not committed.</param>
/// <param name="MinimumSampleShare">Least share of <see cref="JobPlan.Patients"/> that the survivors must hold, in [0, 1].</param>
/// <param name="Attempts">Attempts at one round before the job gives up, at least 1.</param>
public sealed record CohortPlan(
    int Minimum, double Fraction, TimeSpan Deadline, ImmutableArray<HospitalId> Require, double MinimumSampleShare, int Attempts);

/// <param name="RingBits">32 or 64.</param>
/// <param name="Range">Largest absolute value of an update's coordinate; beyond it saturates and is counted.</param>
/// <param name="WeightCap">Largest weight (patients) a hospital may bring.</param>
/// <param name="PhaseDeadline">How long each phase after training may last: keys, shares, masked updates, unmasking.</param>
public sealed record SecureAggregationPlan(bool Enabled, int RingBits, double Range, int WeightCap, TimeSpan PhaseDeadline);

public enum Metric { Auroc = 1, Accuracy = 2, LogLoss = 3, Sensitivity = 4, Specificity = 5 }

/// <param name="Every">The model is evaluated after every so many rounds, and after the last.</param>
/// <param name="Metric">The figure a table or a plot shows.</param>
public sealed record EvaluationPlan(int Every, Metric Metric);
