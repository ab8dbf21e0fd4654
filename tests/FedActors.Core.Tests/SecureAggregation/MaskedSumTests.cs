using System.Buffers.Binary;
using CsCheck;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

public class MaskedSumTests
{
    [Test]
    public void The_sum_is_that_of_the_integers_in_any_order_however_vectors_are_grouped() =>
        Gen.Select(Gen.Int[0, 11], Gen.Int[1, 40_000], Gen.Bool, Gen.Int[0, 5], Gen.Long)
            .Sample((vectors, words, wide, waiting, seed) =>
        {
            var (random, bits) = (new TestRandom(seed), wide ? 64 : 32);
            var length = words * bits / 8;
            var all = Enumerable.Range(0, vectors).Select(_ => random.Next(length)).ToArray();
            var before = random.Next(length);
            var expected = Sum([before, .. all], bits);

            foreach (var order in new[] { all, [.. all.OrderBy(_ => random.Below(1000))] })
            {
                // As many vectors as wait at most: none where they are longer than the bound, or up to three.
                var sum = new MaskedSum((byte[])before.Clone(), bits, waitingBytes: waiting * (long)length);
                foreach (var vector in order)
                {
                    using var spool = random.Below(5) == 0 ? new MemoryStream() : null;
                    using (var upload = Upload(vector, spool))
                        sum.Add(upload);
                    // Whoever reads sees all that was taken, and what comes after is added all the same.
                    if (random.Below(6) == 0)
                        _ = sum.Words;
                }
                if (!sum.Words.AsSpan().SequenceEqual(expected))
                    return false;
            }
            return true;
        }, iter: 60);

    [Test]
    public void Whoever_reads_the_sum_finds_every_vector_in_it()
    {
        var random = new TestRandom(5);
        var all = Enumerable.Range(0, 9).Select(_ => random.Next(200_004)).ToArray();
        var sum = new MaskedSum(new byte[200_004], wordBits: 32);
        for (var taken = 1; taken <= all.Length; taken++)
        {
            using (var upload = Upload(all[taken - 1], spool: null))
                sum.Add(upload);
            Assert.That(sum.Words.AsSpan().SequenceEqual(Sum(all[..taken], 32)), Is.True, $"after {taken}");
        }
    }

    private static MaskedUpload Upload(byte[] vector, Stream? spool)
    {
        var hospital = new HospitalId("north");
        var upload = new MaskedUpload(
            new Masked(default, hospital, default, default, Digest.Of(vector)), vector.Length, spool);
        for (var (index, at) = (0, 0); at < vector.Length; index++, at += ChunkSize)
            upload.Append(new MaskedChunk(default, hospital, index,
                new ByteString(vector.AsSpan(at, Math.Min(ChunkSize, vector.Length - at)))));
        Assert.That(upload.IsWhole, Is.True);
        return upload;
    }

    private static byte[] Sum(byte[][] vectors, int bits)
    {
        var sum = new byte[vectors[0].Length];
        for (var at = 0; at < sum.Length; at += bits / 8)
        {
            if (bits == 32)
                BinaryPrimitives.WriteUInt32LittleEndian(sum.AsSpan(at), vectors.Aggregate(0U, (total, vector) =>
                    unchecked(total + BinaryPrimitives.ReadUInt32LittleEndian(vector.AsSpan(at)))));
            else
                BinaryPrimitives.WriteUInt64LittleEndian(sum.AsSpan(at), vectors.Aggregate(0UL, (total, vector) =>
                    unchecked(total + BinaryPrimitives.ReadUInt64LittleEndian(vector.AsSpan(at)))));
        }
        return sum;
    }
}
