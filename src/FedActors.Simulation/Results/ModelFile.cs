using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Simulation.Results;

/// <summary>The trained model as others read it: <c>model.json</c> and <c>model.safetensors</c>.</summary>
/// <param name="Kind">As the job file writes it: <c>logistic-regression</c>.</param>
/// <param name="Predicts">What the probability is of, in one word: <c>tumour</c>.</param>
/// <param name="Inputs">How each input is made; in the order of the weights.</param>
/// <param name="Parameters">As <see cref="Views"/> cut them; without views one weight an input, then the bias.</param>
/// <param name="Sha256">As in <see cref="RunSummary.ModelSha256"/>.</param>
public sealed record ModelFile(
    string Job, string Kind, string Predicts,
    ImmutableArray<InputDescription> Inputs, ImmutableArray<double> Parameters, string Sha256)
{
    private const string Logistic = "probability = 1 / (1 + exp(-(bias + sum of weight * input)))";

    /// <summary>The tensors of a model that is not one row of weights and a bias; else empty.</summary>
    public ImmutableArray<ParameterView> Views { get; init; } = [];

    /// <summary>Names of the classes, in the order of the outputs; else empty.</summary>
    public ImmutableArray<string> Classes { get; init; } = [];

    /// <summary>How an answer follows from inputs and tensors.</summary>
    public string Formula { get; init; } = Logistic;

    /// <summary>The file of a plan's model.</summary>
    public static ModelFile Of(
        JobPlan plan, string kind, string predicts,
        ImmutableArray<InputDescription> inputs, ImmutableArray<double> parameters, string sha256) =>
        new(plan.Name, kind, predicts, inputs, parameters, sha256)
        {
            Views = plan.Model.Kind is ModelKind.LogisticRegression or ModelKind.LinearRegression
                ? []
                : ModelCatalog.Create(plan.Model).Views,
            Classes = plan.Model.Classes,
            Formula = plan.Model.Kind switch
            {
                ModelKind.LinearRegression =>
                    "number = centre + scale * (bias + sum of weight * input), centre and scale those of the target",
                ModelKind.Softmax => "probability of class k = exp(z_k) / sum exp(z), z = biases + weights * input",
                ModelKind.Cox => "relative hazard = exp(sum of weight * input)",
                ModelKind.Mlp =>
                    $"a = {plan.Model.Activation.ToString().ToLowerInvariant()}(biases + a * weights), layer by layer "
                        + "from a = input; the last "
                    + "layer without it; then " + plan.Model.Outcome switch
                    {
                        OutcomeKind.Class => "probability of class k = exp(a_k) / sum exp(a)",
                        OutcomeKind.Real => "number = centre + scale * a, centre and scale those of the target",
                        _ => "probability = 1 / (1 + exp(-a))",
                    },
                _ => Logistic,
            },
        };

    /// <summary>All that is needed to apply the model to a patient by hand.</summary>
    /// <exception cref="InvalidOperationException">Not one weight an input and a bias.</exception>
    public byte[] ToJson()
    {
        CheckShape();
        return JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                Schema = "fedactors.model/1",
                Job,
                Architecture = new
                {
                    Kind,
                    Inputs = Inputs.Length,
                    Parameters = Parameters.Length,
                    Predicts,
                    Classes = Classes.IsEmpty ? null : (ImmutableArray<string>?)Classes,
                    Formula,
                },
                Features = Inputs.Select(input => input.Feature),
                Scaling = Inputs,
                ScalingRule =
                "input = (column - centre) / scale; where oneOf is not empty: 1 if the column holds one of it, else 0",
                Weights = Views.IsEmpty ? Parameters[..^1] : (ImmutableArray<double>?)null,
                Bias = Views.IsEmpty ? Parameters[^1] : (double?)null,
                Tensors = Views.IsEmpty ? null
                : Views.Select(view =>
                    new { view.Name, view.Shape, Values = Parameters.Slice(view.Offset, view.Length) }),
                ModelSha256 = Sha256,
            },
            ResultJson.Indented);
    }

    /// <summary>
    /// Safetensors: the header's length (u64), a JSON header padded with spaces to a multiple of 8, then the numbers,
    /// all little-endian. Tensors <c>weight</c> [1, d] and <c>bias</c> [1], or those of <see cref="Views"/>, all F64.
    /// Source: github.com/huggingface/safetensors, README, "Format".
    /// </summary>
    /// <exception cref="InvalidOperationException">Not one weight an input and a bias.</exception>
    public byte[] ToSafetensors()
    {
        CheckShape();
        var d = Inputs.Length;
        var header = new Dictionary<string, object>
        {
            ["__metadata__"] = new Dictionary<string, string>
            {
                ["format"] = "fedactors.model/1",
                ["job"] = Job,
                ["kind"] = Kind,
                ["modelSha256"] = Sha256,
            },
        };
        if (Views.IsEmpty)
        {
            header["weight"] = Tensor([1, d], from: 0, to: 8 * d);
            header["bias"] = Tensor([1], from: 8 * d, to: 8 * d + 8);
        }
        foreach (var view in Views)
            header[view.Name] = Tensor([.. view.Shape], from: 8 * view.Offset, to: 8 * (view.Offset + view.Length));
        var headerBytes = JsonSerializer.SerializeToUtf8Bytes(header);
        var padded = (headerBytes.Length + 7) / 8 * 8;
        var file = new byte[8 + padded + 8 * Parameters.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)padded);
        headerBytes.CopyTo(file, 8);
        file.AsSpan(8 + headerBytes.Length, padded - headerBytes.Length).Fill((byte)' ');
        for (var i = 0; i < Parameters.Length; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(file.AsSpan(8 + padded + 8 * i), Parameters[i]);
        return file;
    }

    private static Dictionary<string, object> Tensor(int[] shape, int from, int to) =>
        new() { ["dtype"] = "F64", ["shape"] = shape, ["data_offsets"] = (int[])[from, to] };

    private void CheckShape()
    {
        if (Views.IsEmpty && Parameters.Length != Inputs.Length + 1)
            throw new InvalidOperationException(
                $"{Inputs.Length} inputs need {Inputs.Length + 1} parameters, not {Parameters.Length}.");
    }
}
