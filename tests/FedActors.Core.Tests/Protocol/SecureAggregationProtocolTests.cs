using System.Collections;
using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.SecureAggregation;
using FedActors.Core.Tests.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.Protocol;

public class SecureAggregationProtocolTests
{
    private static readonly Type[] Signed =
        [.. typeof(SignedMessage).DeclaringType!.GetNestedTypes()
            .Where(type => type.IsSubclassOf(typeof(SignedMessage)) && !type.IsAbstract)];

    [Test]
    public void What_is_signed_depends_on_every_field_of_the_message()
    {
        using var consortium = new Consortium(3);
        using var play = new Conversation(consortium).Run();
        foreach (var id in consortium.Ids)
            play.Deliver(id, play.Hub.MessagesFor(id)[0]);
        var examples = play.Transcript.Concat([
            play.Hospitals[consortium.Ids[0]].Withdraw(AbortCode.BudgetExhausted),
            play.Coordinator(new Abort(play.Hub.Session, AbortCode.TooFew, consortium.Ids)),
            play.Coordinator(new MaskedWanted(play.Hub.Session))]).GroupBy(message => message.GetType())
                .Select(group => group.First()).ToArray();
        Assert.That(examples.Select(message => message.GetType()), Is.EquivalentTo(Signed), "an example of each");

        foreach (var message in examples)
            foreach (var property in message.GetType().GetProperties()
                .Where(property => property.CanWrite && property.Name != "Signature"))
            {
                if (message is RoundOpen && property.Name == "Session")
                    continue;                                                   // follows from the spec
                var changed = (SignedMessage)message.GetType().GetMethod("<Clone>$")!.Invoke(message, null)!;
                property.SetValue(changed, Another(property.GetValue(message)));
                Assert.That(changed.Statement(), Is.Not.EqualTo(message.Statement()),
                    $"{message.GetType().Name}.{property.Name}");
            }
    }

    [Test]
    public void No_two_kinds_of_message_can_be_taken_for_one_another() =>
        Assert.That(new SignedMessage[]
        {
            new MaskedWanted(default), new Survivors(default, []), new UnmaskRequest(default, default, []),
                new Result(default, [], default, []),
            new Abort(default, 0, []), new Roster1(default, []), new Inbox(default, default, [], []),
                new Shares(default, default, default, []),
            new Consistency(default, default, default, default, default, default),
                new Masked(default, default, default, default, default),
            new UnmaskResponse(default, default, default, []), new Withdrawal(default, default, 0, default, default),
            new Advertise(default, default, default, default, default, default),
        }.Select(message => message.Statement()), Is.Unique);

    [Test]
    public void A_signature_is_of_one_key_and_one_message()
    {
        using var consortium = new Consortium(3);
        var message = new MaskedWanted(Digest.Of("sid"u8)).SignedBy(consortium.CoordinatorKey);
        Assert.That(consortium.Roster.Coordinator.Verifies(message.Statement(), message.Signature), Is.True);
        Assert.That(consortium.Roster.KeyOf(consortium.Ids[0])!.Verifies(message.Statement(), message.Signature),
            Is.False);
        Assert.That(consortium.Roster.Coordinator.Verifies(
            (message with { Session = Digest.Of("other"u8) }).Statement(), message.Signature), Is.False);
    }

    [Test]
    public void Every_message_is_sealed_and_prints_no_bytes()
    {
        Assert.That(typeof(SignedMessage).DeclaringType!.GetNestedTypes().Where(type => !type.IsAbstract)
            .All(type => type.IsSealed), Is.True);
        Assert.That(new ByteString([0xAB, 0xCD]).ToString(), Is.EqualTo("2 bytes"));
        Assert.That(new ReleasedShare(new HospitalId("a"), new ByteString([0xAB])).ToString(),
            Does.Not.Contain("AB").IgnoreCase);
    }

