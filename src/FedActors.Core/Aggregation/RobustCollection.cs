using System.Collections.Immutable;
using System.Runtime.InteropServices;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Core.Aggregation;

/// <summary>
/// Keeps a round's single updates until all are in, then applies the rule to them. In memory up to a bound; beyond it
/// in a stream, from which the rule reads a window of coordinates at a time. Not thread-safe: one actor owns it.
/// </summary>
public sealed class RobustCollection : IUpdateSink, IDisposable
{
    private readonly RobustPlan _plan;
    private readonly SingleUpdateCode _code;
    private readonly Stream? _spool;
    private readonly SortedDictionary<HospitalId, Taken> _updates = [];
    private ImmutableArray<byte>? _total;

    /// <param name="plan">Which rule.</param>
    /// <param name="code">How updates are written.</param>
    /// <param name="spool">Takes the updates, or null to keep them in memory. Owned by this object from now on.</param>
    public RobustCollection(RobustPlan plan, SingleUpdateCode code, Stream? spool) =>
        (_plan, _code, _spool) = (plan, code, spool);

    /// <inheritdoc />
    public int UpdateBytes => _code.Bytes;

    /// <inheritdoc />
    public string? Take(HospitalId hospital, ReadOnlySpan<byte> update)
    {
        if (_code.FaultOf(update) is { } fault)
            return fault;
        var place = (long)_updates.Count * _code.Bytes;
        if (_spool is not null)
        {
            _spool.Position = place;
            _spool.Write(update);
        }
        var values = _code.ValuesOf(update);
        var (weight, saturated) = _code.TailOf(update);
        _updates.Add(hospital,
            new Taken(_spool is null ? values.ToArray() : null, place, values[^1], weight, saturated));
        _total = null;
        return null;
    }

    /// <summary>What the rule makes of the updates taken so far, as <see cref="SingleUpdateCode.Read"/> reads it; empty
    /// for none.</summary>
    public ImmutableArray<byte> Total => _total ??= _updates.Count == 0 ? [] : Apply();

    /// <inheritdoc />
    public void Dispose() => _spool?.Dispose();

    // In the order of the hospitals' names, whoever came first: the result does not depend on who was faster.
    private ImmutableArray<byte> Apply()
    {
        var taken = _updates.Values;
        var length = _code.Values - 1;
        var updates = _spool is null
            ? new SingleUpdates([.. taken.Select(update => (ReadOnlyMemory<float>)update.Values.AsMemory(0, length))])
            : new SingleUpdates(_spool, [.. taken.Select(update => update.Place)], length);
        var result = new double[_code.Values];
        RobustRules.Create(_plan).Aggregate(updates, result.AsSpan(0, length), SimdForms.Best);
        // One liar's loss must not stand for all: the middle one does.
        var losses = taken.Select(update => (double)update.Loss).Order().ToArray();
        result[length] = (losses[(losses.Length - 1) / 2] + losses[losses.Length / 2]) / 2;
        return ImmutableCollectionsMarshal.AsImmutableArray(_code.Write(new DecodedSum(
            ImmutableCollectionsMarshal.AsImmutableArray(result), taken.Sum(update => (long)update.Weight), taken.Count,
            taken.Sum(update => (long)update.Saturated))));
    }

    private sealed record Taken(float[]? Values, long Place, float Loss, int Weight, int Saturated);
}
