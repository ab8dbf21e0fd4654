using System.Collections;
using System.Reflection;
using System.Text;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>
/// Secrets stay where they are made: in no message, journal, text or type that could be written, and wiped in time.
/// </summary>
public class SecretsTests
{
    private static readonly Type[] SecretTypes =
    [
        typeof(SecretBuffer), typeof(EphemeralKey), typeof(PeerKey), typeof(SiteKey),
        typeof(SecretBuffer).Assembly.GetType("FedActors.Core.SecureAggregation.MaskingSecrets", throwOnError: true)!,
        typeof(HospitalMasking),
    ];

    [Test]
    public void No_secret_type_offers_its_content_to_a_serializer_or_a_log([ValueSource(nameof(SecretTypes))] Type type)
    {
        const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static;
        Assert.That(type.GetCustomAttributesData(),
            Has.None.Property("AttributeType").EqualTo(typeof(SerializableAttribute)));
        Assert.That(type.GetInterfaces(), Is.EqualTo(new[] { typeof(IDisposable) }));
        Assert.That(type.GetMethod("<Clone>$"), Is.Null, "not a record: those print and compare their content");
        Assert.That(type.GetFields(Public), Is.Empty);
        Assert.That(type.GetProperties(Public).Select(property => property.PropertyType),
            Is.SubsetOf(new[] { typeof(int), typeof(P256Point), typeof(SitePublicKey), typeof(MaskingPhase),
                typeof(MaskingLedger), typeof(RoundSpec) }));
        if (type != typeof(PeerKey))
            Assert.That(type.GetMethod("ToString", Public, [])!.DeclaringType, Is.EqualTo(type),
                "says something harmless");
    }

