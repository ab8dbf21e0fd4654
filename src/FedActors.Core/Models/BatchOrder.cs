using FedActors.Core.Data;
using FedActors.Core.Numerics;

namespace FedActors.Core.Models;

/// <summary>
/// The batches of one hospital, one after the other without end: each pass over the patients follows a new permutation,
/// and the last batch of a pass takes what is left. Where a batch holds everyone, it is the table in its order.
/// </summary>
public ref struct BatchOrder
{
    private readonly PatientTable _patients;
    private readonly Span<int> _order;
    private readonly int _size;
    private readonly SplitMix64? _shuffle;
    private int _taken;

    /// <param name="size">Patients in a batch; null means all.</param>
    /// <param name="seed">Of the permutations.</param>
    /// <param name="order">As many as rows; scratch where a batch holds less than everyone, else not used.</param>
    public BatchOrder(PatientTable patients, int? size, ulong seed, Span<int> order)
    {
        (_patients, _size, _taken) = (patients, Math.Min(size ?? patients.Rows, patients.Rows), patients.Rows);
        _order = order;
        if (_size < patients.Rows)
            _shuffle = new SplitMix64(seed);
    }

    /// <summary>Whether every batch is the whole table.</summary>
    public readonly bool IsFull => _shuffle is null;

    /// <summary>The next batch; valid until the one after it.</summary>
    public PatientBatch Next()
    {
        if (_shuffle is null)
            return PatientBatch.All(_patients);
        if (_taken == _patients.Rows)
        {
            _shuffle.Permute(_order);
            _taken = 0;
        }
        var rows = _order.Slice(_taken, Math.Min(_size, _patients.Rows - _taken));
        _taken += rows.Length;
        return PatientBatch.Of(_patients, rows);
    }
}
