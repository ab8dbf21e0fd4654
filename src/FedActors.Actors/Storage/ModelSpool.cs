using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Actors.Storage;

/// <summary>A folder for models that arrive in pieces: one that was cut off goes on where it stopped, also after a
/// restart.</summary>
public sealed class ModelSpool(string folder)
{
    /// <summary>Bytes of the model that lie here.</summary>
    public long LengthOf(Digest model) => new FileInfo(PathOf(model)) is { Exists: true } file ? file.Length : 0;

    public void Append(Digest model, ReadOnlySpan<byte> piece)
    {
        Directory.CreateDirectory(folder);
        using var file =
            new FileStream(PathOf(model), FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.Write(piece);
    }

    /// <summary>The whole model; null where the bytes are not those of its name, or not yet all.</summary>
    /// <param name="parameters">Of the model; what lies behind them is its strategy's.</param>
    public GlobalModel? Read(Digest model, int parameters)
    {
        var bytes = File.ReadAllBytes(PathOf(model));
        return Digest.Of(bytes) == model && bytes.Length % sizeof(double) == 0
            && bytes.Length / sizeof(double) >= parameters
            ? GlobalModel.FromBytes(bytes, parameters)
            : null;
    }

    public void Remove(Digest model) => File.Delete(PathOf(model));

    private string PathOf(Digest model) => Path.Combine(folder, $"{model}.part");
}
