using System.Runtime.CompilerServices;
using System.Runtime.Serialization;
using Akka.Actor;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;
using Dropout = FedActors.Core.Rounds.Dropout;

namespace FedActors.Actors.Tests.Storage;

public sealed class JournalSerializerTests : ActorTest
{
    private static readonly DateTimeOffset At = new(2026, 11, 23, 12, 34, 56, 789, TimeSpan.Zero);
    private static readonly RoundId Id = new("job", 4, 2);
    private static readonly HospitalId A = new("a"), B = new("b");
    private static readonly Digest One = Digest.Of("one"u8), Two = Digest.Of("two"u8);
    private static readonly Signature Signature = new([.. Enumerable.Range(1, 64).Select(i => (byte)i)]);
    private static readonly Advertise Advert =
        new(One, A, new ByteString(new byte[64]), new ByteString([.. Enumerable.Repeat((byte)7, 64)]), Two,
            One)
        { Signature = Signature };
    private static readonly RoundSpec Spec = new(
        One, 4, 2, Two, One, Two, One, [A, B], new RingSpec(32, 10, 8, 13, 8, 4096, 0.5), new Thresholds(5, 1, 4, 4),
        new GraphSpec(0, 4, 0),
        new NoiseSpec(NoiseKind.Skellam, 2.5, 3),
        new PhaseDeadlines(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3),
            TimeSpan.FromSeconds(4)));
    private static readonly SignedLedgerHead Head =
        new(A, "ward", new LedgerHead(60, Two, new PrivacyBudget(1.5, 1e-6)), Signature);
    private static readonly Dropout Gone = new(B, RoundPhase.Training, DropReason.Diverged, "It diverged.");

    private static readonly (object Event, string Manifest)[] Golden =
    [
        (new FederationEvent.JobAccepted(At, "job", One, [A, B], Two), "job-accepted/1"),
        (new FederationEvent.RoundCommitted(At, new RoundRecord(Id, [A], [Gone], One, 0.25,
            new BinaryMetrics(0.9, 0.8, 0.3, 0.7, 0.6, 10, 1, 2), 40, 3, 500, 600, TimeSpan.FromMilliseconds(12), Two)),
            "round-committed/1"),
        (new FederationEvent.RoundCommitted(At,
            new RoundRecord(Id, [A], [], One, 0.25, null, 40, 0, 5, 6, TimeSpan.Zero, Two)), "round-committed/1"),
        (new FederationEvent.RoundCommitted(At,
            new RoundRecord(Id, [A], [], One, 0.25, null, 40, 0, 5, 6, TimeSpan.Zero, Two,
            new FederatedBinaryFigures(5, 60, 20, 0.9, 0.01, 0.8, 0.4, 0.7, 0.6, 0.05))), "round-committed/1"),
        (new FederationEvent.AttemptFailed(At, Id, FaultNumber.TooFewHospitals, "few", [Gone]), "attempt-failed/1"),
        (new RoundEvent.Opened(At, Id, One, Two, [A, B], At.AddMinutes(1)), "round-opened/1"),
        (new RoundEvent.SurvivorSetFixed(At, [A], [Gone], One, 77), "survivor-set-fixed/1"),
        (new RoundEvent.Aborted(At, FaultNumber.HospitalRequired, "why", [Gone]), "round-aborted/1"),
        (new RoundEvent.KeysFixed(At, new AggregationEvent.KeysFixed(One, [Advert])), "keys-fixed/1"),
        (new RoundEvent.SharesFixed(At, new AggregationEvent.SharesFixed(One, [new AggregationEvent.Sharer(A, Two)])),
            "shares-fixed/1"),
        (new MaskingEvent.MaskedReady(One, Spec, [A, B], new Masked(One, A, One, Two, One) { Signature = Signature }),
            "masked-ready/1"),
        (new MaskingEvent.SurvivorSetSigned(One, [A, B],
            new Consistency(One, A, One, Two, One, Two) { Signature = Signature }), "survivor-set-signed/1"),
        (new MaskingEvent.SharesReleased(One, Two, [A, B],
            new UnmaskResponse(One, A, Two,
                [new ReleasedShare(B, new ByteString(new byte[32]))]) { Signature = Signature }), "shares-released/1"),
        (Counted(new FederatedClassFigures(5, 60, 0.9, 0.01, 0.8, 0.4)), "round-committed/1"),
        (Counted(new FederatedRealFigures(5, 60, 2, 1.5, double.PositiveInfinity, double.NaN, double.NaN)),
            "round-committed/1"),
        (Counted(new FederatedSurvivalFigures(5, 60, 20, 0.7, 2.5)), "round-committed/1"),
        (Judged(new ClassMetrics(0.9, 0.8, 0.3, 10)), "round-committed/1"),
        (Judged(new RealMetrics(1.5, 0.4, 11)), "round-committed/1"),
        (Judged(new SurvivalMetrics(0.7, 12, 5)), "round-committed/1"),
        (new DeskEvent.JobSubmitted(At, "job", "job { name = job }"), "job-submitted/1"),
        (new DeskEvent.AbortAsked(At, "job", "why"), "abort-asked/1"),
        (new DeskEvent.JobEnded(At, "job", JobStage.Aborted, "why"), "job-ended/1"),
        (new FederationEvent.RoundCommitted(At,
            new RoundRecord(Id, [A], [], One, 0.25, null, 40, 0, 5, 6, TimeSpan.Zero, Two)) { Ledgers = [Head] },
            "round-committed/1"),
        (new FederationEvent.AttemptFailed(At, Id, FaultNumber.TooFewHospitals, "few", [Gone]) { Ledgers = [Head] },
            "attempt-failed/1"),
        (new RoundEvent.KeysFixed(At, new AggregationEvent.KeysFixed(One, [Advert with { Ledger = Head }])),
            "keys-fixed/1"),
        (new MaskingEvent.MaskedReady(One, Spec, [A, B],
            new Masked(One, A, One, Two, One) { Signature = Signature }) { Ledgers = [Head] }, "masked-ready/1"),
        (new DeskEvent.JobPaused(At, "job", "why"), "job-paused/1"),
        (new DeskEvent.JobResumed(At, "job"), "job-resumed/1"),
        (new DeskEvent.HospitalSuspended(At, A, "why"), "hospital-suspended/1"),
        (new DeskEvent.HospitalResumed(At, A), "hospital-resumed/1"),
    ];

    private JournalSerializer Serializer => new((ExtendedActorSystem)Sys);

    [Test]
    public void Figures_of_every_kind_of_model_read_back([Range(0, 21)] int index)
    {
        if (Golden[index].Event is not FederationEvent.RoundCommitted committed)
            return;
        var again =
            (FederationEvent.RoundCommitted)Serializer.FromBinary(Serializer.ToBinary(committed), "round-committed/1");
        Assert.That((again.Record.Metrics, again.Record.ByHospitals),
            Is.EqualTo((committed.Record.Metrics, committed.Record.ByHospitals)));
    }

    private static FederationEvent.RoundCommitted Counted(FederatedFigures figures) =>
        new(At, new RoundRecord(Id, [A], [], One, 0.25, null, 40, 0, 5, 6, TimeSpan.Zero, Two, figures));

    private static FederationEvent.RoundCommitted Judged(ModelMetrics metrics) =>
        new(At, new RoundRecord(Id, [A], [], One, 0.25, metrics, 40, 0, 5, 6, TimeSpan.Zero, Two));

    [Test]
    public void Every_event_reads_back_as_it_was_written([Range(0, 29)] int index)
    {
        var (@event, manifest) = Golden[index];

        Assert.That(Serializer.Manifest(@event), Is.EqualTo(manifest));
        var again = Serializer.FromBinary(Serializer.ToBinary(@event), manifest);
        Assert.That(Serializer.ToBinary(again), Is.EqualTo(Serializer.ToBinary(@event)));
    }

    /// <summary>The bytes stand in databases: a line of the file may be added, never changed.</summary>
    [Test]
    public void The_bytes_of_every_event_are_those_that_older_journals_hold()
    {
        var written =
            Golden.Select(line => $"{line.Manifest} {Convert.ToHexStringLower(Serializer.ToBinary(line.Event))}")
            .ToArray();

        Assert.That(written, Is.EqualTo(File.ReadAllLines(Beside("journal.golden.txt"))), string.Join('\n', written));
    }

    [Test]
    public void Every_kind_of_event_has_a_manifest_and_a_golden_line()
    {
        var kinds = typeof(FederationEvent).GetNestedTypes().Concat(typeof(RoundEvent).GetNestedTypes())
            .Concat(typeof(MaskingEvent).GetNestedTypes()).Concat(typeof(DeskEvent).GetNestedTypes());

        Assert.That(JournalSerializer.Manifests.Values, Is.EquivalentTo(kinds));
        Assert.That(Golden.Select(line => line.Event.GetType()).Distinct(), Is.EquivalentTo(kinds));
    }

    [Test]
    public void The_journal_is_the_serializer_that_is_bound_to_events() =>
        Assert.That(Sys.Serialization.FindSerializerFor(Golden[0].Event), Is.InstanceOf<JournalSerializer>());

    [Test]
    public void What_is_no_event_is_neither_written_nor_read()
    {
        Assert.Throws<SerializationException>(() => Serializer.ToBinary("text"));
        Assert.Throws<SerializationException>(() => Serializer.FromBinary([], "no-such/1"));
        Assert.Throws<SerializationException>(() => Serializer.FromBinary([0xFF, 0xFF], "round-opened/1"));
        Assert.Throws<SerializationException>(() =>
            Sys.Serialization.FindSerializerFor(new List<int>()).ToBinary(new List<int>()));
    }

    private static string Beside(string file, [CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, file);
}
