namespace FedActors.Core.Models;

/// <summary>What a hidden neuron makes of its score. Frozen: stands in plan hashes.</summary>
public enum Activation
{
    /// <summary>The hyperbolic tangent.</summary>
    Tanh = 1,

    /// <summary>max(0, z).</summary>
    Relu = 2,
}
