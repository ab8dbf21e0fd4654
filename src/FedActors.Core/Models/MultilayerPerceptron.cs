//  Multilayer perceptron
//      Layers z = W^T a + b with an activation between them; the last is a log-odds (binary), one score a class
//      (softmax), or a
//      number. Parameters: layer by layer, weights [inputs, outputs] row-major, then biases.
//  Computes: in single precision but for the loss and the softmax. Batches are taken in chunks of 256 rows.
//  Starts:   weights normal with variance 1 / inputs, drawn layer by layer in the order of the parameters from
//            SplitMix64
//            seeded with the job's seed; biases 0.
//  Clips:    the gradient of a row is, layer by layer, the outer product of the layer's input a and its delta d, so its
//            squared
//            length is sum_layers (|a|² + 1) |d|²: norms first, then the rows of the deltas are shortened, then the
//            ordinary
//            product makes the sum. No gradient of a patient is ever written.
//  Source:   Goodfellow, "Efficient per-example gradient computations", 2015, for the norms.
//  Error:    gradients to about sqrt(rows) 2^-24 of their largest summand. Clipped gradients are rounded one by one to
//            a grid of
//            at most clip 2^-14, and then add exactly: Privacy/ExactSums.md.
//  Repeats:  the same bits with every form of the kernels, on every number of threads.

using System.Buffers;
using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Core.Data;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Core.Models;

/// <summary>A network of dense layers.</summary>
public sealed unsafe class MultilayerPerceptron : INoisilyDescendingModel, IDescendingModel
{
    private const int Chunk = 256;

    // Scores of a row lie on the stack.
    private const int MostOutputs = 1_000;

    private readonly Layer[] _layers;
    private readonly Activation _activation;
    private readonly int _places;
    private readonly SimdForm _form;

    /// <param name="features">At least 1.</param>
    /// <param name="hidden">Neurons of each hidden layer, each at least 1; none makes a linear model.</param>
    /// <param name="outcome">What it learns; a time of survival it cannot.</param>
    /// <param name="classes">At least 2 where the outcome is a class, at most 1,000; else without meaning.</param>
    /// <exception cref="ArgumentException">Sizes or an outcome that make no network.</exception>
    public MultilayerPerceptron(
        int features, ImmutableArray<int> hidden, Activation activation, OutcomeKind outcome, int classes = 2)
        : this(features, hidden, activation, outcome, classes, SimdForms.Best)
    {
    }

