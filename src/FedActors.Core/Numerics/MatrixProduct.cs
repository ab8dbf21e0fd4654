//  Matrix product in single precision
//      C = A B + beta C. A panel of 32 columns of B is copied together; tiles of 8 x 32 of C stay in registers for all
//      of k.
//  Source:   Goto, van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 2008;34(3).
//  Size:     32 k + 8 k floats of scratch.
//  Error:    each element is one sum over k in order, by fused multiply-adds: off by at most k 2^-24 times sum |a||b|.
//  Repeats:  the order of that sum depends on nothing: not on the width of the vectors, the tile, or the other sizes.
//            So the
//            three forms have the same bits. Never split k, never add a second accumulator.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FedActors.Core.Numerics;

/// <summary>A matrix somewhere in memory: element (i, j) at <c>At[i * Row + j * Column]</c>, so that a transpose is the
/// same memory.</summary>
internal readonly unsafe struct MatrixView(float* at, int row, int column)
{
    public float* At { get; } = at;

    public int Row { get; } = row;

    public int Column { get; } = column;

    public MatrixView Transposed => new(At, Column, Row);

    /// <summary>The rows from one on.</summary>
    public MatrixView From(int row) => new(At + (nint)row * Row, Row, Column);
}

/// <summary>C = A B + beta C.</summary>
internal static unsafe class MatrixProduct
{
    /// <summary>Rows of C that are made at once. Fewer at its end cost as much, and a copy for each panel.</summary>
    public const int TileRows = 8;

    private const int TileColumns = 32;

    // Rows of B between one that is copied and the one that is fetched.
    private const int Ahead = 24;

    /// <summary>Floats of scratch for a product over so many <paramref name="k"/>.</summary>
    public static int ScratchLength(int k) => (TileRows + TileColumns) * k + TileRows * TileColumns;

