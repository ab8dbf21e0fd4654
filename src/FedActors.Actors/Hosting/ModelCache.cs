using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Actors.Hosting;

/// <summary>The newest models of this process, by hash: one copy, shared by everyone who trains on it.</summary>
public sealed class ModelCache
{
    // The current model and the one before: a hospital may still be training on it when the next round opens.
    private const int Kept = 2;

    private readonly ConcurrentQueue<GlobalModel> _models = new();

    public void Add(GlobalModel model)
    {
        if (TryGet(model.Hash, out _))
            return;
        _models.Enqueue(model);
        while (_models.Count > Kept)
            _models.TryDequeue(out _);
    }

    public bool TryGet(Digest hash, [NotNullWhen(true)] out GlobalModel? model)
    {
        foreach (var candidate in _models)
        {
            if (candidate.Hash != hash)
                continue;
            model = candidate;
            return true;
        }
        model = null;
        return false;
    }
}
