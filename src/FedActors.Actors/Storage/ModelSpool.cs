using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
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
        using var file = Append(model);
        file.Write(piece);
    }

    /// <summary>What is written there follows what lies here. One writer at a time.</summary>
    public FileStream Append(Digest model)
    {
        Directory.CreateDirectory(folder);
        return new FileStream(PathOf(model), FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
    }

    /// <summary>The whole model; null where the bytes are not those of its name, or not yet all.</summary>
    /// <param name="parameters">Of the model; what lies behind them is its strategy's.</param>
    public GlobalModel? Read(Digest model, int parameters)
    {
        var length = LengthOf(model);
        if (length % sizeof(double) != 0 || length / sizeof(double) < parameters)
            return null;
        using var file = File.OpenHandle(PathOf(model));
        // Straight to where it stays: a model may be as large as half of the memory.
        var whole = GlobalModel.Of(
            Numbers(0, parameters), Numbers(parameters, (int)(length / sizeof(double)) - parameters));
        return whole.Hash == model ? whole : null;

        ImmutableArray<double> Numbers(int first, int count)
        {
            var numbers = new double[count];
            var bytes = MemoryMarshal.AsBytes(numbers.AsSpan());
            for (var read = 0; read < bytes.Length;)
            {
                var more = RandomAccess.Read(file, bytes[read..], (long)first * sizeof(double) + read);
                if (more == 0)
                    throw new EndOfStreamException("The spool holds less than its file's length.");
                read += more;
            }
            if (!BitConverter.IsLittleEndian)
                BinaryPrimitives.ReverseEndianness(
                    MemoryMarshal.Cast<byte, long>(bytes), MemoryMarshal.Cast<byte, long>(bytes));
            return ImmutableCollectionsMarshal.AsImmutableArray(numbers);
        }
    }

    public void Remove(Digest model) => File.Delete(PathOf(model));

    private string PathOf(Digest model) => Path.Combine(folder, $"{model}.part");
}
