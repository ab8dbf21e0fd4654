using FedActors.Core.Aggregation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Aggregation;

public sealed class UploadCollectionTests
{
    private const int Bytes = 150_000;
    private static readonly RoundId Round = new("job", 1, 1);
    private static readonly HospitalId Berlin = new("berlin");
    private static readonly HospitalId Paris = new("paris");

    [Test]
    public void Updates_in_pieces_add_to_the_same_sum_as_whole_ones([Values(1, 2, 3, 4, 5)] int seed)
    {
        var (a, b) = (Random(seed), Random(seed + 100));
        var oracle = new ModularSum(32, Bytes);
        oracle.Add(a);
        oracle.Add(b);
        var collection = New();
        var pieces = Pieces(Berlin, a).Select(piece => piece).ToList();
        var others = Pieces(Paris, b).ToList();

        // Interleaved, the two hospitals in an order drawn from the seed; each hospital's own pieces in order.
        var random = new SplitMix64((ulong)seed);
        while (pieces.Count + others.Count > 0)
        {
            var source = others.Count == 0 || (pieces.Count > 0 && random.NextUniform() < 0.5) ? pieces : others;
            collection.Accept(source[0]);
            source.RemoveAt(0);
        }

        Assert.That(collection.IsSettled, Is.True);
        Assert.That(collection.Sum.AsSpan().SequenceEqual(oracle.Words), Is.True);
        Assert.That(collection.BytesReceived, Is.EqualTo(2 * Bytes));
    }

    [Test]
    public void Nothing_of_an_unfinished_update_is_in_the_sum()
    {
        var collection = New();
        collection.Accept(Pieces(Berlin, Random(1)).First());
        collection.GiveUp(Berlin);

        Assert.That(collection.Sum.AsSpan().IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That(collection.Complete, Is.Empty);
    }

    [Test]
    public void A_repeated_update_counts_once()
    {
        var collection = New();
        foreach (var piece in Pieces(Berlin, Random(1)).Concat(Pieces(Berlin, Random(1))))
            collection.Accept(piece);

        Assert.That(collection.BytesReceived, Is.EqualTo(Bytes));
        Assert.That(collection.Complete, Is.EqualTo(new[] { Berlin }));
    }

    [Test]
    public void Bytes_that_are_not_those_announced_put_the_hospital_out()
    {
        var collection = New();
        var pieces = Pieces(Berlin, Random(1)).ToArray();
        var bytes = pieces[1].Bytes.Span.ToArray();
        bytes[7] ^= 1;
        var forged = pieces[1] with { Bytes = new(bytes) };

        var steps = new[] { pieces[0], forged, pieces[2] }.Select(collection.Accept).ToArray();

        Assert.That(steps[^1], Is.InstanceOf<UploadStep.Refused>());
        Assert.That(collection.Sum.AsSpan().IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That(collection.Expects(Berlin), Is.False);
    }

    [Test]
    public void Only_an_update_of_a_single_piece_may_leave_its_hash_out()
    {
        var (collection, update) = (new UploadCollection(32, 400, [Berlin, Paris]), Random(1)[..400]);
        var whole = Pieces(Berlin, update).Single() with { Content = default };
        var halves = new[] { 0, 200 }.Select(at => new RoundProtocol.UpdateChunk(
            Round, Paris, at, 400, default, new(update.AsSpan(at, 200))));

        Assert.That(collection.Accept(whole), Is.InstanceOf<UploadStep.Completed>());
        Assert.That(halves.Select(collection.Accept).ToArray()[^1], Is.InstanceOf<UploadStep.Refused>());
        Assert.That(collection.Complete, Is.EqualTo(new[] { Berlin }));
    }

    [Test]
    public void A_single_piece_that_announces_another_hash_is_refused() => Assert.That(
        new UploadCollection(32, 400, [Berlin]).Accept(
            Pieces(Berlin, Random(1)[..400]).Single() with { Content = Digest.Of("another"u8) }),
        Is.InstanceOf<UploadStep.Refused>());

    [Test]
    public void A_piece_that_leaves_the_process_announces_its_hash_and_keeps_one_it_has()
    {
        var piece = Pieces(Berlin, Random(1)[..400]).Single();
        Assert.That((piece with { Content = default }).Announced(), Is.EqualTo(piece));
        Assert.That(piece.Announced(), Is.SameAs(piece));
    }

    [TestCase(0L, 149_999L, 10)]
    [TestCase(0L, 150_000L, 0)]
    [TestCase(0L, 150_000L, 64_001)]
    [TestCase(149_999L, 150_000L, 2)]
    [TestCase(-1L, 150_000L, 10)]
    public void A_piece_that_does_not_fit_is_refused(long offset, long total, int length) =>
        Assert.That(
            New().Accept(new RoundProtocol.UpdateChunk(Round, Berlin, offset, total, default, new(new byte[length]))),
            Is.InstanceOf<UploadStep.Refused>());

    [Test]
    public void A_hospital_that_was_not_invited_is_refused_and_changes_nothing()
    {
        var collection = New();

        Assert.That(collection.Accept(Pieces(new HospitalId("rome"), Random(1)).First()),
            Is.InstanceOf<UploadStep.Refused>());
        Assert.That(collection.IsSettled, Is.False);
    }

    private static UploadCollection New() => new(32, Bytes, [Berlin, Paris]);

    private static byte[] Random(int seed)
    {
        var random = new SplitMix64((ulong)seed);
        return [.. Enumerable.Range(0, Bytes).Select(_ => (byte)random.NextUInt64())];
    }

    private static IEnumerable<RoundProtocol.UpdateChunk> Pieces(HospitalId hospital, byte[] update) =>
        update.Chunk(RoundProtocol.ChunkBytes).Select((piece, index) => new RoundProtocol.UpdateChunk(
            Round, hospital, (long)index * RoundProtocol.ChunkBytes, update.Length, Digest.Of(update), new(piece)));
}
