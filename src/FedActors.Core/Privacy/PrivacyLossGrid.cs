using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>A privacy-loss distribution on a grid, from which epsilon and delta are read.</summary>
/// <param name="masses">Probability of the loss bottom + i * spacing, each at least the true one's dominating share.</param>
/// <param name="bottom">Loss of the first.</param>
/// <param name="spacing">Above 0.</param>
/// <param name="infinite">Probability of an infinite loss.</param>
internal sealed class PrivacyLossGrid(double[] masses, double bottom, double spacing, double infinite)
{
    /// <summary>The least epsilon at <paramref name="delta"/>, at least 0.</summary>
    public double Epsilon(double delta)
    {
        var tail = new Tail(infinite);
        for (var i = masses.Length - 1; i >= 0; tail.Take(masses[i], spacing), i--)
        {
            var loss = bottom + i * spacing;
            if (tail.Delta >= delta)
                return Math.Max(0, loss + StableMath.Log1p((tail.Delta - delta) / tail.Neighbour));
            if (loss <= 0)
                return 0;
        }
        // Delta holds even at the bottom, so the bottom bounds epsilon.
        return Math.Max(0, bottom);
    }

    /// <summary>The least delta at <paramref name="epsilon"/>, at most 1.</summary>
    public double Delta(double epsilon)
    {
        var tail = new Tail(infinite);
        for (var i = masses.Length - 1; i >= 0; tail.Take(masses[i], spacing), i--)
            if (bottom + i * spacing <= epsilon)
                return Math.Min(1, tail.Delta - StableMath.Expm1(epsilon - bottom - i * spacing) * tail.Neighbour);
        return Math.Min(1, tail.Delta);
    }

    /// <summary>What lies above a grid point: delta there, and e^(grid point) times the neighbour's probability.</summary>
    private struct Tail(double infinite)
    {
        private double _probability = infinite;

        // What the additions so far may have lost: where both sums are near 1, delta is their difference.
        private double _rounding;

        public double Neighbour { get; private set; }

        public readonly double Delta => _probability - Neighbour + _rounding;

        /// <summary>Moves one grid point down, over <paramref name="mass"/>.</summary>
        public void Take(double mass, double spacing)
        {
            _probability += mass;
            Neighbour = (Neighbour + mass) * Math.Exp(-spacing);
            _rounding += 4.5e-16 * _probability;
        }
    }
}
