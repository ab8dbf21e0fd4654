using FedActors.Core.Aggregation;

namespace FedActors.Core.Tests.Aggregation;

public class SortingNetworkTests
{
    // A network that brings the right number of ones to the wanted wires for every input of zeros and ones brings the
    // right values there for every input (Knuth 5.3.4, theorem Z).
    [Test]
    public void Every_input_of_zeros_and_ones_brings_the_wanted_ranks_to_their_wires([Range(1, 11)] int wires)
    {
        for (var first = 0; first < wires; first++)
        {
            for (var count = 1; first + count <= wires; count++)
            {
                var network = SortingNetwork.For(wires, first, count);
                for (var input = 0; input < 1 << wires; input++)
                {
                    var values = Enumerable.Range(0, wires).Select(wire => input >> wire & 1).ToArray();
                    var expected = values.Order().Skip(first).Take(count).Sum();
                    Exchange(network, values);
                    Assert.That(values.Skip(first).Take(count).Sum(), Is.EqualTo(expected),
                        $"{wires} wires, ranks from {first}, {count}, input {input}");
                }
            }
        }
    }

    [TestCase(100, 49, 2, 888)]
    [TestCase(100, 10, 80, 860)]
    public void A_network_is_as_small_as_its_card_says(int wires, int first, int count, int comparators) =>
        Assert.That(SortingNetwork.For(wires, first, count).Comparators, Has.Length.EqualTo(2 * comparators));

    [Test]
    public void Ranks_that_do_not_exist_are_refused()
    {
        Assert.That(() => SortingNetwork.For(5, 3, 3), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => SortingNetwork.For(5, -1, 3), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => SortingNetwork.For(5, 0, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static void Exchange(SortingNetwork network, int[] values)
    {
        for (var c = 0; c < network.Comparators.Length; c += 2)
        {
            var (low, high) = (network.Comparators[c], network.Comparators[c + 1]);
            if (values[low] > values[high])
                (values[low], values[high]) = (values[high], values[low]);
        }
    }
}