    /// <param name="a">m × k.</param>
    /// <param name="b">k × n.</param>
    /// <param name="c">m × n, row-major; overwritten.</param>
    /// <param name="cRow">From one row of C to the next.</param>
    /// <param name="beta">0 does not read C.</param>
    /// <param name="scratch"><see cref="ScratchLength"/> floats, at a multiple of 64 bytes.</param>
    /// <param name="start">What every sum starts from; it is taken off again at the end: Privacy/ExactSums.md.</param>
    public static void Run(
        int m, int n, int k, MatrixView a, MatrixView b, float* c, int cRow, float beta, float* scratch, SimdForm form,
        float start = 0)
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
                // A whole tile goes straight to where it belongs; at an edge it is made aside, and C takes its part.
                var isWhole = rows == TileRows && columns == TileColumns;
                var into = c + (nint)i * cRow + j;
                var target = isWhole ? new Target(into, cRow, beta, start) : new Target(tile, TileColumns, 0, start);
                if (beta != 0)
                    FetchRows(into + TileRows * (nint)cRow, cRow, TileRows);
                switch (form)
                {
                    case SimdForm.Vector512: Tile512(k, from, row, column, panel, target); break;
                    case SimdForm.Vector256: Tile256(k, from, row, column, panel, target); break;
                    default: TilePortable(k, from, row, column, panel, target); break;
                }
                if (!isWhole)
                    Store(tile, into, cRow, rows, columns, beta);
            }
        }
    }

    private static void PackPanel(int k, MatrixView b, int first, int columns, float* panel)
    {
        var from = b.At + (nint)first * b.Column;
        if (b.Column == 1 && columns == TileColumns)
        {
            for (var p = 0; p < k; p++, from += b.Row, panel += TileColumns)
            {
                FetchRows(from + Ahead * (nint)b.Row, b.Row, 1);
                Vector512.Load(from).StoreAligned(panel);
                Vector512.Load(from + 16).StoreAligned(panel + 16);
            }
            return;
        }
        for (var p = 0; p < k; p++, from += b.Row, panel += TileColumns)
        {
            Vector512<float>.Zero.StoreAligned(panel);
            Vector512<float>.Zero.StoreAligned(panel + 16);
            for (var j = 0; j < columns; j++)
                panel[j] = from[(nint)j * b.Column];
        }
    }

    // Weights of a real layer leave the second-level cache between two products, and rows far apart are not fetched
    // ahead by themselves: 3 to 10 % of a step. A hint changes no result, and may point anywhere.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FetchRows(float* at, nint row, int rows)
    {
        if (!Sse.IsSupported)
            return;
        for (var i = 0; i < rows; i++, at += row)
        {
            Sse.Prefetch0(at);
            Sse.Prefetch0(at + 16);
        }
    }

    private static void PackEdge(int k, float* from, int row, int column, int rows, float* edge)
    {
        for (var p = 0; p < k; p++, from += column, edge += TileRows)
        {
            Vector256<float>.Zero.Store(edge);
            for (var i = 0; i < rows; i++)
                edge[i] = from[(nint)i * row];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile512(int k, float* a, nint row, nint column, float* panel, Target target)
    {
        var first = Vector512.Create(target.Start);
        var (c00, c01) = (first, first);
        var (c10, c11) = (first, first);
        var (c20, c21) = (first, first);
        var (c30, c31) = (first, first);
        var (c40, c41) = (first, first);
        var (c50, c51) = (first, first);
        var (c60, c61) = (first, first);
        var (c70, c71) = (first, first);
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
        target.Put(0, c00, c01);
        target.Put(1, c10, c11);
        target.Put(2, c20, c21);
        target.Put(3, c30, c31);
        target.Put(4, c40, c41);
        target.Put(5, c50, c51);
        target.Put(6, c60, c61);
        target.Put(7, c70, c71);
    }

    // Sixteen registers hold a quarter of the tile at a time.
    private static void Tile256(int k, float* a, nint row, nint column, float* panel, Target target)
    {
        for (var quarter = 0; quarter < 4; quarter++)
        {
            var (down, right) = (4 * (quarter / 2), 16 * (quarter % 2));
            Quarter256(k, a + down * row, row, column, panel + right, target.At(down, right));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Quarter256(int k, float* a, nint row, nint column, float* panel, Target target)
    {
        var first = Vector256.Create(target.Start);
        var (c00, c01) = (first, first);
        var (c10, c11) = (first, first);
        var (c20, c21) = (first, first);
        var (c30, c31) = (first, first);
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
        target.Put(0, c00, c01);
        target.Put(1, c10, c11);
        target.Put(2, c20, c21);
        target.Put(3, c30, c31);
    }

    private static void TilePortable(int k, float* a, nint row, nint column, float* panel, Target target)
    {
        var tile = stackalloc float[TileRows * TileColumns];
        new Span<float>(tile, TileRows * TileColumns).Fill(target.Start);
        for (var p = 0; p < k; p++, a += column, panel += TileColumns)
        {
            for (var i = 0; i < TileRows; i++)
            {
                for (var j = 0; j < TileColumns; j++)
                    tile[i * TileColumns + j] = MathF.FusedMultiplyAdd(a[i * row], panel[j], tile[i * TileColumns + j]);
            }
        }
        for (var i = 0; i < TileRows; i++)
            target.Put(i, tile + i * TileColumns);
    }

    private static void Store(float* tile, float* c, int cRow, int rows, int columns, float beta)
    {
        for (var i = 0; i < rows; i++, tile += TileColumns, c += cRow)
        {
            var j = 0;
            for (; j <= columns - 4; j += 4)
            {
                var sums = Vector128.LoadAligned(tile + j);
                if (beta != 0)
                    sums = Vector128.FusedMultiplyAdd(Vector128.Load(c + j), Vector128.Create(beta), sums);
                sums.Store(c + j);
            }
            for (; j < columns; j++)
                c[j] = beta == 0 ? tile[j] : MathF.FusedMultiplyAdd(c[j], beta, tile[j]);
        }
    }

    /// <summary>Where a tile goes: C = sums - start + beta C, rounded after each of the two.</summary>
    private readonly struct Target(float* c, nint row, float beta, float start)
    {
        public float Start => start;

        public Target At(int down, int right) => new(c + down * row + right, row, beta, start);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Put(int i, Vector512<float> left, Vector512<float> right)
        {
            var into = c + i * row;
            (left, right) = (left - Vector512.Create(start), right - Vector512.Create(start));
            if (beta != 0)
            {
                left = Vector512.FusedMultiplyAdd(Vector512.Load(into), Vector512.Create(beta), left);
                right = Vector512.FusedMultiplyAdd(Vector512.Load(into + 16), Vector512.Create(beta), right);
            }
            left.Store(into);
            right.Store(into + 16);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Put(int i, Vector256<float> left, Vector256<float> right)
        {
            var into = c + i * row;
            (left, right) = (left - Vector256.Create(start), right - Vector256.Create(start));
            if (beta != 0)
            {
                left = Vector256.FusedMultiplyAdd(Vector256.Load(into), Vector256.Create(beta), left);
                right = Vector256.FusedMultiplyAdd(Vector256.Load(into + 8), Vector256.Create(beta), right);
            }
            left.Store(into);
            right.Store(into + 8);
        }

        public void Put(int i, float* sums)
        {
            var into = c + i * row;
            for (var j = 0; j < TileColumns; j++)
                into[j] = beta == 0 ? sums[j] - start : MathF.FusedMultiplyAdd(into[j], beta, sums[j] - start);
        }
    }
}
