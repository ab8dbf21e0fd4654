//  Comparators three at a time
//      Four values that are loaded once go through three comparators and are stored once: a third of the loads and
//      stores less than one by one. Of wires a, b, c, d:
//          joined   (a, b) (c, d), then (b, c)         split   (a, d), then (a, b) (c, d)
//      A merge exchange has both: of the 860 comparators that trim a hundred values, 426 go in threes.
//  Order:    every wire meets its comparators in the network's order, on which alone its values depend.

namespace FedActors.Core.Aggregation;

/// <summary>The comparators of a network, grouped where four wires serve three of them.</summary>
internal static class ComparatorGroups
{
    /// <summary>Numbers of a group: its kind, then four wires, of which a single comparator uses two.</summary>
    public const int Length = 5;

    public const int Single = 0, Joined = 1, Split = 2;

    /// <summary>The groups, one behind the other.</summary>
    public static int[] Of(SortingNetwork network)
    {
        var comparators = network.Comparators;
        // The comparators that each wire has yet to meet, in order.
        var ahead = new Queue<int>[network.Wires];
        for (var wire = 0; wire < ahead.Length; wire++)
            ahead[wire] = new Queue<int>();
        for (var i = 0; i < comparators.Length / 2; i++)
        {
            ahead[Low(i)].Enqueue(i);
            ahead[High(i)].Enqueue(i);
        }
        var groups = new List<int>();
        var done = new bool[comparators.Length / 2];
        for (var x = 0; x < done.Length; x++)
        {
            if (done[x])
                continue;
            var (a, d) = (Low(x), High(x));
            if (At(d, 1) is { } z && Low(z) == d && At(High(z), 0) is { } y
                && Low(y) == High(z) && IsNext(y) && At(Low(y), 1) == z)
                Take(Joined, [a, d, Low(y), High(y)], x, y, z);
            else if (At(a, 1) is { } l && Low(l) == a && At(High(l), 0) == l
                && At(d, 1) is { } h && High(h) == d && At(Low(h), 0) == h)
                Take(Split, [a, High(l), Low(h), d], x, l, h);
            else
                Take(Single, [a, d, 0, 0], x);
        }
        return [.. groups];

        int Low(int comparator) => comparators[2 * comparator];

        int High(int comparator) => comparators[2 * comparator + 1];

        int? At(int wire, int place) => ahead[wire].Count > place ? ahead[wire].ElementAt(place) : null;

        bool IsNext(int comparator) => At(Low(comparator), 0) == comparator && At(High(comparator), 0) == comparator;

        void Take(int kind, ReadOnlySpan<int> wires, params ReadOnlySpan<int> taken)
        {
            groups.Add(kind);
            groups.AddRange(wires);
            foreach (var comparator in taken)
            {
                done[comparator] = true;
                ahead[Low(comparator)].Dequeue();
                ahead[High(comparator)].Dequeue();
            }
        }
    }
}
