//  Local layers
//      Some layers of the model never leave a hospital: each keeps its own values of them, and only the others are
//      summed.
//  Source:   Arivazhagan et al., "Federated Learning with Personalization Layers" (FedPer), arXiv:1912.00818, algorithm
//            1.
//  Layout:   an update holds the shared layers' coordinates in the order of the views. The global model keeps the local
//            layers' first values, from which every hospital begins.

using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Core.Aggregation;

/// <summary>Lets a strategy see the layers that travel, and leaves the others as they are.</summary>
/// <param name="plan">Names the layers that stay.</param>
/// <param name="strategy">Steps the shared coordinates; its state covers those alone.</param>
public sealed class SharedLayers(TrainingPlan plan, IModel model, IAggregationStrategy strategy) : IAggregationStrategy
{
    /// <inheritdoc />
    public double[] FirstState(int parameters) => strategy.FirstState(LengthOf(plan, model));

    /// <inheritdoc />
    public double[] Next(ReadOnlySpan<double> parameters, Span<double> state, AggregatedUpdate sum)
    {
        var shared = new double[LengthOf(plan, model)];
        Gather(plan, model, parameters, shared, local: false);
        shared = strategy.Next(shared, state, sum);
        var next = parameters.ToArray();
        Scatter(plan, model, shared, next, local: false);
        return next;
    }

    /// <summary>Coordinates that travel, or with <paramref name="local"/> those that stay.</summary>
    public static int LengthOf(TrainingPlan plan, IModel model, bool local = false)
    {
        var length = 0;
        foreach (var view in model.Views)
            length += plan.LocalLayers.Contains(view.Name) == local ? view.Length : 0;
        return length;
    }

    /// <summary>Takes the coordinates that travel, or those that stay, out of a flat vector.</summary>
    /// <param name="from">A whole vector, as long as the model.</param>
    /// <param name="to">Overwritten; length <see cref="LengthOf"/>.</param>
    public static void Gather(TrainingPlan plan, IModel model, ReadOnlySpan<double> from, Span<double> to, bool local)
    {
        foreach (var view in model.Views)
        {
            if (plan.LocalLayers.Contains(view.Name) != local)
                continue;
            from.Slice(view.Offset, view.Length).CopyTo(to);
            to = to[view.Length..];
        }
    }

    /// <summary>The reverse of <see cref="Gather"/>: the other coordinates of <paramref name="to"/> stay as they
    /// are.</summary>
    public static void Scatter(TrainingPlan plan, IModel model, ReadOnlySpan<double> from, Span<double> to, bool local)
    {
        foreach (var view in model.Views)
        {
            if (plan.LocalLayers.Contains(view.Name) != local)
                continue;
            from[..view.Length].CopyTo(to[view.Offset..]);
            from = from[view.Length..];
        }
    }
}