    internal MultilayerPerceptron(
        int features, ImmutableArray<int> hidden, Activation activation, OutcomeKind outcome, int classes,
        SimdForm form)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        if (outcome == OutcomeKind.Survival)
            throw new ArgumentException("A perceptron does not learn times of survival.", nameof(outcome));
        if (hidden.Any(size => size < 1))
            throw new ArgumentException("A hidden layer has at least one neuron.", nameof(hidden));
        Outputs = outcome == OutcomeKind.Class ? classes : 1;
        if (Outputs > MostOutputs || (outcome == OutcomeKind.Class && classes < 2))
            throw new ArgumentException($"There are 2 to {MostOutputs} classes, not {classes}.", nameof(classes));
        (Outcome, _activation, _form) = (outcome, activation, form);
        ImmutableArray<int> sizes = [features, .. hidden, Outputs];
        _layers = new Layer[sizes.Length - 1];
        var views = ImmutableArray.CreateBuilder<ParameterView>();
        for (var l = 0; l < _layers.Length; l++)
        {
            var layer = _layers[l] = new Layer(sizes[l], sizes[l + 1], ParameterCount, _places);
            views.Add(
                new ParameterView($"layer{l + 1}.weights", ParameterCount, [layer.In, layer.Out], layer.In * layer.Out,
                    Penalised: true));
            views.Add(
                new ParameterView($"layer{l + 1}.biases", ParameterCount + layer.In * layer.Out, [layer.Out], layer.Out,
                    Penalised: false));
            ParameterCount = checked(ParameterCount + (layer.In + 1) * layer.Out);
            _places = checked(_places + (layer.In + 1) * layer.Stride);
        }
        Views = views.ToImmutable();
    }

    /// <inheritdoc />
    public ImmutableArray<ParameterView> Views { get; }

    /// <inheritdoc />
    public int ParameterCount { get; }

    /// <inheritdoc />
    public OutcomeKind Outcome { get; }

    /// <inheritdoc />
    public int Outputs { get; }

    /// <inheritdoc />
    public void Initialize(Span<double> parameters, long seed)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        var source = new SplitMix64(unchecked((ulong)seed));
        parameters.Clear();
        foreach (var layer in _layers)
        {
            var spread = 1 / Math.Sqrt(layer.In);
            for (var i = 0; i < layer.In * layer.Out; i++)
                parameters[layer.Offset + i] = spread * source.NextNormal();
        }
    }

    /// <inheritdoc />
    public double Loss(ReadOnlySpan<double> parameters, PatientBatch batch)
    {
        Check(parameters, batch);
        var memory = Reserve();
        Read(parameters, memory.Weights);
        var loss = 0.0;
        for (var start = 0; start < batch.Count; start += Chunk)
            loss += Forward(memory, batch.Slice(start, Math.Min(Chunk, batch.Count - start)), scale: null);
        return loss / batch.Count;
    }

    /// <inheritdoc />
    public double LossAndGradient(ReadOnlySpan<double> parameters, PatientBatch batch, Span<double> gradient)
    {
        ModelChecks.Length(gradient.Length, ParameterCount, nameof(gradient));
        Check(parameters, batch);
        var memory = Reserve();
        Read(parameters, memory.Weights);
        var loss = Differentiate(memory, batch);
        Write(memory.Gradient, gradient);
        return loss;
    }

    /// <inheritdoc />
    public void Predict(ReadOnlySpan<double> parameters, PatientTable patients, Span<double> answers)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Length(patients.Features, _layers[0].In, nameof(patients));
        ModelChecks.Length(answers.Length, patients.Rows * Outputs, nameof(answers));
        var memory = Reserve();
        Read(parameters, memory.Weights);
        for (var start = 0; start < patients.Rows; start += Chunk)
        {
            var rows = Math.Min(Chunk, patients.Rows - start);
            Scores(memory, PatientBatch.All(patients).Slice(start, rows));
            for (var i = 0; i < rows; i++)
            {
                var own = answers.Slice((start + i) * Outputs, Outputs);
                ScoresOf(memory, i, own);
                if (Outcome == OutcomeKind.Class)
                    StableMath.Softmax(own);
                else if (Outcome == OutcomeKind.Binary)
                    own[0] = 1 / (1 + Math.Exp(-own[0]));
            }
        }
    }

    /// <inheritdoc />
    public void ClippedGradientSum(ReadOnlySpan<double> parameters, PatientBatch batch, double clip, Span<double> sum)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Length(sum.Length, ParameterCount, nameof(sum));
        Check(batch.Patients);
        batch.CheckUnits();
        sum.Clear();
        var exact = new ExactSums(clip, ParameterCount);
        for (int start = 0, count; start < batch.Count; start += count)
        {
            count = batch.UnitLength(start);
            if (count > 1)
            {
                ClippedUnit.Add(this, parameters, batch.Slice(start, count), clip, sum);
                continue;
            }
            count = batch.SingleRows(start, int.MaxValue);
            var memory = Reserve();
            Read(parameters, memory.Weights);
            for (var done = 0; done < count; done += ExactSums.MostRows)
            {
                var rows = batch.Slice(start + done, Math.Min(ExactSums.MostRows, count - done));
                ClippedDeltas(memory, rows, exact);
                for (var l = _layers.Length - 1; l >= 0; l--)
                    AddGradient(memory, l, rows.Count, memory.Gradient, 0, 0, exact.Start);
                AddTo(sum, memory.Gradient);
            }
        }
    }

    /// <inheritdoc />
    public void Descend(Span<double> parameters, INoisySteps steps)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        var exact = new ExactSums(steps.Clip, ParameterCount);
        Read(parameters, Reserve().Weights);
        for (var taken = 0; taken < steps.Count; taken++)
        {
            var batch = steps.Next();
            Check(batch.Patients);
            batch.CheckUnits();
            if (batch.Count > ExactSums.MostRows || !batch.HasOneRowEach)
            {
                TakeFromDoubles(steps, batch, parameters);
                continue;
            }
            var memory = Reserve();
            ClippedDeltas(memory, batch, exact);
            for (var l = 0; l < _layers.Length; l++)
                Take(steps, memory, l, batch.Count, exact.Start);
        }
        Write(Reserve().Weights, parameters);
    }

    /// <inheritdoc />
    public void Descend(Span<double> parameters, BatchOrder batches, int steps, double rate, double decay)
    {
        var (keep, step) = ((float)(1 - rate * decay), (float)rate);
        for (var taken = 0; taken < steps; taken++)
        {
            var batch = batches.Next();
            if (taken == 0)
                Check(parameters, batch);
            var memory = Reserve();
            if (taken == 0)
                Read(parameters, memory.Weights);
            if (batch.Count > Chunk)
            {
                Differentiate(memory, batch);
                foreach (var layer in _layers)
                {
                    var weights = layer.In * layer.Stride;
                    ActivationKernels.Descend(memory.Weights + layer.Place, memory.Gradient + layer.Place, weights,
                        keep, step);
                    ActivationKernels.Descend(
                        memory.Weights + layer.Place + weights, memory.Gradient + layer.Place + weights, layer.Stride,
                        1, step);
                }
                continue;
            }
            // With the step in the deltas the products add straight to the weights: no gradient is written at all.
            Forward(memory, batch, scale: -step / batch.Count);
            for (var l = _layers.Length - 1; l >= 0; l--)
            {
                if (l > 0)
                    DeltaBelow(memory, l, batch.Count);
                AddGradient(memory, l, batch.Count, memory.Weights, keep, 1);
            }
        }
        if (steps > 0)
            Write(Reserve().Weights, parameters);
    }

    // Which way a batch goes must not show in the weights: they stay in single precision and move by the same rule.
    private void TakeFromDoubles(INoisySteps steps, PatientBatch batch, Span<double> parameters)
    {
        Write(Reserve().Weights, parameters);
        var rented = ArrayPool<double>.Shared.Rent(ParameterCount);
        var sums = rented.AsSpan(0, ParameterCount);
        ClippedGradientSum(parameters, batch, steps.Clip, sums);
        var weights = Reserve().Weights;
        // The sum was made in the same memory.
        Read(parameters, weights);
        foreach (var layer in _layers)
        {
            for (var row = 0; row <= layer.In; row++)
                steps.Take(sums.Slice(layer.Offset + row * layer.Out, layer.Out),
                    new Span<float>(weights + layer.Place + (nint)row * layer.Stride, layer.Out),
                    penalised: row < layer.In);
        }
        ArrayPool<double>.Shared.Return(rented, clearArray: true);
    }

    // A layer's sums are made and used up some rows at a time, in one place, which stays in the second-level cache.
    private void Take(INoisySteps steps, Memory memory, int l, int rows, float start)
    {
        var layer = _layers[l];
        var (inputs, deltas) = (memory.Input(l).Transposed, new MatrixView(memory.Deltas(l), layer.Stride, 1));
        float* sums = memory.Gradient, weights = memory.Weights + layer.Place;
        for (int first = 0, count; first < layer.In; first += count)
        {
            count = Math.Min(Chunk, layer.In - first);
            MatrixProduct.Run(count, layer.Out, rows, inputs.From(first), deltas, sums, layer.Stride, 0,
                memory.Scratch, _form, start);
            var isWhole = layer.Out == layer.Stride;
            var (stretches, length) = isWhole ? (1, count * layer.Out) : (count, layer.Out);
            for (var i = 0; i < stretches; i++)
                steps.Take(new ReadOnlySpan<float>(sums + i * layer.Stride, length),
                    new Span<float>(weights + (nint)(first + i) * layer.Stride, length), penalised: true);
        }
        ActivationKernels.AddRows(memory.Deltas(l), rows, layer.Stride, sums, 0, start);
        steps.Take(new ReadOnlySpan<float>(sums, layer.Out),
            new Span<float>(weights + (nint)layer.In * layer.Stride, layer.Out), penalised: false);
    }

    // The deltas of patients of one row each, shortened: what the products then add up exactly.
    private void ClippedDeltas(Memory memory, PatientBatch rows, ExactSums exact)
    {
        Forward(memory, rows, scale: 1);
        for (var l = _layers.Length - 1; l > 0; l--)
            DeltaBelow(memory, l, rows.Count);
        for (var i = 0; i < rows.Count; i++)
            ClipRow(memory, i, exact);
    }

    private double Differentiate(Memory memory, PatientBatch batch)
    {
        new Span<float>(memory.Gradient, _places).Clear();
        var loss = 0.0;
        for (var start = 0; start < batch.Count; start += Chunk)
        {
            var rows = batch.Slice(start, Math.Min(Chunk, batch.Count - start));
            loss += Forward(memory, rows, scale: 1f / batch.Count);
            for (var l = _layers.Length - 1; l >= 0; l--)
            {
                if (l > 0)
                    DeltaBelow(memory, l, rows.Count);
                AddGradient(memory, l, rows.Count, memory.Gradient, 1, 1);
            }
        }
        return loss / batch.Count;
    }

    // Sum of the losses; with a scale also the last layer's deltas, times it.
    private double Forward(Memory memory, PatientBatch rows, float? scale)
    {
        Scores(memory, rows);
        var last = _layers.Length - 1;
        var labels = rows.Patients.Labels;
        Span<double> scores = stackalloc double[Outputs];
        var loss = 0.0;
        for (var i = 0; i < rows.Count; i++)
        {
            ScoresOf(memory, i, scores);
            loss += Judge(scores, labels[rows.RowAt(i)]);
            if (scale is not { } factor)
                continue;
            var delta = memory.Deltas(last) + (nint)i * _layers[last].Stride;
            for (var k = 0; k < Outputs; k++)
                delta[k] = (float)scores[k] * factor;
        }
        return loss;
    }

    // From scores to residuals, and the loss.
    private double Judge(Span<double> scores, double label)
    {
        switch (Outcome)
        {
            case OutcomeKind.Class:
                var score = scores[(int)label];
                var loss = StableMath.Softmax(scores) - score;
                scores[(int)label] -= 1;
                return loss;
            case OutcomeKind.Real:
                scores[0] -= label;
                return scores[0] * scores[0] / 2;
            default:
                var z = scores[0];
                scores[0] = 1 / (1 + Math.Exp(-z)) - label;
                return StableMath.LogOnePlusExp(z) - label * z;
        }
    }

    private void Scores(Memory memory, PatientBatch rows)
    {
        memory.Gather(rows, _layers[0].In);
        for (var l = 0; l < _layers.Length; l++)
        {
            var layer = _layers[l];
            var weights = memory.Weights + layer.Place;
            MatrixProduct.Run(WholeTiles(rows.Count), layer.Out, layer.In, memory.Input(l),
                new MatrixView(weights, layer.Stride, 1),
                memory.Answers(l), layer.Stride, 0, memory.Scratch, _form);
            ActivationKernels.Activate(memory.Answers(l), weights + layer.In * layer.Stride, rows.Count, layer.Stride,
                l == _layers.Length - 1 ? null : _activation);
        }
    }

    private void ScoresOf(Memory memory, int row, Span<double> scores)
    {
        var last = _layers.Length - 1;
        var own = memory.Answers(last) + (nint)row * _layers[last].Stride;
        for (var k = 0; k < scores.Length; k++)
            scores[k] = own[k];
    }

    // A row of a product's result depends on its own row alone: what lies past the last row, in the room for a chunk,
    // makes rows that nobody reads.
    private static int WholeTiles(int rows) =>
        (rows + MatrixProduct.TileRows - 1) / MatrixProduct.TileRows * MatrixProduct.TileRows;

    private void DeltaBelow(Memory memory, int l, int rows)
    {
        var (layer, below) = (_layers[l], _layers[l - 1]);
        MatrixProduct.Run(WholeTiles(rows), layer.In, layer.Out, new MatrixView(memory.Deltas(l), layer.Stride, 1),
            new MatrixView(memory.Weights + layer.Place, layer.Stride, 1).Transposed, memory.Deltas(l - 1),
            below.Stride, 0, memory.Scratch, _form);
        ActivationKernels.Derive(memory.Deltas(l - 1), memory.Answers(l - 1), rows * below.Stride, _activation);
    }

    private void AddGradient(
        Memory memory, int l, int rows, float* into, float keepWeights, float keepBiases, float start = 0)
    {
        var layer = _layers[l];
        MatrixProduct.Run(layer.In, layer.Out, rows, memory.Input(l).Transposed,
            new MatrixView(memory.Deltas(l), layer.Stride, 1),
            into + layer.Place, layer.Stride, keepWeights, memory.Scratch, _form, start);
        var biases = into + layer.Place + layer.In * layer.Stride;
        ActivationKernels.AddRows(memory.Deltas(l), rows, layer.Stride, biases, keepBiases, start);
    }

    private void ClipRow(Memory memory, int row, ExactSums exact)
    {
        var square = 0.0;
        for (var l = 0; l < _layers.Length; l++)
        {
            var input = memory.Input(l);
            square += (ActivationKernels.SquaredNorm(input.At + (nint)row * input.Row, _layers[l].In) + 1)
                * ActivationKernels.SquaredNorm(memory.Deltas(l) + (nint)row * _layers[l].Stride, _layers[l].Out);
        }
        var factor = exact.Factor(Math.Sqrt(square));
        for (var l = 0; l < _layers.Length; l++)
        {
            var input = memory.Input(l);
            var delta = memory.Deltas(l) + (nint)row * _layers[l].Stride;
            if (factor > 0)
            {
                ActivationKernels.ScaleToOdd(delta, _layers[l].Stride, factor);
                continue;
            }
            // Nothing times what is not a number would still be none.
            new Span<float>(delta, _layers[l].Stride).Clear();
            new Span<float>(input.At + (nint)row * input.Row, _layers[l].In).Clear();
        }
    }

    private void Read(ReadOnlySpan<double> parameters, float* places) =>
        Move(places, parameters.Length, default, parameters);

    private void Write(float* places, Span<double> parameters) => Move(places, parameters.Length, parameters, default);

    // Between the flat vector and padded rows, biases as a last row.
    private void Move(float* places, int length, Span<double> to, ReadOnlySpan<double> from)
    {
        foreach (var layer in _layers)
        {
            for (var row = 0; row <= layer.In; row++)
            {
                var place = new Span<float>(places + layer.Place + (nint)row * layer.Stride, layer.Stride);
                var at = layer.Offset + row * layer.Out;
                if (to.IsEmpty)
                {
                    TensorPrimitives.ConvertTruncating(from.Slice(at, layer.Out), place);
                    place[layer.Out..].Clear();
                }
                else
                {
                    TensorPrimitives.ConvertTruncating<float, double>(place[..layer.Out], to.Slice(at, layer.Out));
                }
            }
        }
    }

    private void AddTo(Span<double> sum, float* places)
    {
        foreach (var layer in _layers)
        {
            var isWhole = layer.Out == layer.Stride;
            var (rows, length) = isWhole ? (1, (layer.In + 1) * layer.Out) : (layer.In + 1, layer.Out);
            for (var row = 0; row < rows; row++)
            {
                ref var into = ref sum[layer.Offset + row * layer.Out];
                ActivationKernels.AddTo(ref into, places + layer.Place + (nint)row * layer.Stride, length);
            }
        }
    }

    private void Check(ReadOnlySpan<double> parameters, PatientBatch batch)
    {
        ModelChecks.Length(parameters.Length, ParameterCount, nameof(parameters));
        ModelChecks.Batch(batch, Outcome, _layers[0].In);
        Check(batch.Patients);
    }

    private void Check(PatientTable patients)
    {
        ModelChecks.Table(patients, Outcome, _layers[0].In);
        if (Outcome == OutcomeKind.Class && patients.Outcomes.Classes != Outputs)
            throw new ArgumentException(
                $"A table of {patients.Outcomes.Classes} classes does not fit a model of {Outputs}.", nameof(patients));
    }

    private Memory Reserve() => new(_layers, _places);

    /// <param name="Offset">Of its weights in the flat vector.</param>
    /// <param name="Place">Of its weights in padded memory.</param>
    private sealed record Layer(int In, int Out, int Offset, int Place)
    {
        /// <summary>Outputs, padded: from one row of weights, answers or deltas to the next.</summary>
        public int Stride { get; } = ActivationKernels.Padded(Out);
    }

    /// <summary>Where things lie in the thread's arena: weights and gradient first, so that they stay where they are
    /// for any number of rows.</summary>
    private readonly ref struct Memory
    {
        private readonly Layer[] _layers;
        private readonly float* _answers;
        private readonly float* _gathered;

        public Memory(Layer[] layers, int places)
        {
            _layers = layers;
            var (widths, longest) = (0, Math.Max(Chunk, layers[0].In));
            foreach (var layer in layers)
                (widths, longest) = (widths + layer.Stride, Math.Max(longest, layer.Out));
            var scratch = MatrixProduct.ScratchLength(longest);
            Weights = MlpArena.OfThisThread.Reserve(2L * places + scratch + (long)Chunk * (2 * widths + layers[0].In));
            Gradient = Weights + places;
            Scratch = Gradient + places;
            _answers = Scratch + scratch;
            _gathered = _answers + 2 * (nint)Chunk * widths;
        }

        public float* Weights { get; }

        public float* Gradient { get; }

        public float* Scratch { get; }

        public float* Answers(int l) => _answers + (nint)Chunk * Before(l);

        public float* Deltas(int l) => _answers + (nint)Chunk * (Before(_layers.Length) + Before(l));

        public MatrixView Input(int l) =>
            l == 0 ? new MatrixView(_gathered, _layers[0].In, 1)
            : new MatrixView(Answers(l - 1), _layers[l - 1].Stride, 1);

        public void Gather(PatientBatch rows, int features)
        {
            var values = rows.Patients.SingleValues;
            for (var i = 0; i < rows.Count; i++)
                values.Slice(rows.RowAt(i) * features, features)
                    .CopyTo(new Span<float>(_gathered + (nint)i * features, features));
        }

        private int Before(int l)
        {
            var widths = 0;
            for (var i = 0; i < l; i++)
                widths += _layers[i].Stride;
            return widths;
        }
    }
}
