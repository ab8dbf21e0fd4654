//  Matrix product in single precision
//      C = A B + beta C. A panel of 32 columns of B is copied together; tiles of 8 x 32 of C stay in registers for all of k.
//  Source:   Goto, van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 2008;34(3).
//  Size:     32 k + 8 k floats of scratch.
//  Error:    each element is one sum over k in order, by fused multiply-adds: off by at most k 2^-24 times sum |a||b|.
//  Repeats:  the order of that sum depends on nothing: not on the width of the vectors, the tile, or the other sizes. So the
//            three forms have the same bits. Never split k, never add a second accumulator.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FedActors.Core.Numerics;

/// <summary>A matrix somewhere in memory: element (i, j) at <c>At[i * Row + j * Column]</c>, so that a transpose is the same memory.</summary>
internal readonly unsafe struct MatrixView(float* at, int row, int column)
{
    public float* At { get; } = at;

    public int Row { get; } = row;

    public int Column { get; } = column;

    public MatrixView Transposed => new(At, Column, Row);
}

/// <summary>C = A B + beta C.</summary>
internal static unsafe class MatrixProduct
{
    private const int TileRows = 8;
    private const int TileColumns = 32;

    /// <summary>Floats of scratch for a product over so many <paramref name="k"/>.</summary>
    public static int ScratchLength(int k) => (TileRows + TileColumns) * k + TileRows * TileColumns;

    /// <param name="a">m × k.</param>
    /// <param name="b">k × n.</param>
    /// <param name="c">m × n, row-major; overwritten.</param>
    /// <param name="cRow">From one row of C to the next.</param>
    /// <param name="beta">0 does not read C.</param>
    /// <param name="scratch"><see cref="ScratchLength"/> floats, at a multiple of 64 bytes.</param>
    public static void Run(int m, int n, int k, MatrixView a, MatrixView b, float* c, int cRow, float beta, float* scratch, SimdForm form)
    {
        var tile = scratch;
        var panel = tile + TileRows * TileColumns;
        var edge = panel + TileColumns * k;
        for (var j = 0; j < n; j += TileColumns)
        {
            var columns = Math.Min(TileColumns, n - j);
            PackPanel(k, b, j, columns, panel);
            for (var i = 0; i < m; i += TileRows)
            {
                var rows = Math.Min(TileRows, m - i);
                var from = a.At + (nint)i * a.Row;
                var (row, column) = (a.Row, a.Column);
                if (rows < TileRows)
                {
                    PackEdge(k, from, row, column, rows, edge);
                    from = edge;
                    (row, column) = (1, TileRows);
                }
                switch (form)
                {
                    case SimdForm.Vector512: Tile512(k, from, row, column, panel, tile); break;
                    case SimdForm.Vector256: Tile256(k, from, row, column, panel, tile); break;
                    default: TilePortable(k, from, row, column, panel, tile); break;
                }
                Store(tile, c + (nint)i * cRow + j, cRow, rows, columns, beta);
            }
        }
    }

    private static void PackPanel(int k, MatrixView b, int first, int columns, float* panel)
    {
        var from = b.At + (nint)first * b.Column;
        for (var p = 0; p < k; p++, from += b.Row, panel += TileColumns)
        {
            if (b.Column == 1 && columns == TileColumns)
            {
                new ReadOnlySpan<float>(from, TileColumns).CopyTo(new Span<float>(panel, TileColumns));
                continue;
            }
            for (var j = 0; j < columns; j++)
                panel[j] = from[(nint)j * b.Column];
            new Span<float>(panel + columns, TileColumns - columns).Clear();
        }
    }

