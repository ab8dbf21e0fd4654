namespace FedActors.Core.Tests.SecureAggregation;

public class AggregationSessionTests
{
    [Test]
    public void The_sum_is_the_integer_sum_of_exactly_the_hospitals_it_names([Values(3, 4, 5, 7, 20)] int n, [Values(32, 64)] int bits)
    {
        using var consortium = new Consortium(n);
        using var conversation = new Conversation(consortium, consortium.Spec(wordBits: bits));
        conversation.Run();

        Assert.That(conversation.Hub.Aborted, Is.Null);
        Assert.That(conversation.Hub.Sum!.Survivors, Is.EqualTo(consortium.Ids));
        Assert.That(conversation.Hub.Sum.Residues.ToArray(), Is.EqualTo(conversation.Oracle(consortium.Ids)));
    }
}
