using CsCheck;
using FedActors.Core.Identity;

namespace FedActors.Core.Tests.Identity;

public class CanonicalWriterTests
{
    [Test]
    public void A_structure_has_these_bytes()
    {
        using var writer = new CanonicalWriter("FA/test/v1", keep: true);
        writer.Int32(7).Int64(1L << 40).Double(1.5).Text("ü").Hospital(new HospitalId("berlin")).Bytes([0xAA, 0xBB]);

        Assert.That(Convert.ToHexStringLower(writer.ToArray()), Is.EqualTo(
            "0000000a" + "46412f746573742f7631"
            + "00000004" + "00000007"
            + "00000008" + "0000010000000000"
            + "00000008" + "3ff8000000000000"
            + "00000002" + "c3bc"
            + "00000006" + "6265726c696e"
            + "00000002" + "aabb"));
        Assert.That(writer.Hash(), Is.EqualTo(Digest.Of(writer.ToArray())));
    }

    [Test]
    public void Different_fields_never_give_the_same_bytes() =>
        Gen.Select(Gen.Byte.Array[0, 4].List[0, 4], Gen.Byte.Array[0, 4].List[0, 4]).Sample((a, b) =>
        {
            var same = a.Count == b.Count && a.Zip(b).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
            return Encode(a).AsSpan().SequenceEqual(Encode(b)) == same;
        });

    [Test]
    public void A_number_below_zero_has_a_form_of_its_own()
    {
        using var writer = new CanonicalWriter("FA/test/v1", keep: true);
        writer.Int32(-1).Int64(long.MinValue);
        Assert.That(Convert.ToHexStringLower(writer.ToArray())[28..],
            Is.EqualTo("00000004ffffffff" + "000000088000000000000000"));
    }

    private static byte[] Encode(List<byte[]> fields)
    {
        using var writer = new CanonicalWriter("FA/test/v1", keep: true);
        foreach (var field in fields)
            writer.Bytes(field);
        return writer.ToArray();
    }
}
