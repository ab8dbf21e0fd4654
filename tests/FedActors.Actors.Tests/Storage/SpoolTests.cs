using FedActors.Actors.Storage;
using FedActors.Core.Identity;

namespace FedActors.Actors.Tests.Storage;

public sealed class SpoolTests
{
    private static readonly Digest Name = Digest.Of("one"u8), Other = Digest.Of("other"u8);

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-spool-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Pieces_are_the_bytes_that_were_written_from_any_place_on(
        [Values] bool inMemory, [Values(0, 3, 9, 12)] int offset)
    {
        var spool = Spool(inMemory);
        spool.Write(Name, [.. Enumerable.Range(0, 10).Select(i => (byte)i)]);

        var pieces = spool.Read(Name, offset, size: 3, most: 100).ToArray();

        Assert.That(pieces.SelectMany(piece => piece.Span.ToArray()), Is.EqualTo(Enumerable.Range(0, 10).Skip(offset)));
        Assert.That(pieces.SkipLast(1).Select(piece => piece.Length), Is.All.EqualTo(3));
        Assert.That(spool.Read(Name, offset, size: 3, most: 1).Count(), Is.EqualTo(Math.Min(1, pieces.Length)));
        Assert.That(spool.Read(Name), Has.Length.EqualTo(10));
    }

    [Test]
    public void What_was_removed_or_never_written_has_no_pieces([Values] bool inMemory)
    {
        var spool = Spool(inMemory);
        spool.Write(Name, [1, 2, 3]);
        spool.Remove(Name);
        spool.Remove(Other);

        Assert.That(spool.Read(Name, 0, 2, 9).Concat(spool.Read(Other, 0, 2, 9)), Is.Empty);
        Assert.That(spool.Read(Name), Is.Null);
    }

    private ISpool Spool(bool inMemory) => inMemory ? new MemorySpool() : new FileSpool(_folder, isFlushed: false);
}
