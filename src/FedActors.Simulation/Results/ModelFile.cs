using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using FedActors.Core.Data;

namespace FedActors.Simulation.Results;

/// <summary>The trained model as others read it: <c>model.json</c> and <c>model.safetensors</c>.</summary>
/// <param name="Kind">As the job file writes it: <c>logistic-regression</c>.</param>
/// <param name="Predicts">What the probability is of, in one word: <c>tumour</c>.</param>
/// <param name="Inputs">How each input is made; in the order of the weights.</param>
/// <param name="Parameters">One weight an input, then the bias.</param>
/// <param name="Sha256">As in <see cref="RunSummary.ModelSha256"/>.</param>
public sealed record ModelFile(
    string Job, string Kind, string Predicts, ImmutableArray<InputDescription> Inputs, ImmutableArray<double> Parameters, string Sha256)
{
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
                    Formula = "probability = 1 / (1 + exp(-(bias + sum of weight * input)))",
                },
                Features = Inputs.Select(input => input.Feature),
                Scaling = Inputs,
                ScalingRule = "input = (column - centre) / scale; where oneOf is not empty: 1 if the column holds one of it, else 0",
                Weights = Parameters[..^1],
                Bias = Parameters[^1],
                ModelSha256 = Sha256,
            },
            ResultJson.Indented);
    }

    /// <summary>
    /// Safetensors: the header's length (u64), a JSON header padded with spaces to a multiple of 8, then the numbers,
    /// all little-endian. Tensors <c>weight</c> [1, d] and <c>bias</c> [1], both F64.
    /// Source: github.com/huggingface/safetensors, README, "Format".
    /// </summary>
    /// <exception cref="InvalidOperationException">Not one weight an input and a bias.</exception>
    public byte[] ToSafetensors()
    {
        CheckShape();
        var d = Inputs.Length;
        var header = JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["__metadata__"] = new Dictionary<string, string>
            {
                ["format"] = "fedactors.model/1",
                ["job"] = Job,
                ["kind"] = Kind,
                ["modelSha256"] = Sha256,
            },
            ["weight"] = Tensor([1, d], from: 0, to: 8 * d),
            ["bias"] = Tensor([1], from: 8 * d, to: 8 * d + 8),
        });
        var headerBytes = Encoding.UTF8.GetBytes(header);
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
        if (Parameters.Length != Inputs.Length + 1)
            throw new InvalidOperationException($"{Inputs.Length} inputs need {Inputs.Length + 1} parameters, not {Parameters.Length}.");
    }
}
