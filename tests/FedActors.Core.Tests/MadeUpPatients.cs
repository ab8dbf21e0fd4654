using FedActors.Core.Data;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests;

/// <summary>Patients from a seed, for tests of arithmetic.</summary>
internal static class MadeUpPatients
{
    /// <summary>Normal features, labels drawn from a logistic model of them; both labels occur where there are two
    /// rows.</summary>
    public static PatientTable Of(int rows, int features, ulong seed = 1)
    {
        var source = new SplitMix64(seed);
        var truth = Normals(source, features);
        var values = Normals(source, rows * features);
        var labels = new double[rows];
        for (var i = 0; i < rows; i++)
        {
            var z = 0.0;
            for (var k = 0; k < features; k++)
                z += truth[k] * values[i * features + k];
            labels[i] = i < 2 ? i : source.NextUniform() < 1 / (1 + Math.Exp(-z)) ? 1 : 0;
        }
        return new PatientTable([.. Enumerable.Range(1, features).Select(k => $"x{k}")], values, labels);
    }

    public static double[] Normals(SplitMix64 source, int count)
    {
        var values = new double[count];
        for (var i = 0; i < count; i++)
            values[i] = source.NextNormal();
        return values;
    }
}
