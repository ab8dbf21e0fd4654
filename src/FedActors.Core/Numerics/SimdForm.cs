using System.Runtime.Intrinsics;

namespace FedActors.Core.Numerics;

/// <summary>The forms a kernel is written in. All give the same bits: which one runs is a matter of speed
/// alone.</summary>
public enum SimdForm
{
    /// <summary>One number at a time.</summary>
    Portable,

    /// <summary>256 bits, as AVX2 has them.</summary>
    Vector256,

    /// <summary>512 bits, as AVX-512 has them.</summary>
    Vector512,
}

/// <summary>Which form this machine runs best.</summary>
public static class SimdForms
{
    public static SimdForm Best { get; } =
        Vector512.IsHardwareAccelerated ? SimdForm.Vector512
        : Vector256.IsHardwareAccelerated ? SimdForm.Vector256
        : SimdForm.Portable;
}
