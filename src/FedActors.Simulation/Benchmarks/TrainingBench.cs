using System.Collections.Immutable;
using System.Numerics.Tensors;
using FedActors.Actors.Configuration;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Training;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What one pass over made-up patients costs on one thread: CPU milliseconds, medians.</summary>
/// <param name="Form">The instructions that ran: vector512, vector256 or portable.</param>
/// <param name="AllocatedBytes">Allocated in all measured passes without privacy together.</param>
/// <param name="ClippedEpochMs">As many steps, patients drawn independently and each one's gradient clipped; no
/// noise.</param>
/// <param name="ClippedRatio">That over a plain pass.</param>
/// <param name="NoisyEpochMs">The same with exact noise from the system's generator: what a hospital runs.</param>
/// <param name="NoisyRatio">That over a plain pass.</param>
/// <param name="Checked">After one batch the weights agree with a step in plain loops of binary64.</param>
/// <param name="FmaPeakGflops">Fused multiply-adds of this thread and nothing else, two operations each.</param>
public sealed record TrainingBenchResult(
    string Model, int Rows, int Features, int BatchSize, int Parameters, string Form, double EpochMs,
    long AllocatedBytes,
    double? ClippedEpochMs, double? ClippedRatio, double? NoisyEpochMs, double? NoisyRatio,
    bool Checked,
    double? FmaPeakGflops, ImmutableArray<ProductFigure>? Products);

/// <summary>
/// Logistic regression on 5,000 patients of 30 features in batches of 32, or a perceptron 784-256-10 (relu) on 10,000
/// in batches of 64, and the matrix products it is made of.
/// </summary>
public static class TrainingBench
{
    private const double Rate = 0.05;
    private const double Noise = 1;

    /// <param name="private">Whether the pass is also made with clipping, and with clipping and noise.</param>
    public static TrainingBenchResult Run(ModelKind kind, bool @private)
    {
        var (rows, features, batch) = kind == ModelKind.Mlp ? (10_000, 784, 64) : (5_000, 30, 32);
        var pass = new Pass(kind, rows, features, batch);
        var allocated = 0L;
        void Plain()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            pass.Plain();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        var times = @private ? ThreadCpuClock.Medians(Plain, pass.Clipped, pass.Noisy) : ThreadCpuClock.Medians(Plain);
        (double Peak, ImmutableArray<ProductFigure> Figures)? products = kind == ModelKind.Mlp
            ? ProductBench.Run()
            : null;
        return new TrainingBenchResult(
            kind == ModelKind.Mlp ? "mlp 784-256-10" : Names.Of(kind), rows, features, batch, pass.Parameters,
            SimdForms.Best.ToString().ToLowerInvariant(), Math.Round(times[0], 3), allocated,
            At(1), Ratio(1), At(2), Ratio(2), pass.IsRight(), products?.Peak, products?.Figures);

        double? At(int i) => i < times.Length ? Math.Round(times[i], 3) : null;
        double? Ratio(int i) => i < times.Length ? Math.Round(times[i] / times[0], 2) : null;
    }

    private sealed class Pass
    {
        private readonly JobPlan _plan;
        private readonly IPerPatientModel _model;
        private readonly PatientTable _patients;
        private readonly NoisyGrid _grid;
        private readonly PoissonSampling _sampling;
        private readonly TrainingScratch _scratch = new();
        private readonly double[] _start, _parameters, _gradient;
        private readonly int[] _order, _rows;
        private readonly int _batch;

        private readonly PlainStep _plainStep;

        public Pass(ModelKind kind, int rows, int features, int batch)
        {
            ImmutableArray<string> names = [.. Enumerable.Range(0, features).Select(i => $"x{i}")];
            var model = kind != ModelKind.Mlp ? new ModelPlan(kind, names) : new ModelPlan(kind, names)
            {
                Outcome = OutcomeKind.Class,
                Classes = [.. Enumerable.Range(0, 10).Select(i => $"{i}")],
                Hidden = [256],
                Activation = Activation.Relu,
            };
            (_model, _batch) = ((IPerPatientModel)ModelCatalog.Create(model), batch);
            _plainStep = new PlainStep([features, .. model.Hidden, _model.Outputs]);
            _plan = new JobPlan(
                "bench", Seed: 1, rows, model,
                new TrainingPlan(Algorithm.FedAvg, 1, (rows + batch - 1) / batch, Rate, BatchSize: null, L2: 0),
                new CohortPlan(1, 1, TimeSpan.FromMinutes(1), [], 0, 1),
                new SecureAggregationPlan(Enabled: false, RingBits: 32, Range: 8, WeightCap: rows,
                    TimeSpan.FromMinutes(1)),
                new PrivacyPlan(PrivacyMode.PatientLocal, NoiseMultiplier: Noise, SamplingRate: (double)batch / rows),
                new EvaluationPlan(int.MaxValue, Metric.Auto));
            _patients = MadeUp(names, rows, model);
            _grid = new NoisyGrid(_model.ParameterCount, 1, Noise, shares: 1, NoisyGrid.BitsFor(Noise), rows);
            _sampling = new PoissonSampling(_plan.Privacy.SamplingRate);
            (_start, _parameters) = (new double[_model.ParameterCount], new double[_model.ParameterCount]);
            (_gradient, _order, _rows) = (new double[_model.ParameterCount], new int[rows], new int[rows]);
            _model.Initialize(_start, _plan.Seed);
        }

