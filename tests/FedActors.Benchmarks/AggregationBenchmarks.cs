using BenchmarkDotNet.Attributes;
using FedActors.Core.Aggregation;
using FedActors.Core.Numerics;

namespace FedActors.Benchmarks;

/// <summary>The hub's kernels in each of their forms: <c>--filter *AggregationBenchmarks*</c>.</summary>
[MemoryDiagnoser]
public class AggregationBenchmarks
{
    private const int Parameters = 100_000;

    private SingleUpdates _updates = null!;
    private SortingNetwork _median = null!;
    private SortingNetwork _trimmed = null!;
    private double[] _weights = [];
    private double[] _result = [];
    private double[] _update = [];
    private byte[] _residues = [];
    private FixedPointCode _code = null!;
    private ModularSum _sum = null!;

    [Params(100)]
    public int Vectors { get; set; }

    [ParamsAllValues]
    public SimdForm Form { get; set; }

    [GlobalSetup]
    public void MakeUpdates()
    {
        var random = new SplitMix64(1);
        _updates = new SingleUpdates([.. Enumerable.Range(0, Vectors).Select(_ =>
            (ReadOnlyMemory<float>)Enumerable.Range(0, Parameters).Select(_ => (float)random.NextNormal()).ToArray())]);
        _median = SortingNetwork.For(Vectors, (Vectors - 1) / 2, Vectors - 2 * ((Vectors - 1) / 2));
        _trimmed = SortingNetwork.For(Vectors, Vectors / 10, Vectors - 2 * (Vectors / 10));
        _weights = Enumerable.Repeat(1.0 / Vectors, Vectors).ToArray();
        _result = new double[Parameters];
        _update = [.. Enumerable.Range(0, Parameters).Select(_ => random.NextNormal())];
        _code = new FixedPointCode(32, Vectors, weightCap: 64, range: 8, Parameters);
        (_residues, _sum) = (new byte[_code.Bytes], new ModularSum(32, _code.Bytes));
    }

    [Benchmark]
    public void Mean() => WeightedMean.Of(_updates, _weights, _result, Form);

    [Benchmark]
    public void Median() => CoordinateRanks.Mean(_updates, _median, _result, Form);

    [Benchmark]
    public void TrimmedMean() => CoordinateRanks.Mean(_updates, _trimmed, _result, Form);

    [Benchmark]
    public double[] KrumDistances() => SquaredDistances.AllPairs(_updates, Form);

    /// <summary>One update; has one form in the source, which the runtime fits to the machine.</summary>
    [Benchmark]
    public void SaturateRoundAndAdd()
    {
        _code.Encode(_update, weight: 50, _code.Saturate(_update), _residues);
        _sum.Add(_residues);
    }
}
