using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>From everything the hub saw, and the secrets of fewer hospitals than the threshold, no single update comes out.</summary>
[Category("MaliciousCoordinator")]
public class TranscriptTests
{
    // n = 7: t = 5. Hospital 7 is lost after it shared; its masked vector reaches the hub too late, and a dishonest hub keeps it.
    [Test]
    public void Fewer_colluders_than_the_threshold_find_no_update([Range(0, 4)] int count, [Values(32, 64)] int bits)
    {
        using var consortium = new Consortium(7);
        using var conversation = Run(consortium, bits);
        var colluders = consortium.Ids[..count];

        Assert.That(new Adversary(conversation, colluders).FindUpdate(colluders), Is.Null);
    }

    [Test]
    public void As_many_colluders_as_the_threshold_do_find_one()
    {
        using var consortium = new Consortium(7);
        using var conversation = Run(consortium, 32);
        var colluders = consortium.Ids[..5];

        Assert.That(new Adversary(conversation, colluders).FindUpdate(colluders), Is.Not.Null, "else this checker finds nothing at all");
    }

    [Test]
    public void The_hub_alone_sees_vectors_that_are_no_update_and_a_sum_that_is_the_sum()
    {
        using var consortium = new Consortium(5);
        using var conversation = new Conversation(consortium).Run();
        var adversary = new Adversary(conversation, []);

        Assert.That(adversary.FindUpdate([]), Is.Null);
        foreach (var (id, stripped) in adversary.Stripped())
            Assert.That(stripped, Is.Not.EqualTo(conversation.Updates[id]), id.ToString());
    }

    [Test]
    public void Two_sessions_of_one_model_with_other_keys_reveal_no_difference()
    {
        using var consortium = new Consortium(5);
        using var first = new Conversation(consortium).Run();
        using var second = new Conversation(consortium, consortium.Spec(attempt: 2), id => first.Hospitals[id].Ledger).Run();

        Assert.That(second.Hub.Sum!.Residues.ToArray(), Is.EqualTo(first.Hub.Sum!.Residues.ToArray()), "same model, same set: same sum");
        foreach (var id in consortium.Ids)
            Assert.That(second.Spools[id], Is.Not.EqualTo(first.Spools[id]), "fresh masks");
    }

    private static Conversation Run(Consortium consortium, int bits)
    {
        var conversation = new Conversation(consortium, consortium.Spec(wordBits: bits));
        var late = consortium.Ids[6];
        conversation.ToHub = message => message is Masked masked && masked.Hospital == late ? null : message;
        conversation.Run();
        Assert.That(conversation.Hub.Sum!.Survivors, Is.EqualTo(consortium.Ids[..6]));
        Assert.That(conversation.Spools, Does.ContainKey(late), "the late vector is known to the adversary");
        Assert.That(conversation.Hub.Phase, Is.EqualTo(AggregationPhase.Opened));
        return conversation;
    }
}
