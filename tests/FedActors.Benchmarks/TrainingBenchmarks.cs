using BenchmarkDotNet.Attributes;
using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Benchmarks;

/// <summary>One gradient step, and one clipped sum, of a batch of 64: <c>--filter *TrainingBenchmarks*</c>.</summary>
[MemoryDiagnoser]
public class TrainingBenchmarks
{
    private const int Rows = 640;
    private const int Batch = 64;

    private readonly int[] _order = new int[Rows];
    private IPerPatientModel _model = null!;
    private PatientTable _patients = null!;
    private double[] _parameters = [];
    private double[] _gradient = [];

    [Params("logistic 30", "softmax 30-10", "mlp 30-64-2", "mlp 784-256-10")]
    public string Model { get; set; } = "";

    [GlobalSetup]
    public void MakePatients()
    {
        _model = Model switch
        {
            "logistic 30" => new LogisticRegression(30),
            "softmax 30-10" => new SoftmaxRegression(30, 10),
            "mlp 30-64-2" => new MultilayerPerceptron(30, [64], Activation.Relu, OutcomeKind.Class, 2),
            _ => new MultilayerPerceptron(784, [256], Activation.Relu, OutcomeKind.Class, 10),
        };
        var features = Model == "mlp 784-256-10" ? 784 : 30;
        var random = new SplitMix64(1);
        double[] values = [.. Enumerable.Range(0, Rows * features).Select(_ => 2 * random.NextUniform() - 1)];
        var classes = _model.Outcome == OutcomeKind.Class ? _model.Outputs : 2;
        double[] labels = [.. Enumerable.Range(0, Rows).Select(_ => Math.Floor(classes * random.NextUniform()))];
        _patients = new PatientTable(
            [.. Enumerable.Range(0, features).Select(i => $"x{i}")], values,
            _model.Outcome == OutcomeKind.Class ? Outcomes.Class(labels, classes) : Outcomes.Binary(labels));
        (_parameters, _gradient) = (new double[_model.ParameterCount], new double[_model.ParameterCount]);
        _model.Initialize(_parameters, 1);
    }

    /// <summary>One of ten steps of a pass, each by a new batch.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Rows / Batch)]
    public void Step()
    {
        var batches = new BatchOrder(_patients, Batch, 1, _order);
        if (_model is IDescendingModel descending)
        {
            descending.Descend(_parameters, batches, Rows / Batch, 1e-3, 0);
            return;
        }
        for (var step = 0; step < Rows / Batch; step++)
            _model.LossAndGradient(_parameters, batches.Next(), _gradient);
    }

    [Benchmark(OperationsPerInvoke = Rows / Batch)]
    public void ClippedSum()
    {
        for (var step = 0; step < Rows / Batch; step++)
        {
            for (var i = 0; i < Batch; i++)
                _order[i] = step * Batch + i;
            _model.ClippedGradientSum(_parameters, PatientBatch.Of(_patients, _order.AsSpan(0, Batch)), 1, _gradient);
        }
    }
}