    [Test]
    public void No_message_or_event_can_carry_a_secret_an_object_or_something_open()
    {
        var roots = typeof(SignedMessage).DeclaringType!.GetNestedTypes().Concat(typeof(MaskingEvent).GetNestedTypes())
            .Concat(typeof(AggregationEvent).GetNestedTypes()).Where(type => !type.IsAbstract).ToArray();
        Assert.That(roots, Has.Length.GreaterThan(20));
        var seen = new HashSet<Type>();
        foreach (var root in roots)
            Visit(root, root.Name);

        void Visit(Type type, string path)
        {
            if (type.IsGenericType)
            {
                foreach (var argument in type.GetGenericArguments())
                    Visit(argument, path);
                return;
            }
            if (!seen.Add(type) || type.IsPrimitive || type.IsEnum || type.Namespace == "System")
            {
                Assert.That(type, Is.Not.EqualTo(typeof(object)), path);
                return;
            }
            Assert.That(SecretTypes, Does.Not.Contain(type), path);
            Assert.That(type.IsSealed || type.IsValueType, Is.True, $"{path} is open");
            Assert.That(type.Assembly, Is.EqualTo(typeof(SecretBuffer).Assembly), path);
            if (type == typeof(ByteString))
                return;
            foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Where(property => property.CanWrite))
                Visit(property.PropertyType, $"{path}.{property.Name}");
        }
    }

    [Test]
    public void Case_33_no_secret_is_in_anything_that_was_sent_journaled_said_or_printed([Values] bool lost)
    {
        using var consortium = new Consortium(5);
        using var play = new Conversation(consortium);
        play.Run((id, phase) => lost && id == consortium.Ids[4] && phase >= AggregationPhase.Masking);
        Assert.That(play.Hub.Sum, Is.Not.Null);
        // Refusals and withdrawals speak too.
        var conflict = play.Coordinator(new Survivors(play.Hub.Session, consortium.Ids[..4]));
        play.Deliver(consortium.Ids[0], lost ? conflict with { Hospitals = consortium.Ids } : conflict);
        Assert.That(play.Refusals, Is.Not.Empty);

        var corpus = new Corpus();
        corpus.Add(play.Transcript);
        corpus.Add(play.HospitalJournal);
        corpus.Add(play.HubJournal);
        corpus.Add(play.Refusals.Select(refusal => refusal.Decision));
        corpus.Add(play.HubRefusals);
        corpus.Add(play.Spools.Values.Select(spool => new ByteString(spool)));
        corpus.Add(play.Blob!.Length);
        corpus.Add(new ByteString(play.Blob));
        foreach (var printed in play.Hospitals.Values.Cast<object>().Concat(consortium.Keys.Values).Append(play.Hub))
            corpus.Add(printed.ToString()!);

        var secrets = Secrets(play).ToArray();
        Assert.That(secrets, Has.Length.GreaterThan(200));
        foreach (var (name, secret) in secrets)
            Assert.That(corpus.Holds(secret), Is.False, $"{name} is in what was sent or written");

        // The grep itself finds what is there: the beacons are public, a survivor's seed share was released.
        Assert.That(corpus.Holds(play.Randoms[consortium.Ids[0]].Drawn[3]), Is.True);
        Assert.That(corpus.Holds(play.Transcript.OfType<UnmaskResponse>().First().Shares[0].Share.Span.ToArray()),
            Is.True);
    }

    [Test]
    public void Each_secret_is_wiped_when_its_time_is_over()
    {
        using var consortium = new Consortium(5);
        using var play = new Conversation(consortium);
        var hospital = play.Hospitals[consortium.Ids[0]];

        play.RunTo(AggregationPhase.Sharing);
        var secrets = Field(hospital, "_secrets")!;
        Assert.That(Live(secrets), Is.EquivalentTo(new[] { "_envelopeKey", "_maskKey", "_seed" }));
        play.RunTo(AggregationPhase.Masking);
        Assert.That(Live(secrets), Is.EquivalentTo(new[] { "_seed", "_pairs", "_incoming", "_ownShares" }),
            "private keys are split and gone");
        play.RunTo(AggregationPhase.Agreeing);
        Assert.That(Live(secrets), Is.EquivalentTo(new[] { "_ownShares", "_held" }), "mask inputs are used and gone");
        play.RunTo(AggregationPhase.Unmasking);
        Assert.That(Live(secrets), Is.EquivalentTo(new[] { "_ownShares", "_held" }));
        play.Exchange();
        Assert.That(Live(secrets), Is.Empty, "shares are released and gone");
    }

    [Test]
    public void A_refusal_an_abort_a_withdrawal_or_disposal_wipes_everything()
    {
        using var consortium = new Consortium(5);
        using var play = new Conversation(consortium);
        play.RunTo(AggregationPhase.Agreeing);
        var secrets = consortium.Ids.Select(id => Field(play.Hospitals[id], "_secrets")!).ToArray();
        Assert.That(secrets.Select(Live), Is.All.Not.Empty);

        play.Deliver(consortium.Ids[0], play.Coordinator(new Survivors(play.Hub.Session, consortium.Ids[..2])));
        play.Deliver(consortium.Ids[1], play.Coordinator(new Abort(play.Hub.Session, AbortCode.TooFew, [])));
        play.Hospitals[consortium.Ids[2]].Withdraw(AbortCode.BudgetExhausted);
        play.Hospitals[consortium.Ids[3]].Dispose();
        play.Deliver(consortium.Ids[4],
            play.Coordinator(new Result(play.Hub.Session, consortium.Ids, Digest.Of([]), [])));
        Assert.That(secrets.Select(Live), Is.All.Empty);
    }

    [Test]
    public void A_wiped_buffer_is_zero_and_gives_nothing_more()
    {
        var buffer = (SecretBuffer)Activator.CreateInstance(
            typeof(SecretBuffer), BindingFlags.NonPublic | BindingFlags.Instance, null, [32], null)!;
        var bytes = (byte[])Field(buffer, "_bytes")!;
        bytes.AsSpan().Fill(0xAB);
        buffer.Dispose();
        Assert.That(bytes, Is.All.Zero);
        Assert.That(buffer.ToString(), Is.EqualTo("secret"));
    }

    /// <summary>Every secret of a run, derived independently of the machines from what they drew.</summary>
    private static IEnumerable<(string Name, byte[] Bytes)> Secrets(Conversation play)
    {
        var session = play.Hub.Session;
        var adverts = play.Transcript.OfType<Roster1>().First().Adverts.ToDictionary(advert => advert.Hospital);
        var u1 = HospitalSet.KeysHash(session, play.Transcript.OfType<Roster1>().First().Adverts);
        var u2 = play.Transcript.OfType<Inbox>().First().Sharers;
        var u3 = play.Hub.Sum!.Survivors;
        var context = new MaskContext(
            32, play.Spec.Ring.Coordinates, u1, HospitalSet.SharersHash(session, u2), play.Spec.Model);
        var threshold = play.Spec.Graph.Threshold;
        foreach (var id in play.Spec.Cohort)
        {
            var drawn = play.Randoms[id].Drawn;
            yield return ($"{id}'s envelope key", drawn[0]);
            yield return ($"{id}'s mask key", drawn[1]);
            yield return ($"{id}'s seed", drawn[2]);
            foreach (var (coefficients, what) in new[] { (drawn[4], "seed"), (drawn[5], "mask key") })
            {
                Assert.That(coefficients, Has.Length.EqualTo((threshold - 1) * 32));
                foreach (var coefficient in coefficients.Chunk(16))
                    yield return ($"a coefficient of {id}'s {what}", coefficient);
            }
            var key = new byte[32];
            KeySchedule.Self(session, drawn[2], id, context, key);
            yield return ($"{id}'s own mask key", (byte[])key.Clone());
            yield return ($"{id}'s update", play.Updates[id][..16]);
            foreach (var peer in play.Spec.Cohort.Where(peer => peer != id))
            {
                var (raw, extracted) = (Agree(drawn[0], adverts[peer].EnvelopeKey), new byte[32]);
                yield return ($"raw secret of {id} and {peer}", raw);
                KeySchedule.Extract(session, raw, extracted);
                yield return ($"extracted secret of {id} and {peer}", (byte[])extracted.Clone());
                KeySchedule.Envelope(extracted, id, peer, u1, key);
                yield return ($"envelope key of {id} for {peer}", (byte[])key.Clone());
                var shares = new byte[64];
                var sealedShares = play.Transcript.OfType<Shares>().First(shares => shares.Hospital == id)
                    .Envelopes.First(e => e.Peer == peer);
                var position = play.Spec.Cohort.IndexOf(peer) + 1;
                Assert.That(ShareEnvelope.TryOpen(
                    key, new EnvelopeContext(session, u1, id, peer, position, threshold, 5),
                    sealedShares.Envelope, shares), Is.True);
                if (!u3.Contains(id))
                    yield return ($"{id}'s seed share for {peer}", shares[..32]);
                else
                    yield return ($"{id}'s mask key share for {peer}", shares[32..]);
                raw = Agree(drawn[1], adverts[peer].MaskKey);
                yield return ($"raw mask secret of {id} and {peer}", raw);
                KeySchedule.Extract(session, raw, extracted);
                KeySchedule.Pair(extracted, id, peer, context, key);
                yield return ($"mask key of {id} and {peer}", (byte[])key.Clone());
            }
        }
    }

    private static byte[] Agree(byte[] scalar, ByteString point)
    {
        using var key = EphemeralKey.FromScalar(scalar)!;
        Assert.That(P256Point.TryParse(point.Span, out var parsed), Is.True);
        using var peer = PeerKey.Import(parsed)!;
        var secret = new byte[32];
        key.Agree(peer, secret);
        return secret;
    }

    private static string[] Live(object secrets) =>
        [.. secrets.GetType().GetFields(BindingFlags.NonPublic | BindingFlags.Instance)
            .Where(field => field.GetValue(secrets) switch
            {
                SecretBuffer buffer => ((byte[])Field(buffer, "_bytes")!).Any(b => b != 0),
                EphemeralKey key => ((byte[])Field(Field(key, "_scalar")!, "_bytes")!).Any(b => b != 0),
                _ => false,
            })
            .Select(field => field.Name)];

    private static object? Field(object owner, string name) =>
        owner.GetType().GetField(name, BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(owner);

    /// <summary>All bytes and texts reachable from what is added.</summary>
    private sealed class Corpus
    {
        private readonly MemoryStream _bytes = new();
        private readonly StringBuilder _text = new();

        public void Add(object? value)
        {
            switch (value)
            {
                case null or int or long or double or bool or Enum or TimeSpan:
                    break;
                case string text:
                    _text.AppendLine(text);
                    break;
                case ByteString bytes:
                    _bytes.Write(bytes.Span);
                    _text.AppendLine(bytes.ToString());
                    break;
                case Digest digest:
                    _bytes.Write(digest.ToBytes());
                    break;
                case Signature signature:
                    _bytes.Write(signature.Span);
                    break;
                case HospitalId id:
                    _text.AppendLine(id.ToString());
                    break;
                case IEnumerable items:
                    foreach (var item in items)
                        Add(item);
                    break;
                default:
                    _text.AppendLine(value.ToString());
                    foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
                        .Where(property => property.GetIndexParameters().Length == 0))
                        Add(property.GetValue(value));
                    break;
            }
        }

        public bool Holds(byte[] secret)
        {
            var hex = Convert.ToHexString(secret.AsSpan(0, 8));
            return _bytes.ToArray().AsSpan().IndexOf(secret) >= 0
                || _text.ToString().Contains(hex, StringComparison.OrdinalIgnoreCase)
                || _text.ToString().Contains(Convert.ToBase64String(secret)[..10], StringComparison.Ordinal);
        }
    }
}