    [Test]
    public void Byte_strings_compare_by_value()
    {
        Assert.That(new ByteString([1, 2]), Is.EqualTo(ByteString.Own([1, 2])).And.Not.EqualTo(ByteString.Own([1, 3])));
        Assert.That(new ByteString([1, 2]).GetHashCode(), Is.EqualTo(ByteString.Own([1, 2]).GetHashCode()));
        Assert.That(default(ByteString), Is.EqualTo(ByteString.From([])));
        Assert.That(new MaskedChunk(default, default, 0, new ByteString([1])),
            Is.EqualTo(new MaskedChunk(default, default, 0, ByteString.Own([1]))));
    }

    /// <summary>Codes and their fault numbers are on wires, in journals and in the manual.</summary>
    [Test]
    public void Abort_codes_are_frozen_and_each_has_its_fault_number()
    {
        Assert.That(Enum.GetValues<AbortCode>().Select(code => $"{(int)code} {code}"), Is.EqualTo(new[]
        {
            "1 TooFew", "2 BadCertificate", "3 BadSignature", "4 DuplicateKey", "5 OwnAdvertAltered", "6 ViewMismatch",
                "7 WeakParameters",
            "8 ModelMismatch", "9 ModelChainBroken", "10 StaleRound", "11 LedgerConflict", "12 BadShare",
                "13 NotEnoughSignatures",
            "14 Equivocation", "15 ShareUnrecoverable", "16 BadSum", "17 Overflow", "18 NotFinite",
                "19 BudgetExhausted",
            "20 DeadlinePassed", "21 Malformed", "22 NotInvited", "23 BadKey", "24 WrongPhase", "25 SecretsLost",
                "26 BadUpload",
            "27 PlanMismatch", "28 LedgerBehind",
        }));
        foreach (var code in Enum.GetValues<AbortCode>())
        {
            var fault = new Refusal(code, [new HospitalId("berlin")], "It happened.").ToFault("round 3 attempt 1");
            Assert.That(fault.Number.ToString(), Is.EqualTo($"Secagg{code}"));
            Assert.That(fault.ToString(), Does.StartWith(
                $"FA-50{(int)code:00}: It happened. (round 3 attempt 1, berlin)"));
        }
    }

    private static object Another(object? value)
    {
        switch (value)
        {
            case null:                                                          // no ledger was shown
                return new SignedLedgerHead(new HospitalId("another"), "ward", default, default);
            case Digest:
                return Digest.Of("another"u8);
            case HospitalId:
                return new HospitalId("another");
            case ByteString bytes:
                return new ByteString([.. bytes.Span, 0]);
            case AbortCode:
                return AbortCode.BadSum;
            case RoundSpec spec:
                return spec with { Attempt = 99 };
            case IEnumerable items:
                var element = value.GetType().GetGenericArguments()[0];
                var first = items.Cast<object>().First();
                var fewer = typeof(ImmutableArray).GetMethods()
                    .First(m => m.Name == "Create" && m.GetParameters() is [{ ParameterType.IsArray: true }]);
                var array = Array.CreateInstance(element, 1);
                array.SetValue(Inner(first), 0);
                return fewer.MakeGenericMethod(element).Invoke(null, [array])!;
            default:
                throw new InvalidOperationException($"No other {value.GetType().Name} is known.");
        }
    }

    /// <summary>The same item with its last field changed, so that a hash of names alone would not do.</summary>
    private static object Inner(object item) => item switch
    {
        HospitalId => new HospitalId("another"),
        Advertise advert => advert with { Beacon = Digest.Of("another"u8) },
        SealedShares shares => shares with { Envelope = new ByteString([1]) },
        SurvivorSignature signature => signature with { Signature = new Signature(new byte[64]) },
        ReleasedShare share => share with { Share = new ByteString([1]) },
        _ => throw new InvalidOperationException($"No other {item.GetType().Name} is known."),
    };
}
