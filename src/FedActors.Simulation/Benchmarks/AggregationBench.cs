using System.Numerics.Tensors;
using FedActors.Core.Aggregation;
using FedActors.Core.Numerics;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What the hub's arithmetic costs over so many updates, on one thread, beside the speed memory is read at.</summary>
/// <param name="Vectors">Updates.</param>
/// <param name="Parameters">Coordinates of each.</param>
/// <param name="CpuMs">CPU time of one thread, median of the repetitions.</param>
/// <param name="GigabytesPerSecond">Bytes of the updates over that time, GB of 1,000,000,000 bytes.</param>
/// <param name="ReadGigabytesPerSecond">What one thread of this process reads of the same bytes, adding them up.</param>
/// <param name="ShareOfRead">The one over the other.</param>
/// <param name="Form">The instructions that ran: vector512, vector256 or portable.</param>
/// <param name="Checked">A few coordinates agree with a plain loop over sorted or summed values in binary64.</param>
public sealed record AggregationBenchResult(
    int Vectors, int Parameters, string Rule, double CpuMs, double GigabytesPerSecond, double ReadGigabytesPerSecond, double ShareOfRead,
    string Form, bool Checked);

/// <summary>Means and robust rules over made-up updates in memory.</summary>
public static class AggregationBench
{
    /// <summary>What can be measured; streaming adds fixed-point updates one by one into a running sum, as plain rounds do.</summary>
    public static IReadOnlyCollection<string> Rules { get; } = ["mean", "streaming", "median", "trimmed-mean", "krum", "quantise"];

    private const int Repetitions = 7;
    private const double Trim = 0.1;

    public static AggregationBenchResult Run(int vectors, int parameters, string rule)
    {
        var updates = MadeUp(vectors, parameters);
        var read = Measure(() =>
        {
            foreach (var update in updates)
                _ = TensorPrimitives.Sum<float>(update);
        });
        var (milliseconds, isRight) = rule switch
        {
            "streaming" => Streaming(vectors, parameters),
            "quantise" => Quantise(vectors, updates),
            _ => Aggregate(rule, updates),
        };
        var bytes = (double)vectors * parameters * sizeof(float);
        return new AggregationBenchResult(
            vectors, parameters, rule, Math.Round(milliseconds, 3), Math.Round(bytes / milliseconds / 1e6, 2),
            Math.Round(bytes / read / 1e6, 2), Math.Round(read / milliseconds, 3), SimdForms.Best.ToString().ToLowerInvariant(), isRight);
    }

    private static (double Milliseconds, bool IsRight) Aggregate(string rule, float[][] updates)
    {
        var (n, trim) = (updates.Length, (int)(Trim * updates.Length));
        var single = new SingleUpdates([.. updates.Select(update => (ReadOnlyMemory<float>)update)]);
        var result = new double[single.Length];
        var weights = Enumerable.Repeat(1.0 / n, n).ToArray();
        if (rule == "krum")
        {
            var distances = new double[n * n];
            var time = Measure(() => distances = SquaredDistances.AllPairs(single, SimdForms.Best));
            var exact = updates[0].Zip(updates[^1], (a, b) => ((double)a - b) * ((double)a - b)).Sum();
            return (time, Math.Abs(distances[n - 1] - exact) <= 34 * Math.ScaleB(1, -24) * exact);
        }
        var ranks = new TrimmedMean(rule == "median" ? null : trim);
        var milliseconds = rule == "mean"
            ? Measure(() => WeightedMean.Of(single, weights, result, SimdForms.Best))
            : Measure(() => ranks.Aggregate(single, result, SimdForms.Best));
        var cut = rule == "mean" ? 0 : rule == "median" ? (n - 1) / 2 : trim;
        return (milliseconds, Sampled(single.Length).All(k =>
            Math.Abs(result[k] - updates.Select(update => (double)update[k]).Order().Skip(cut).SkipLast(cut).Average()) < 1e-12));
    }

    // Words as hospitals send them, added as the aggregator adds them.
    private static (double Milliseconds, bool IsRight) Streaming(int vectors, int parameters)
    {
        var words = new byte[vectors][];
        for (var u = 0; u < vectors; u++)
        {
            words[u] = new byte[sizeof(int) * parameters];
            for (var k = 0; k < parameters; k++)
                BitConverter.TryWriteBytes(words[u].AsSpan(sizeof(int) * k), (u + 1) * (k % 1000));
        }
        var sum = new ModularSum(32, sizeof(int) * parameters);
        var milliseconds = Measure(() =>
        {
            sum = new ModularSum(32, sizeof(int) * parameters);
            foreach (var update in words)
                sum.Add(update);
        });
        return (milliseconds, Sampled(parameters).All(k =>
            BitConverter.ToInt32(sum.Words[(sizeof(int) * k)..]) == unchecked(k % 1000 * (vectors * (vectors + 1) / 2))));
    }

    // A hospital's last step and the hub's first: saturate, round to the ring, add.
    private static (double Milliseconds, bool IsRight) Quantise(int vectors, float[][] updates)
    {
        var code = new FixedPointCode(32, vectors, weightCap: 64, range: 8, updates[0].Length);
        var values = updates.Take(4).Select(update => Array.ConvertAll(update, x => (double)x)).ToArray();
        var (residues, sum) = (new byte[code.Bytes], new ModularSum(32, code.Bytes));
        var milliseconds = Measure(() =>
        {
            sum = new ModularSum(32, code.Bytes);
            for (var u = 0; u < vectors; u++)
            {
                var update = values[u % values.Length];
                code.Encode(update, weight: 50, code.Saturate(update), residues);
                sum.Add(residues);
            }
        });
        return (milliseconds, Sampled(code.Values).All(k => BitConverter.ToInt32(sum.Words[(sizeof(int) * k)..])
            == Enumerable.Range(0, vectors).Sum(u => (int)Math.Round(values[u % values.Length][k] * (50 * code.Scale), MidpointRounding.ToEven))));
    }

    private static IEnumerable<int> Sampled(int length) => Enumerable.Range(0, 100).Select(i => (int)((long)i * 7919 % length));

    private static double Measure(Action work)
    {
        work();
        var times = new double[Repetitions];
        for (var i = 0; i < Repetitions; i++)
        {
            var start = ThreadCpuClock.Milliseconds;
            work();
            times[i] = ThreadCpuClock.Milliseconds - start;
        }
        return times.Order().ElementAt(Repetitions / 2);
    }

    private static float[][] MadeUp(int vectors, int parameters)
    {
        var random = new SplitMix64(1);
        // Normals are slow to draw: every vector reads the same ones from another place.
        var normals = new float[parameters + 65_536];
        for (var i = 0; i < normals.Length; i++)
            normals[i] = (float)random.NextNormal();
        return [.. Enumerable.Range(0, vectors).Select(_ => normals.AsSpan((int)(random.NextUInt64() % 65_536), parameters).ToArray())];
    }
}
