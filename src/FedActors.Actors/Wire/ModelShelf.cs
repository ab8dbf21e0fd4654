using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using FedActors.Actors.Hosting;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Actors.Wire;

/// <summary>
/// The models that each hospital may have: those of the last two rounds it was offered, as <see cref="ModelCache"/>
/// keeps two. The hub's <see cref="Door"/> fills it; it and the <see cref="ModelPort"/> hand out what is here.
/// </summary>
public sealed class ModelShelf
{
    private readonly ConcurrentDictionary<HospitalId, Tuple<Digest, Digest>> _offered = new();
    private volatile ModelCache? _models;

    /// <summary>Where hospitals fetch large models; 0: nowhere.</summary>
    public int Port { get; set; }

    /// <summary>This node leads from now on.</summary>
    public void Open(ModelCache models) => _models = models;

    /// <summary>This node does not lead: nothing is handed out.</summary>
    public void Close()
    {
        _models = null;
        _offered.Clear();
    }

    /// <summary>Not to be called by two threads at once: the door's alone.</summary>
    public void Offer(HospitalId hospital, Digest model)
    {
        var newest = _offered.TryGetValue(hospital, out var known) ? known.Item1 : model;
        if (newest != model || known is null)
            _offered[hospital] = Tuple.Create(model, newest);
    }

    public bool TryGet(HospitalId hospital, Digest hash, [NotNullWhen(true)] out GlobalModel? model)
    {
        model = null;
        return _offered.TryGetValue(hospital, out var offered) && (offered.Item1 == hash || offered.Item2 == hash)
            && _models is { } models && models.TryGet(hash, out model);
    }
}