        public int Parameters => _model.ParameterCount;

        /// <summary>As a hospital trains without privacy, less the loss of the incoming model.</summary>
        public void Plain() => Descend(_plan.Training.LocalSteps);

        /// <summary>Whether the first batch moves every weight as plain loops do: to the accuracy of the model's
        /// numbers.</summary>
        public bool IsRight()
        {
            Descend(steps: 1);
            var expected = _plainStep.From(_start, Batches().Next(), Rate);
            var most = _model is MultilayerPerceptron ? 1e-6 : 1e-12;
            return expected.Zip(_parameters, (a, b) => Math.Abs(a - b)).All(difference => difference <= most);
        }

        private BatchOrder Batches() => new(_patients, _batch, seed: 1, _order);

        private void Descend(int steps)
        {
            _start.CopyTo(_parameters, 0);
            var batches = Batches();
            if (_model is IDescendingModel descending)
            {
                descending.Descend(_parameters, batches, steps, Rate, decay: 0);
                return;
            }
            for (var step = 0; step < steps; step++)
            {
                _model.LossAndGradient(_parameters, batches.Next(), _gradient);
                LocalTraining.Step(_plan.Training, _plan.Patients, _model, _start, drift: default, _parameters,
                    _gradient);
            }
        }

        public void Clipped()
        {
            _start.CopyTo(_parameters, 0);
            using var source = new CounterSource(SecureRandomSource.Instance);
            var steps = new ClippedSteps(this, source);
            if (_model is INoisilyDescendingModel own)
            {
                own.Descend(_parameters, steps);
                return;
            }
            for (var step = 0; step < steps.Count; step++)
                steps.Take(steps.Next(), _parameters);
        }

        public void Noisy() => PrivateTraining.Local(
            _plan, _grid, _model, _start, _patients, _patients.Rows, SecureRandomSource.Instance, _parameters,
            _scratch);

        private static PatientTable MadeUp(ImmutableArray<string> features, int rows, ModelPlan model)
        {
            var random = new SplitMix64(1);
            var (values, labels) = (new double[rows * features.Length], new double[rows]);
            for (var i = 0; i < values.Length; i++)
                values[i] = 2 * random.NextUniform() - 1;
            var classes = model.Outcome == OutcomeKind.Class ? model.Classes.Length : 2;
            for (var i = 0; i < rows; i++)
                labels[i] = Math.Floor(classes * random.NextUniform());
            var isClass = model.Outcome == OutcomeKind.Class;
            return new PatientTable(features, values,
                isClass ? Outcomes.Class(labels, classes) : Outcomes.Binary(labels));
        }

        /// <summary>As a hospital trains, less the noise.</summary>
        private sealed class ClippedSteps(Pass pass, CounterSource source) : INoisySteps
        {
            private readonly PoissonSampling _sampling = pass._sampling;

            public int Count => pass._plan.Training.LocalSteps;

            public double Clip => pass._plan.Privacy.Clip;

            public PatientBatch Next()
            {
                var drawn = _sampling.Draw(source, pass._patients.Units, pass._order);
                return PatientBatch.OfUnits(pass._patients, pass._order.AsSpan(0, drawn), pass._rows);
            }

            public void Take(PatientBatch batch, Span<double> parameters)
            {
                pass._model.ClippedGradientSum(parameters, batch, Clip, pass._gradient);
                TensorPrimitives.MultiplyAdd<double>(pass._gradient, -Rate / pass._batch, parameters, parameters);
            }

            public void Take(ReadOnlySpan<float> sums, Span<float> weights, bool penalised) =>
                TensorPrimitives.MultiplyAdd(sums, (float)(-Rate / pass._batch), weights, weights);

            public void Take(ReadOnlySpan<double> sums, Span<float> weights, bool penalised)
            {
                for (var i = 0; i < sums.Length; i++)
                    weights[i] -= (float)(Rate / pass._batch * sums[i]);
            }
        }
    }
}