    private static void PackEdge(int k, float* from, int row, int column, int rows, float* edge)
    {
        for (var p = 0; p < k; p++, from += column, edge += TileRows)
        {
            for (var i = 0; i < rows; i++)
                edge[i] = from[(nint)i * row];
            new Span<float>(edge + rows, TileRows - rows).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile512(int k, float* a, nint row, nint column, float* panel, float* tile)
    {
        var (c00, c01) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (c10, c11) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (c20, c21) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (c30, c31) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (c40, c41) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (c50, c51) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (c60, c61) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (c70, c71) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var row3 = 3 * row;
        for (var p = 0; p < k; p++, a += column, panel += TileColumns)
        {
            var q = a + 4 * row;
            var (b0, b1) = (Vector512.LoadAligned(panel), Vector512.LoadAligned(panel + 16));
            Vector512<float> x;
            x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[row]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2 * row]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[row3]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(*q);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(q[row]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(q[2 * row]);
            c60 = Vector512.FusedMultiplyAdd(x, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(q[row3]);
            c70 = Vector512.FusedMultiplyAdd(x, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(x, b1, c71);
        }
        c00.StoreAligned(tile + 0);
        c01.StoreAligned(tile + 16);
        c10.StoreAligned(tile + 32);
        c11.StoreAligned(tile + 48);
        c20.StoreAligned(tile + 64);
        c21.StoreAligned(tile + 80);
        c30.StoreAligned(tile + 96);
        c31.StoreAligned(tile + 112);
        c40.StoreAligned(tile + 128);
        c41.StoreAligned(tile + 144);
        c50.StoreAligned(tile + 160);
        c51.StoreAligned(tile + 176);
        c60.StoreAligned(tile + 192);
        c61.StoreAligned(tile + 208);
        c70.StoreAligned(tile + 224);
        c71.StoreAligned(tile + 240);
    }

    // Sixteen registers hold a quarter of the tile at a time.
    private static void Tile256(int k, float* a, nint row, nint column, float* panel, float* tile)
    {
        for (var quarter = 0; quarter < 4; quarter++)
        {
            var (down, right) = (4 * (quarter / 2), 16 * (quarter % 2));
            Quarter256(k, a + down * row, row, column, panel + right, tile + down * TileColumns + right);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Quarter256(int k, float* a, nint row, nint column, float* panel, float* tile)
    {
        var (c00, c01) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var (c10, c11) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var (c20, c21) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var (c30, c31) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (var p = 0; p < k; p++, a += column, panel += TileColumns)
        {
            var (b0, b1) = (Vector256.LoadAligned(panel), Vector256.LoadAligned(panel + 8));
            Vector256<float> x;
            x = Vector256.Create(*a);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[row]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[2 * row]);
            c20 = Vector256.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(x, b1, c21);
            x = Vector256.Create(a[3 * row]);
            c30 = Vector256.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(x, b1, c31);
        }
        c00.StoreAligned(tile + 0);
        c01.StoreAligned(tile + 8);
        c10.StoreAligned(tile + 32);
        c11.StoreAligned(tile + 40);
        c20.StoreAligned(tile + 64);
        c21.StoreAligned(tile + 72);
        c30.StoreAligned(tile + 96);
        c31.StoreAligned(tile + 104);
    }

    private static void TilePortable(int k, float* a, nint row, nint column, float* panel, float* tile)
    {
        new Span<float>(tile, TileRows * TileColumns).Clear();
        for (var p = 0; p < k; p++, a += column, panel += TileColumns)
        {
            for (var i = 0; i < TileRows; i++)
            {
                for (var j = 0; j < TileColumns; j++)
                    tile[i * TileColumns + j] = MathF.FusedMultiplyAdd(a[i * row], panel[j], tile[i * TileColumns + j]);
            }
        }
    }

    private static void Store(float* tile, float* c, int cRow, int rows, int columns, float beta)
    {
        for (var i = 0; i < rows; i++, tile += TileColumns, c += cRow)
        {
            var j = 0;
            if (beta == 0)
            {
                new ReadOnlySpan<float>(tile, columns).CopyTo(new Span<float>(c, columns));
                continue;
            }
            for (; j <= columns - 16; j += 16)
                Vector512.FusedMultiplyAdd(Vector512.Load(c + j), Vector512.Create(beta), Vector512.LoadAligned(tile + j)).Store(c + j);
            for (; j < columns; j++)
                c[j] = MathF.FusedMultiplyAdd(c[j], beta, tile[j]);
        }
    }
}
