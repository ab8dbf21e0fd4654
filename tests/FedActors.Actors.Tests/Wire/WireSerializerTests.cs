using System.Runtime.CompilerServices;
using System.Runtime.Serialization;
using Akka.Actor;
using CsCheck;
using FedActors.Actors.Configuration;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using Google.Protobuf;

namespace FedActors.Actors.Tests.Wire;

public sealed class WireSerializerTests : ActorTest
{
    // Stay within the hub's process, but for what a session's aggregator on another node sends and gets.
    private static readonly Type[] WithinTheHub = [typeof(JobProtocol), typeof(SupervisionProtocol)];

    // Everything else stands in an envelope, whose signature is checked before it is read.
    private static readonly string[] Bare = ["hello/1", "challenge/1", "envelope/1", "broken/1", "pulse/1"];

    private static readonly Type[] Messages =
    [
        .. typeof(IWireMessage).Assembly.GetTypes()
            .Where(type => type is { IsAbstract: false, IsInterface: false }
                && typeof(IWireMessage).IsAssignableFrom(type))
            .Where(type => !WithinTheHub.Contains(type.DeclaringType)
                || typeof(SupervisionProtocol.ISessionMessage).IsAssignableFrom(type)),
    ];

    [Test]
    public void Every_message_that_another_node_sends_or_gets_has_a_manifest() =>
        Assert.That(WireSerializer.Manifests.Values, Is.EquivalentTo(Messages),
            "A message without a line in WireSchema cannot leave its process.");

    [TestCaseSource(nameof(Messages))]
    public void A_message_reads_back_as_it_was_written(Type type) => Samples.Of(type).Sample(
        message =>
            Samples.Same(WireSerializer.Read(WireSerializer.ManifestOf(message), WireSerializer.Write(message)),
                message),
        iter: 50, print: message => Convert.ToHexStringLower(WireSerializer.Write(message)));

    /// <summary>Other nodes run other versions: lines may be added to the file, never changed or taken out.</summary>
    [Test]
    public void Manifests_and_field_numbers_stay_those_that_other_nodes_know()
    {
        var schema = WireSchema.Describe().ToArray();

        Assert.That(File.ReadAllLines(Beside("wire.golden.txt")), Is.SubsetOf(schema), string.Join('\n', schema));
    }

    [Test]
    public void Akka_takes_each_message_to_its_serializer_and_nothing_else()
    {
        var system = ActorSystem.Create(Sys.Name + "-wire", Reference.Config);
        try
        {
            Assert.Multiple(() =>
            {
                foreach (var type in Messages)
                    Assert.That(system.Serialization.FindSerializerForType(type), Is.TypeOf<WireSerializer>(),
                        type.Name);
                Assert.That(system.Serialization.FindSerializerForType(typeof(Version)), Is.TypeOf<RefusingJson>());
                Assert.That(() => system.Serialization.Deserialize([1, 2, 3], 3, ""),
                    Throws.InstanceOf<SerializationException>());
                Assert.That(() => system.Serialization.Deserialize([1, 2, 3], 1, "System.Version"),
                    Throws.InstanceOf<SerializationException>());
            });
        }
        finally
        {
            system.Terminate().Wait(TimeSpan.FromSeconds(10));
        }
    }

    [Test]
    public void Bytes_that_are_no_message_are_refused_whatever_they_are() =>
        Gen.Select(Gen.Int[0, Messages.Length - 1]
            .Select(index => WireSerializer.Manifests.Keys.Order().ElementAt(index)), Gen.Byte.Array[0, 200])
                .Sample((manifest, bytes) =>
        {
            try
            {
                WireSerializer.Read(manifest, bytes);
            }
            catch (SerializationException)
            {
                // The only way to fail.
            }
        }, iter: 20_000);

    [Test]
    public void A_damaged_message_is_refused_or_read_as_another_of_its_kind() =>
        Gen.Select(Gen.Int[0, Messages.Length - 1].SelectMany(index => Samples.Of(Messages[index])),
            Gen.Int[0, 1 << 20], Gen.Byte).Sample((message, at, value) =>
        {
            var bytes = WireSerializer.Write(message);
            if (bytes.Length == 0)
                return;
            bytes[at % bytes.Length] = value;
            try
            {
                Assert.That(WireSerializer.Read(WireSerializer.ManifestOf(message), bytes),
                    Is.TypeOf(message.GetType()));
            }
            catch (SerializationException)
            {
                // Refused.
            }
        }, iter: 5_000, print: sample => $"{sample.Item1.GetType().Name}, byte {sample.Item2} = {sample.Item3}");

