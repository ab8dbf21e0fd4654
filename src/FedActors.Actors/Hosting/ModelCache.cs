using System.Diagnostics.CodeAnalysis;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Actors.Hosting;

/// <summary>
/// The newest models of this process, by hash: one copy, shared by everyone who trains on it. The current one and the
/// one before it, on which a hospital may still be training when the next round opens.
/// </summary>
public sealed class ModelCache
{
    private volatile GlobalModel? _current;
    private volatile GlobalModel? _previous;
    private volatile Tuple<ModelStep, Digest>? _next;

    /// <summary>Not to be called by two threads at once: one coordinator, or one hospital's fetch, fills it.</summary>
    public void Add(GlobalModel model)
    {
        if (_current?.Hash == model.Hash)
            return;
        _previous = _current;
        _current = model;
    }

    public bool TryGet(Digest hash, [NotNullWhen(true)] out GlobalModel? model)
    {
        var (current, previous) = (_current, _previous);
        model = current?.Hash == hash ? current : previous?.Hash == hash ? previous : null;
        return model is not null;
    }

    /// <summary>The model that follows, where someone of this process has computed it already.</summary>
    public Digest? NextOf(ModelStep step) => _next is { } next && next.Item1 == step ? next.Item2 : null;

    /// <summary>Keeps the newest answer. Any thread: whoever asks at the same time finds the same.</summary>
    public void Remember(ModelStep step, Digest next) => _next = Tuple.Create(step, next);
}

/// <summary>From a model and an open sum to the next model: these decide it.</summary>
/// <param name="Plan">Hash of the plan.</param>
/// <param name="Model">Hash of the model.</param>
/// <param name="Sum">Hash of the sum.</param>
/// <param name="Parties">Updates in it.</param>
public readonly record struct ModelStep(Digest Plan, Digest Model, Digest Sum, int Parties);
