using System.Diagnostics.CodeAnalysis;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Actors.Hosting;

/// <summary>
/// The newest models of this process, by hash: one copy, shared by everyone who trains on it. The current one and the one
/// before it, on which a hospital may still be training when the next round opens.
/// </summary>
public sealed class ModelCache
{
    private volatile GlobalModel? _current;
    private volatile GlobalModel? _previous;

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
}
