using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>The ranges in which the accountants answer, and the refusal outside them. Places are the options'
/// names.</summary>
public static class PrivacyRange
{
    /// <summary>Below it a sampling rate is refused: its square would vanish beside rounding.</summary>
    public const double LeastSamplingRate = 1e-12;

    /// <summary>Below it noise gives no guarantee worth a name (epsilon is above 5,000 after one full
    /// release).</summary>
    public const double LeastNoiseMultiplier = 0.01;

    /// <summary>Above it the loss of one step vanishes beside rounding.</summary>
    public const double LargestNoiseMultiplier = 1e9;

    /// <summary>More steps than this are refused.</summary>
    public const long MostSteps = 1_000_000_000_000;

    /// <summary>Least probability of failure: below it, a delta is beyond what doubles can hold apart from 0.</summary>
    public const double LeastDelta = 1e-200;

    /// <summary>Targets above this are refused: no such epsilon bounds anything.</summary>
    public const double LargestEpsilon = 1e6;

    /// <summary>Empty, or the fault of a target <paramref name="epsilon"/>.</summary>
    public static IEnumerable<Fault> Epsilon(double epsilon) => Check(
        epsilon is > 0 and <= LargestEpsilon, FaultNumber.EpsilonOutOfRange, "epsilon", epsilon,
        $"Give an epsilon above 0 and at most {Text(LargestEpsilon)}, 1 to 4 for a meaningful promise.");

    /// <summary>Empty, or the fault of <paramref name="delta"/>.</summary>
    public static IEnumerable<Fault> Delta(double delta) => Check(
        delta is >= LeastDelta and < 1, FaultNumber.DeltaOutOfRange, "delta", delta,
        "Give a delta above 0 and below 1, well under one over the number of patients, for example 1e-6.");

    /// <summary>Empty, or the fault of <paramref name="rate"/>.</summary>
    public static IEnumerable<Fault> SamplingRate(double rate) => Check(
        rate is >= LeastSamplingRate and <= 1, FaultNumber.SamplingRateOutOfRange, "sampling-rate", rate,
        $"Give the share of patients that a step draws: above 0 ({Text(LeastSamplingRate)} is the least) "
            + "and at most 1.");

    /// <summary>Empty, or the fault of <paramref name="noise"/>.</summary>
    public static IEnumerable<Fault> NoiseMultiplier(double noise) => Check(
        noise is >= LeastNoiseMultiplier and <= LargestNoiseMultiplier, FaultNumber.NoiseMultiplierOutOfRange,
        "noise-multiplier", noise,
        $"Give the noise's standard deviation over the clipping norm: above 0, from {Text(LeastNoiseMultiplier)} "
        + $"to {Text(LargestNoiseMultiplier)}.");

    /// <summary>Empty, or the fault of <paramref name="steps"/>.</summary>
    public static IEnumerable<Fault> Steps(double steps) => Check(
        steps is >= 1 and <= MostSteps && steps == Math.Floor(steps), FaultNumber.StepsOutOfRange, "steps", steps,
        $"Give a whole number of steps from 1 to {Text(MostSteps)}.");

    /// <summary>Empty, or the fault of the largest norm <paramref name="clip"/> of one patient's gradient.</summary>
    public static IEnumerable<Fault> Clip(double clip) => Check(
        clip is >= 1e-9 and <= 1e9, FaultNumber.ClipOutOfRange, "clip", clip,
        "Give the largest norm that one patient may add to a step: above 0, from 1e-9 to 1e9.");

    internal static IEnumerable<Fault> Count(int count, string name) => Check(
        count >= 1, FaultNumber.ValueOutOfRange, name, count, "Give a whole number, at least 1.");

    internal static IEnumerable<Fault> Norms(double l1, double l2) => Check(
        l2 > 0 && double.IsFinite(l1) && l1 >= l2, FaultNumber.ValueOutOfRange, "l1", l1,
        $"Give norms above 0; the sum of absolute coordinates is never below the Euclidean norm {Text(l2)}.");

    /// <exception cref="FaultException">There is a fault.</exception>
    internal static void Require(IEnumerable<Fault> faults)
    {
        if (faults.ToArray() is { Length: > 0 } found)
            throw new FaultException(found);
    }

    private static Fault[] Check(bool holds, FaultNumber number, string name, double value, string fix) =>
        holds ? [] : [new Fault(number, $"{name} = {Text(value)} is out of range.", name, fix)];

    private static string Text(double value) => NumberText.Of(value);
}
