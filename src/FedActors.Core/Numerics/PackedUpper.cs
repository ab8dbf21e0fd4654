namespace FedActors.Core.Numerics;

/// <summary>A symmetric matrix as its upper triangle, row after row: (0,0), (0,1), ..., (0,n-1), (1,1), ...</summary>
public static class PackedUpper
{
    /// <summary>Numbers that a symmetric matrix of <paramref name="order"/> rows takes: n(n+1)/2.</summary>
    public static int Length(int order) => order * (order + 1) / 2;

    /// <summary>Where row <paramref name="row"/> begins, at its diagonal.</summary>
    public static int RowStart(int order, int row) => row * order - row * (row - 1) / 2;
}
