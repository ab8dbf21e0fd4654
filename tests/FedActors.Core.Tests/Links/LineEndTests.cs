using CsCheck;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Numerics;
using FedActors.Core.Protocol;

namespace FedActors.Core.Tests.Links;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class LineEndTests
{
    private const int Cap = 500_000;

    private static readonly HospitalId Berlin = new("berlin"), Paris = new("paris");
    private static readonly SiteKey[] Keys =
        [.. Enumerable.Range(0, 3).Select(_ => SiteKey.Create(SecureRandomSource.Instance))];
    private static readonly Digest Session = LineProtocol.SessionOf(Berlin, Digest.Of("a"u8), Digest.Of("b"u8));

    private readonly LineEnd _hospital = new(Session, Berlin, isHospital: true, Keys[0], Keys[2].Public, Cap);
    private readonly LineEnd _hub = new(Session, Berlin, isHospital: false, Keys[2], Keys[0].Public, Cap);

    [OneTimeTearDown]
    public static void Forget()
    {
        foreach (var key in Keys)
            key.Dispose();
    }

    [Test]
    public void Messages_of_any_length_arrive_whole_and_in_order() =>
        Gen.Int[0, 3 * LineProtocol.PieceBytes].Array[1, 6].Sample(lengths =>
        {
            var (from, to) =
                (new LineEnd(Session, Berlin, true, Keys[0], Keys[2].Public, Cap),
                    new LineEnd(Session, Berlin, false, Keys[2], Keys[0].Public, Cap));
            foreach (var (length, index) in lengths.Select((length, index) => (length, index)))
            {
                var message = Message(length);
                var pieces = from.Seal(index, "kind", message);
                var steps = pieces.Select(to.Open).ToArray();
                Assert.That(steps[..^1], Is.All.InstanceOf<LineStep.Known>());
                Assert.That(steps[^1] is LineStep.Whole whole && whole.Conversation == index && whole.Manifest == "kind"
                    && whole.Bytes.SequenceEqual(message));
            }
            Assert.That(to.Heard, Is.EqualTo(from.Sent));
        }, iter: 20);

    [Test]
    public void A_piece_that_comes_twice_is_taken_once()
    {
        var piece = _hospital.Seal(1, "kind", [1]).Single();

        Assert.That(_hub.Open(piece), Is.InstanceOf<LineStep.Whole>());
        Assert.That(_hub.Open(piece), Is.InstanceOf<LineStep.Known>());
    }

    [Test]
    public void A_piece_that_was_lost_breaks_the_session_and_nothing_behind_it_counts()
    {
        _hospital.Seal(1, "kind", [1]);

        Assert.That(_hub.Open(_hospital.Seal(1, "kind", [2]).Single()), Is.InstanceOf<LineStep.Broken>());
        Assert.That(_hub.Heard, Is.Zero);
    }

    [Test]
    public void Nothing_of_a_piece_may_be_altered([Range(0, 8)] int field)
    {
        var piece = _hospital.Seal(1, "kind", [1, 2, 3]).Single();
        var altered = field switch
        {
            0 => piece with { Session = Digest.Of("other"u8) },
            1 => piece with { Hospital = Paris },
            2 => piece with { IsUp = false },
            3 => piece with { Number = 2 },
            4 => piece with { Conversation = 2 },
            5 => piece with { Manifest = "other" },
            6 => piece with { Part = 0, Parts = 2 },
            7 => piece with { Bytes = new ByteString([1, 2, 4]) },
            _ => piece with { Signature = default },
        };

        Assert.That(_hub.Open(altered), Is.InstanceOf<LineStep.Refused>());
        Assert.That(_hub.Open(piece), Is.InstanceOf<LineStep.Whole>(), "A forgery must not disturb the line.");
    }

    [Test]
    public void Another_hospital_of_the_same_federation_cannot_speak_on_the_line()
    {
        var forged = new LineEnd(Session, Berlin, isHospital: true, Keys[1], Keys[2].Public, Cap).Seal(1, "kind", [1])
            .Single();

        Assert.That(_hub.Open(forged), Is.InstanceOf<LineStep.Refused>());
    }

    [Test]
    public void What_one_end_said_is_not_taken_for_what_the_other_said() =>
        Assert.That(_hospital.Open(_hospital.Seal(1, "kind", [1]).Single()), Is.InstanceOf<LineStep.Refused>());

    [Test]
    public void A_piece_of_an_earlier_session_is_refused_in_the_next()
    {
        var old = _hospital.Seal(1, "kind", [1]).Single();
        var next = LineProtocol.SessionOf(Berlin, Digest.Of("c"u8), Digest.Of("b"u8));

        Assert.That(new LineEnd(next, Berlin, false, Keys[2], Keys[0].Public, Cap).Open(old),
            Is.InstanceOf<LineStep.Refused>());
        Assert.That(new LineEnd(next, Berlin, false, Keys[2], Keys[0].Public, Cap).Open(old with { Session = next }),
            Is.InstanceOf<LineStep.Refused>());
    }

    [Test]
    public void A_message_above_the_cap_breaks_the_session_before_it_is_kept()
    {
        var small =
            new LineEnd(Session, Berlin, isHospital: false, Keys[2], Keys[0].Public, cap: LineProtocol.PieceBytes);
        var steps = _hospital.Seal(1, "kind", Message(LineProtocol.PieceBytes + 1)).Select(small.Open).ToArray();

        Assert.That(steps[1], Is.InstanceOf<LineStep.Broken>());
    }

    private static byte[] Message(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 31 >> 3))];
}
