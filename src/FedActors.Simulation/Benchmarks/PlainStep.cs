using FedActors.Core.Models;

namespace FedActors.Simulation.Benchmarks;

/// <summary>
/// One step of gradient descent in plain loops of binary64, for networks of dense layers with relu between them: what
/// kernels are compared with. One output is a log-odds, several are scores of classes.
/// </summary>
/// <param name="sizes">Features, neurons of each hidden layer, outputs. Parameters: layer by layer, weights
/// [inputs, outputs] row-major, then biases.</param>
internal sealed class PlainStep(params int[] sizes)
{
    /// <summary>The parameters after one step along the mean gradient of the batch.</summary>
    public double[] From(double[] parameters, PatientBatch batch, double rate)
    {
        var next = (double[])parameters.Clone();
        for (var row = 0; row < batch.Count; row++)
        {
            var patient = batch.RowAt(row);
            var levels = Forward(parameters, batch.Patients.Row(patient).ToArray());
            Add(parameters, levels, batch.Patients.Labels[patient], -rate / batch.Count, next);
        }
        return next;
    }

    // The input of every layer, and the scores.
    private double[][] Forward(double[] parameters, double[] values)
    {
        var levels = new double[sizes.Length][];
        levels[0] = values;
        for (int l = 1, at = 0; l < sizes.Length; at += (sizes[l - 1] + 1) * sizes[l], l++)
        {
            levels[l] = new double[sizes[l]];
            for (var k = 0; k < sizes[l]; k++)
            {
                var sum = parameters[at + sizes[l - 1] * sizes[l] + k];
                for (var i = 0; i < sizes[l - 1]; i++)
                    sum += levels[l - 1][i] * parameters[at + i * sizes[l] + k];
                levels[l][k] = l < sizes.Length - 1 ? Math.Max(0, sum) : sum;
            }
        }
        return levels;
    }

    private void Add(double[] parameters, double[][] levels, double label, double factor, double[] next)
    {
        var deltas = Residuals(levels[^1], label);
        for (int l = sizes.Length - 1, at = parameters.Length; l > 0; l--)
        {
            at -= (sizes[l - 1] + 1) * sizes[l];
            var below = new double[sizes[l - 1]];
            for (var k = 0; k < sizes[l]; k++)
            {
                next[at + sizes[l - 1] * sizes[l] + k] += factor * deltas[k];
                for (var i = 0; i < sizes[l - 1]; i++)
                {
                    next[at + i * sizes[l] + k] += factor * deltas[k] * levels[l - 1][i];
                    below[i] += levels[l - 1][i] > 0 ? deltas[k] * parameters[at + i * sizes[l] + k] : 0;
                }
            }
            deltas = below;
        }
    }

    private static double[] Residuals(double[] scores, double label)
    {
        if (scores.Length == 1)
            return [1 / (1 + Math.Exp(-scores[0])) - label];
        var largest = scores.Max();
        var shares = scores.Select(score => Math.Exp(score - largest)).ToArray();
        var total = shares.Sum();
        return [.. shares.Select((share, k) => share / total - (k == (int)label ? 1 : 0))];
    }
}
