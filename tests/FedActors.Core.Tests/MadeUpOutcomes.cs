using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests;

/// <summary>Every kind of model, with made-up patients it can learn from.</summary>
internal static class MadeUpOutcomes
{
    public static readonly string[] Models =
        ["logistic", "linear", "softmax", "cox", "mlp binary tanh", "mlp class relu", "mlp real tanh"];

    /// <summary>Those whose patients can be told apart.</summary>
    public static readonly string[] PerPatient = [.. Models.Where(name => name != "cox")];

    public static IModel Model(string name, int features) => name switch
    {
        "logistic" => new LogisticRegression(features),
        "linear" => new LinearRegression(features),
        "softmax" => new SoftmaxRegression(features, 3),
        "cox" => new CoxRegression(features),
        "mlp binary tanh" => new MultilayerPerceptron(features, [5, 3], Activation.Tanh, OutcomeKind.Binary),
        "mlp class relu" => new MultilayerPerceptron(features, [7], Activation.Relu, OutcomeKind.Class, 3),
        _ => new MultilayerPerceptron(features, [4], Activation.Tanh, OutcomeKind.Real),
    };

    /// <param name="units">Which patient each row belongs to, or null.</param>
    public static PatientTable Patients(IModel model, int rows, int features, ulong seed, int[]? units = null)
    {
        var made = MadeUpPatients.Of(rows, features, seed);
        var source = new SplitMix64(seed + 17);
        var outcomes = model.Outcome switch
        {
            OutcomeKind.Class =>
                Outcomes.Class([.. Enumerable.Range(0, rows).Select(_ => Math.Floor(3 * source.NextUniform()))], 3),
            OutcomeKind.Real => Outcomes.Real(MadeUpPatients.Normals(source, rows)),
            // Few different times, so that ties are many.
            OutcomeKind.Survival => Outcomes.Survival(
                [.. Enumerable.Range(0, rows).Select(_ => 1 + Math.Floor(9 * source.NextUniform()))],
                made.Labels.ToArray(),
                [.. Enumerable.Range(0, rows).Select(row => row % 2)]),
            _ => made.Outcomes,
        };
        return new PatientTable(made.FeatureNames, made.Values.ToArray(), outcomes, units);
    }

    public static double[] Parameters(IModel model, ulong seed)
    {
        // Whole multiples of 2^-10, so that single precision holds them exactly.
        var source = new SplitMix64(seed + 1);
        return [.. MadeUpPatients.Normals(source, model.ParameterCount).Select(x => Math.Round(x * 512) / 1024)];
    }
}
