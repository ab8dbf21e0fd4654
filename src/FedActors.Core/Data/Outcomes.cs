namespace FedActors.Core.Data;

/// <summary>What is known of a patient afterwards, and so what a model can learn. Frozen: stands in plan
/// hashes.</summary>
public enum OutcomeKind
{
    /// <summary>One of two: label 1 or 0.</summary>
    Binary = 1,

    /// <summary>One of several classes, numbered from 0.</summary>
    Class = 2,

    /// <summary>A number.</summary>
    Real = 3,

    /// <summary>A time, and whether it ended in the event (label 1) or observation merely stopped (label 0).</summary>
    Survival = 4,
}

/// <summary>What became of the patients of a table, one entry a row. Immutable once made.</summary>
public sealed class Outcomes
{
    private readonly double[] _labels;
    private readonly double[] _times;
    private readonly int[] _strata;
    private readonly int[] _riskOrder;
    private readonly int[] _riskRank;

    private Outcomes(OutcomeKind kind, int classes, double unit, double[] labels, double[] times, int[] strata)
    {
        (Kind, Classes, Unit, _labels, _times, _strata) = (kind, classes, unit, labels, times, strata);
        (_riskOrder, _riskRank) = kind == OutcomeKind.Survival ? RiskOrderOf(times, strata) : ([], []);
    }

    /// <param name="labels">0 or 1. Owned from now on.</param>
    /// <exception cref="ArgumentException">A label is neither 0 nor 1.</exception>
    public static Outcomes Binary(double[] labels) =>
        new(OutcomeKind.Binary, 2, 1, Bits(labels, nameof(labels)), [], []);

    /// <param name="labels">0 to <paramref name="classes"/> - 1. Owned from now on.</param>
    /// <param name="classes">At least 2.</param>
    /// <exception cref="ArgumentException">A label is not the number of a class, or there are fewer than 2
    /// classes.</exception>
    public static Outcomes Class(double[] labels, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        return Array.TrueForAll(labels, label => label >= 0 && label < classes && label == Math.Floor(label))
            ? new Outcomes(OutcomeKind.Class, classes, 1, labels, [], [])
            : throw new ArgumentException("A label is not the number of a class.", nameof(labels));
    }

    /// <param name="labels">All finite. Owned from now on.</param>
    /// <param name="unit">What a label of 1 is in the units a person reads: errors are told as so many of
    /// these.</param>
    /// <exception cref="ArgumentException">A label or the unit is not finite, or the unit is 0.</exception>
    public static Outcomes Real(double[] labels, double unit = 1)
    {
        if (!double.IsFinite(unit) || unit == 0)
            throw new ArgumentException("A unit is a finite number other than 0.", nameof(unit));
        return Array.TrueForAll(labels, double.IsFinite)
            ? new Outcomes(OutcomeKind.Real, 1, unit, labels, [], [])
            : throw new ArgumentException("A label is not finite.", nameof(labels));
    }

    /// <param name="times">Above 0, finite. Owned from now on.</param>
    /// <param name="events">1 where the time ended in the event, 0 where observation stopped. Owned from now
    /// on.</param>
    /// <param name="strata">Patients are compared within a stratum only; null puts all into one. Owned from now
    /// on.</param>
    /// <exception cref="ArgumentException">Lengths differ, a time is not above 0, or an event is neither 0 nor
    /// 1.</exception>
    public static Outcomes Survival(double[] times, double[] events, int[]? strata = null)
    {
        if (times.Length != events.Length || (strata is not null && strata.Length != times.Length))
            throw new ArgumentException($"{times.Length} times do not fit {events.Length} events.", nameof(times));
        return Array.TrueForAll(times, time => time > 0 && double.IsFinite(time))
            ? new Outcomes(OutcomeKind.Survival, 1, 1, Bits(events, nameof(events)), times,
                strata ?? new int[times.Length])
            : throw new ArgumentException("A time is not a finite number above 0.", nameof(times));
    }

    public OutcomeKind Kind { get; }

    /// <summary>2 where binary, 1 where there are no classes.</summary>
    public int Classes { get; }

    /// <summary>What a real label of 1 is in a person's units; else 1.</summary>
    public double Unit { get; }

    public int Rows => _labels.Length;

    /// <summary>0 or 1, the number of the class, a number, or 1 for an event.</summary>
    public ReadOnlySpan<double> Labels => _labels;

    /// <summary>Survival only; else empty.</summary>
    public ReadOnlySpan<double> Times => _times;

    /// <summary>Survival only; else empty.</summary>
    public ReadOnlySpan<int> Strata => _strata;

    /// <summary>Survival only: the rows, stratum by stratum, in each the longest time first.</summary>
    public ReadOnlySpan<int> RiskOrder => _riskOrder;

    /// <summary>Survival only: where each row stands in <see cref="RiskOrder"/>.</summary>
    public ReadOnlySpan<int> RiskRank => _riskRank;

    /// <summary>The outcomes of all tables, one after the other. Strata of different tables stay different: the
    /// patients of two hospitals are not compared.</summary>
    /// <exception cref="ArgumentException">None, or outcomes of different kinds.</exception>
    public static Outcomes Concat(IReadOnlyList<Outcomes> all)
    {
        if (all.Count == 0
            || all.Any(one => (one.Kind, one.Classes, one.Unit) != (all[0].Kind, all[0].Classes, all[0].Unit)))
            throw new ArgumentException("Outcomes to join must be there and of the same kind.", nameof(all));
        var strata = new List<int>();
        foreach (var one in all)
        {
            var first = strata.Count == 0 ? 0 : strata.Max() + 1;
            var own = one._strata.Distinct().Order().ToList();
            strata.AddRange(one._strata.Select(stratum => first + own.IndexOf(stratum)));
        }
        return new Outcomes(
            all[0].Kind, all[0].Classes, all[0].Unit, [.. all.SelectMany(one => one._labels)],
            [.. all.SelectMany(one => one._times)], [.. strata]);
    }

    private static double[] Bits(double[] labels, string name) => Array.TrueForAll(labels, label => label is 0 or 1)
        ? labels
        : throw new ArgumentException("A label is neither 0 nor 1.", name);

    private static (int[] Order, int[] Rank) RiskOrderOf(double[] times, int[] strata)
    {
        int[] order =
            [.. Enumerable.Range(0, times.Length).OrderBy(row => strata[row]).ThenByDescending(row => times[row])];
        var rank = new int[order.Length];
        for (var i = 0; i < order.Length; i++)
            rank[order[i]] = i;
        return (order, rank);
    }
}
