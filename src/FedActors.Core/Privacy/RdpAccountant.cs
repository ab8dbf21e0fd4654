//  Renyi accountant
//      Adds up D_alpha of all steps at a fixed set of orders and converts the sums to (epsilon, delta).
//  Source:   composition: Mironov, "Renyi differential privacy", CSF 2017, Proposition 1.
//            Conversion: Canonne, Kamath, Steinke, NeurIPS 2020, Proposition 12; where delta^2 > 1 - exp(-D), epsilon
//                        is
//            0 (Bretagnolle, Huber 1979).
//  Size:     one double an order.
//  Error:    epsilon and delta are rounded up: never below the exact value at these orders, and above it by at most a
//            relative 1e-11.

using System.Collections.Immutable;
using FedActors.Core.Numerics;

namespace FedActors.Core.Privacy;

/// <summary>What an accountant says at one delta.</summary>
/// <param name="Epsilon">At least 0, rounded up.</param>
/// <param name="Order">The Renyi order that gave it; null for an accountant without orders.</param>
public readonly record struct PrivacySpent(double Epsilon, double? Order);

/// <summary>Immutable: <see cref="Compose"/> gives a new one. Adaptive choice of parameters needs a privacy
/// filter.</summary>
public sealed class RdpAccountant : IPrivacyAccountant
{
    private readonly double[] _divergence;
    private readonly int _composed;

    private RdpAccountant(ImmutableArray<double> orders, double[] divergence, int composed) =>
        (Orders, _divergence, _composed) = (orders, divergence, composed);

    /// <summary>1.1 to 10.9 by 0.1, 11 to 63, 128, 256, 512, 1024.</summary>
    public static ImmutableArray<double> StandardOrders { get; } =
        [.. Enumerable.Range(11, 99).Select(tenth => tenth / 10.0), .. Enumerable.Range(11, 53), 128, 256, 512, 1024];

    /// <summary>The integers among <see cref="StandardOrders"/>: what is proven for the discrete Gaussian
    /// too.</summary>
    public static ImmutableArray<double> IntegerOrders { get; } =
        [.. StandardOrders.Where(order => order == Math.Floor(order))];

    /// <summary>Nothing spent yet, at <see cref="StandardOrders"/>.</summary>
    public static RdpAccountant Standard { get; } = Empty(StandardOrders);

    /// <summary>Nothing spent yet, at <see cref="IntegerOrders"/>.</summary>
    public static RdpAccountant Integer { get; } = Empty(IntegerOrders);

    /// <summary>Ascending.</summary>
    public ImmutableArray<double> Orders { get; }

    /// <summary>Whether nothing was composed.</summary>
    public bool IsEmpty => _composed == 0;

    /// <summary>Upper bounds on the divergence of everything composed, one an order.</summary>
    public ReadOnlySpan<double> Divergence => _divergence;

    /// <summary>Nothing spent yet.</summary>
    /// <param name="orders">Above 1.01 and at most 4096, ascending, at least one.</param>
    /// <exception cref="ArgumentException">Not such orders.</exception>
    public static RdpAccountant Empty(ImmutableArray<double> orders)
    {
        if (orders.IsDefaultOrEmpty || !orders.All(order => order is > 1.01 and <= 4096)
            || !orders.SequenceEqual(orders.Order().Distinct()))
            throw new ArgumentException("Orders are above 1.01 and at most 4096, ascending, at least one.",
                nameof(orders));
        return new RdpAccountant(orders, new double[orders.Length], 0);
    }

    /// <summary>This and <paramref name="event"/>, whose parameters do not depend on earlier releases.</summary>
    /// <exception cref="FaultException">The event is outside <see cref="PrivacyRange"/>.</exception>
    public RdpAccountant Compose(DpEvent @event)
    {
        PrivacyRange.Require(@event.Faults());
        var divergence = RenyiDivergence.OfOneStep(@event, Orders.AsSpan());
        for (var i = 0; i < divergence.Length; i++)
            divergence[i] = divergence[i] * @event.Steps + _divergence[i];
        return new RdpAccountant(Orders, divergence, _composed + 1);
    }

    IPrivacyAccountant IPrivacyAccountant.Compose(DpEvent @event) => Compose(@event);

    /// <inheritdoc/>
    public PrivacySpent Spent(double delta)
    {
        PrivacyRange.Require(PrivacyRange.Delta(delta));
        var (best, bestOrder) = (double.PositiveInfinity, Orders[0]);
        for (var i = 0; i < Orders.Length; i++)
        {
            var epsilon = Epsilon(Orders[i], Rounded(_divergence[i]), delta);
            if (epsilon < best)
                (best, bestOrder) = (epsilon, Orders[i]);
        }
        return new PrivacySpent(best, bestOrder);
    }

    /// <inheritdoc/>
    public double Delta(double epsilon)
    {
        if (!(epsilon >= 0))
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "An epsilon is at least 0.");
        var best = 1.0;
        for (var i = 0; i < Orders.Length; i++)
        {
            var (order, divergence) = (Orders[i], Rounded(_divergence[i]));
            var logDelta = (order - 1) * (divergence - epsilon + StableMath.Log1p(-1 / order)) - Math.Log(order);
            var slack = (order - 1) * (divergence + epsilon + 1) * Slack;
            best = Math.Min(best, Math.Min(
                Math.Exp(logDelta + slack), Math.Sqrt(-StableMath.Expm1(-divergence)) * (1 + Slack)));
        }
        return best;
    }

    /// <summary>
    /// Epsilon, at least 0 and rounded up, of a divergence of <paramref name="divergence"/> at
    /// <paramref name="order"/>.
    /// </summary>
    internal static double Epsilon(double order, double divergence, double delta)
    {
        if (delta * delta + StableMath.Expm1(-divergence) > 0)
            return 0;
        var (gain, cost) = (StableMath.Log1p(-1 / order), -Math.Log(delta * order) / (order - 1));
        return Math.Max(0, divergence + gain + cost + Slack * (divergence - gain + Math.Abs(cost)));
    }

    /// <summary>Covers the rounding of the conversion's few operations.</summary>
    private const double Slack = 4.5e-16 * 4;

    private double Rounded(double divergence) => divergence * (1 + (_composed + 1) * 4.5e-16);
}
