namespace FedActors.Core.Numerics;

/// <summary>Minimum of a function that falls and then rises, searched on a logarithmic scale.</summary>
public static class LogMinimum
{
    /// <summary>The least value met and where, the argument within about 1 %: by doubling until it rises, then ever
    /// smaller steps to both sides.</summary>
    /// <param name="function">Falls, then rises; need not be smooth.</param>
    /// <param name="low">Where the search starts, above 0.</param>
    /// <param name="high">Where it ends, at least <paramref name="low"/>.</param>
    public static (double Argument, double Value) Of(Func<double, double> function, double low, double high)
    {
        var best = (Argument: low, Value: function(low));
        for (var argument = 2 * low; argument <= high; argument *= 2)
            if (!Improves(argument))
                break;
        // The minimum lies within one step of the best.
        for (var step = Math.Sqrt(2); step > 1.005; step = Math.Sqrt(step))
        {
            var centre = best.Argument;
            if (!Improves(Math.Min(high, centre * step)))
                Improves(Math.Max(low, centre / step));
        }
        return best;

        bool Improves(double argument)
        {
            var value = function(argument);
            if (!(value < best.Value))
                return false;
            best = (argument, value);
            return true;
        }
    }
}
