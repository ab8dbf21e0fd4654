using System.Collections.Immutable;
using System.Runtime.InteropServices;
using FedActors.Core.Identity;
using FedActors.Core.Models;

namespace FedActors.Core.Tests.Models;

public class GlobalModelTests
{
    private static readonly ImmutableArray<double> Parameters = [1.5, -2, 1e-300];

    [Test]
    public void Without_a_state_the_bytes_are_the_parameters_and_nothing_else()
    {
        var model = GlobalModel.Of(Parameters);
        Assert.That(model.ToBytes(), Is.EqualTo(MemoryMarshal.AsBytes(Parameters.AsSpan()).ToArray()));
        Assert.That(model.Hash, Is.EqualTo(Digest.Of(MemoryMarshal.AsBytes(Parameters.AsSpan()))));
    }

    [Test]
    public void Parameters_and_state_come_back_from_their_bytes_under_the_same_name()
    {
        var model = GlobalModel.Of(Parameters, [7, -8]);
        var read = GlobalModel.FromBytes(model.ToBytes().AsSpan(), parameters: 3);
        Assert.That(read.Parameters, Is.EqualTo(Parameters));
        Assert.That(read.State, Is.EqualTo(new double[] { 7, -8 }));
        Assert.That(read.Hash, Is.EqualTo(model.Hash));
        Assert.That(model.Bytes, Is.EqualTo(model.ToBytes().Length));
    }

    [Test]
    public void Any_part_of_the_bytes_is_that_part_of_all_of_them()
    {
        var model = GlobalModel.Of(Parameters, [7, -8]);
        var all = model.ToBytes().AsSpan().ToArray();
        for (var offset = 0; offset < all.Length; offset++)
            for (var length = 1; length <= all.Length - offset; length++)
                Assert.That(model.ToBytes(offset, length), Is.EqualTo(all[offset..(offset + length)]));
    }

    [Test]
    public void A_state_is_part_of_the_name() =>
        Assert.That(GlobalModel.Of(Parameters, [7]).Hash, Is.Not.EqualTo(GlobalModel.Of(Parameters, [8]).Hash));

    [Test]
    public void Bytes_that_hold_fewer_numbers_than_the_model_are_refused() =>
        Assert.That(() => GlobalModel.FromBytes(new byte[16], parameters: 3), Throws.ArgumentException);
}