    [Test]
    public void Off_the_network_nothing_is_read_but_what_opens_a_line_or_stands_in_an_envelope() =>
        Assert.Multiple(() =>
        {
            var serializer = new WireSerializer((ExtendedActorSystem)Sys);
            foreach (var (manifest, type) in WireSerializer.Manifests)
            {
                var bytes = WireSerializer.Write(Samples.Of(type).Single());
                if (Bare.Contains(manifest))
                    Assert.That(serializer.FromBinary(bytes, manifest), Is.TypeOf(type));
                else
                    Assert.That(() => serializer.FromBinary(bytes, manifest),
                        Throws.InstanceOf<SerializationException>(), manifest);
            }
        });

    /// <summary>A length that is a lie, and records in one another as deep as bytes allow, cost no more than the bytes
    /// themselves.</summary>
    [Test]
    public void A_payload_that_lies_about_lengths_or_nests_without_end_is_refused()
    {
        byte[] fakeLength = [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07];
        var nested = new byte[] { 0x0A, 0x00 };
        for (var depth = 0; depth < 20_000; depth++)
        {
            using var stream = new MemoryStream();
            using (var output = new CodedOutputStream(stream, leaveOpen: true))
            {
                output.WriteTag(1, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(UnsafeByteOperations.UnsafeWrap(nested));
            }
            nested = nested.Length > 60_000 ? nested : stream.ToArray();
        }
        Assert.Multiple(() =>
        {
            foreach (var manifest in WireSerializer.Manifests.Keys)
                foreach (var hostile in (byte[][])[fakeLength, nested])
                {
                    var before = GC.GetAllocatedBytesForCurrentThread();
                    Assert.That(() => WireSerializer.Read(manifest, hostile),
                        Throws.InstanceOf<SerializationException>(), manifest);
                    Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 << 20), manifest);
                }
        });
    }

    [TestCase("")]
    [TestCase("System.Version")]
    [TestCase("round-offered/2")]
    public void A_manifest_that_is_not_listed_is_refused(string manifest) =>
        Assert.That(() => WireSerializer.Read(manifest, []), Throws.InstanceOf<SerializationException>());

    [Test]
    public void A_missing_field_is_refused_and_names_itself() =>
        Assert.That(() => WireSerializer.Read("pulse/1", []),
            Throws.InstanceOf<SerializationException>().With.Message.Contains("Pulse.Heard"));

    [Test]
    public void A_field_of_a_later_version_is_skipped()
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(1, WireFormat.WireType.Varint);
            output.WriteInt64(7);
            output.WriteTag(900, WireFormat.WireType.LengthDelimited);
            output.WriteString("later");
        }
        Assert.That(WireSerializer.Read("pulse/1", stream.ToArray()), Is.EqualTo(new LineProtocol.Pulse(7)));
    }

    [Test]
    public void An_enum_value_that_no_version_knows_is_refused()
    {
        var declined = new RoundProtocol.Declined(new RoundId("job", 1, 1), new HospitalId("a"), (DropReason)99, "");

        Assert.That(() => WireSerializer.Read("declined/1", WireSerializer.Write(declined)),
            Throws.InstanceOf<SerializationException>());
    }

    [Test]
    public void A_message_that_would_not_fit_a_frame_is_refused_where_it_is_sent()
    {
        var serializer = new WireSerializer((ExtendedActorSystem)Sys);
        var sum = new RoundProtocol.SumPublished(new RoundId("job", 1, 1), [.. new byte[WireSerializer.FrameBytes]]);

        Assert.That(() => serializer.ToBinary(sum),
            Throws.InstanceOf<SerializationException>().With.Message.Contains("in pieces"));
        Assert.That(serializer.ToBinary(sum with { Residues = [.. new byte[LineProtocol.PieceBytes]] }),
            Has.Length.LessThan(128_000));
    }

    [Test]
    public void A_plan_that_crossed_the_wire_has_the_hash_it_had()
    {
        var offer = new RoundProtocol.RoundOffered(
            new RoundId("small", 1, 1), Plans.Small(batchSize: 4, secure: true),
            PlanHash.Of(Plans.Small(batchSize: 4, secure: true)), default, [new HospitalId("a")]);

        var read = (RoundProtocol.RoundOffered)WireSerializer.Read("round-offered/1", WireSerializer.Write(offer));

        Assert.That(PlanHash.Of(read.Plan), Is.EqualTo(offer.PlanHash));
    }

    private static string Beside(string file, [CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, file);
}
