using CsCheck;
using FedActors.Core.Identity;
using FedActors.Core.Links;

namespace FedActors.Core.Tests.Links;

public sealed class ModelRequestTests
{
    private static readonly Digest Model = Digest.Of("model"u8);

    [Test]
    public void A_request_reads_back_as_it_was_written() =>
        Gen.Select(Gen.Byte.Array[Digest.Size], Gen.Long, Gen.Long).Sample((model, from, length) =>
        {
            var request = new ModelRequest(new Digest(model), from, length);
            var bytes = new byte[ModelRequest.Size];
            request.CopyTo(bytes);
            Assert.That(ModelRequest.TryRead(bytes, out var read), Is.True);
            Assert.That(read, Is.EqualTo(request));
        });

    [Test]
    public void What_is_of_another_length_or_begins_otherwise_is_no_request()
    {
        var bytes = new byte[ModelRequest.Size];
        new ModelRequest(Model, 0, 1).CopyTo(bytes);
        Assert.That(ModelRequest.TryRead(bytes.AsSpan(1), out _), Is.False);
        Assert.That(ModelRequest.TryRead([.. bytes, 0], out _), Is.False);
        bytes[0]++;
        Assert.That(ModelRequest.TryRead(bytes, out _), Is.False);
    }

    [TestCase(0, 10, true)]
    [TestCase(9, 1, true)]
    [TestCase(0, 11, false)]
    [TestCase(9, 2, false)]
    [TestCase(10, 1, false)]
    [TestCase(0, 0, false)]
    [TestCase(-1, 5, false)]
    [TestCase(5, -1, false)]
    [TestCase(1, long.MaxValue, false)]
    [TestCase(long.MaxValue, long.MaxValue, false)]
    [TestCase(long.MinValue, long.MinValue, false)]
    public void A_model_of_ten_bytes_has_those_from_the_first_to_the_last(long from, long length, bool isWithin) =>
        Assert.That(new ModelRequest(Model, from, length).IsWithin(10), Is.EqualTo(isWithin));
}
