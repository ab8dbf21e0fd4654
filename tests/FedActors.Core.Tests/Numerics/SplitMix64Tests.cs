using System.Globalization;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Numerics;

public class SplitMix64Tests
{
    [Test]
    public void The_first_number_of_seed_zero_is_the_published_one() =>
        Assert.That(new SplitMix64(0).NextUInt64(), Is.EqualTo(0xE220A8397B1DCDAF));

    [Test]
    public void Numbers_normals_and_permutations_follow_the_reference_vectors()
    {
        var groups = SharedFolder.Reference("splitmix64.csv").GroupBy(row => (Seed: ulong.Parse(row[0]), Kind: row[1]))
            .ToArray();
        Assert.That(groups, Has.Length.EqualTo(12));
        foreach (var group in groups)
        {
            var source = new SplitMix64(group.Key.Seed);
            var order = group.Key.Kind == "perm10" ? new SplitMix64(group.Key.Seed).Permutation(10) : [];
            foreach (var row in group)
            {
                var value = double.Parse(row[3], CultureInfo.InvariantCulture);
                switch (group.Key.Kind)
                {
                    case "u64": Assert.That(source.NextUInt64(), Is.EqualTo(ulong.Parse(row[3]))); break;
                    case "uniform": Assert.That(source.NextUniform(), Is.EqualTo(value)); break;
                    case "normal": Assert.That(source.NextNormal(), Is.EqualTo(value).Within(1e-14)); break;
                    case "perm10": Assert.That(order[int.Parse(row[2])], Is.EqualTo((int)value)); break;
                    default: Assert.Fail($"Unknown kind {group.Key.Kind}."); break;
                }
            }
        }
    }

    [Test]
    public void A_permutation_holds_every_number_once([Values(0, 1, 2, 3, 1000)] int count) =>
        Assert.That(new SplitMix64(7).Permutation(count), Is.EquivalentTo(Enumerable.Range(0, count)));
}
