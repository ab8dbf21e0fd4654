using FedActors.Actors.Storage;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Actors.Tests.Storage;

public sealed class PrivacyLedgerFileTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CompositionRule Basic = new(null, 0);
    private static readonly PrivacyTerms Terms = PrivacyTerms.Of(new DpEvent.SampledGaussian(0.1, 2, 5), 3, 1e-6);
    private static readonly PrivacyBudget Limit = new(2.5 * Terms.Cost.Epsilon, 1e-5);

    private string _folder = "";

    private string Path => System.IO.Path.Combine(_folder, "ward.ledger");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory().FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void What_was_accepted_is_on_the_disk()
    {
        LedgerHead head;
        using (var ledger = PrivacyLedgerFile.Create(Path, "ward", Basic, isFlushed: true, Now, Limit))
        {
            Assert.That(Charge(ledger, "a", 1), Is.InstanceOf<LedgerDecision.Accepted>());
            Assert.That(Charge(ledger, "a", 2), Is.InstanceOf<LedgerDecision.Accepted>());
            head = ledger.Ledger.Head;
            Assert.That(LedgerReading.Of(Path).Ledger!.Head, Is.EqualTo(head), "read beside the writer");
        }
        using var again = Open();
        Assert.That(again.Ledger.Head, Is.EqualTo(head));
        Assert.That(again.Ledger.Grants.Single().Charged, Is.EqualTo(2));
    }

    [Test]
    public void A_ledger_that_is_there_is_never_made_anew()
    {
        PrivacyLedgerFile.Create(Path, "ward", Basic, true, Now, Limit).Dispose();
        Assert.Throws<IOException>(() => PrivacyLedgerFile.Create(Path, "ward", Basic, true, Now, Limit));
    }

    [Test]
    public void A_second_writer_is_refused_until_the_first_lets_go()
    {
        using (PrivacyLedgerFile.Create(Path, "ward", Basic, true, Now, Limit))
        {
            Assert.That(PrivacyLedgerFile.Open(Path, "ward", true, out var refusal), Is.Null);
            Assert.That(refusal, Is.EqualTo(new PrivacyRefusal.LedgerLocked()));
        }
        Open().Dispose();
    }

    [Test]
    public void A_ledger_that_is_missing_or_of_other_patients_is_refused()
    {
        Assert.That(PrivacyLedgerFile.Open(Path, "ward", true, out var missing), Is.Null);
        Assert.That(missing, Is.EqualTo(new PrivacyRefusal.LedgerMissing()));

        PrivacyLedgerFile.Create(Path, "cardiology", Basic, true, Now, Limit).Dispose();
        Assert.That(PrivacyLedgerFile.Open(Path, "ward", true, out var other), Is.Null);
        Assert.That(other, Is.EqualTo(new PrivacyRefusal.LedgerOfAnotherScope("ward", "cardiology")));
    }

    [Test]
    public void A_file_that_was_cut_off_anywhere_is_a_shorter_ledger_or_damaged_at_the_record_that_is_cut()
    {
        var (bytes, ends) = Recorded();
        for (var length = 0; length < bytes.Length; length++)
        {
            var whole = ends.Count(end => end <= length);
            var reading = Read(bytes[..length]);
            if (ends.Contains(length))
                Assert.That((reading.Damage, reading.Ledger!.Head.Sequence), Is.EqualTo(((PrivacyRefusal?)null, whole - 1L)), $"length {length}");
            else
                Assert.That(reading.Damage, Is.InstanceOf<PrivacyRefusal.LedgerDamaged>().With.Property("Sequence").EqualTo(whole), $"length {length}");
        }
    }

    [Test]
    public void Any_bit_that_was_changed_is_found_at_its_record()
    {
        var (bytes, ends) = Recorded();
        for (var at = 0; at < bytes.Length; at++)
        {
            var bit = (byte)(1 << at % 8);
            bytes[at] ^= bit;
            Assert.That(Read(bytes).Damage, Is.InstanceOf<PrivacyRefusal.LedgerDamaged>().With.Property("Sequence").EqualTo(ends.Count(end => end <= at)), $"byte {at}");
            bytes[at] ^= bit;
        }
    }

    [Test]
    public void A_record_that_was_taken_out_or_put_elsewhere_is_found()
    {
        var (bytes, ends) = Recorded();
        byte[] Record(int i) => bytes[ends[i - 1]..ends[i]];
        byte[] head = bytes[..ends[0]];
        Assert.That(Damaged([.. head, .. Record(2)]), Is.EqualTo(1), "taken out");
        Assert.That(Damaged([.. head, .. Record(1), .. Record(1)]), Is.EqualTo(2), "doubled");
        Assert.That(Damaged([.. head, .. Record(1), .. Record(3), .. Record(2)]), Is.EqualTo(2), "swapped");
    }

    [Test]
    public void Wherever_the_process_is_killed_at_least_what_was_released_is_charged()
    {
        var (start, script) = (Fresh(), new (string Job, int Round)[] { ("a", 1), ("a", 2), ("b", 1), ("a", 3), ("b", 2), ("a", 1), ("c", 1) });
        var whole = new FaultyDisk(start);
        Play(whole, script);
        for (var at = 1; at <= whole.Written; at++)
        {
            var disk = new FaultyDisk(start) { FailsAt = at, IsKilled = true };
            var released = Play(disk, script);
            // Either everything that reached the disk's cache survived, or only what was flushed.
            foreach (var left in new[] { disk.ToArray(), disk.Flushed })
            {
                var reading = Read(left);
                if (reading.Damage is not null)
                    continue;                                                   // refused: nothing more is released
                var charged = reading.Ledger!.Grants.GroupBy(grant => grant.Job).ToDictionary(grants => grants.Key, grants => grants.Sum(grant => grant.Charged));
                Assert.That(released.All(pair => charged.GetValueOrDefault(pair.Key) >= pair.Value), Is.True, $"killed at byte {at}");
                Assert.That(reading.Ledger.Spent.Epsilon, Is.LessThanOrEqualTo(Limit.Epsilon));
            }
            Assert.That(Read(disk.Flushed).Damage, Is.Null, "what was flushed is whole");
        }
    }

    [Test]
    public void A_full_disk_is_refused_before_anything_is_released_and_forgotten_once_there_is_room()
    {
        var disk = new FaultyDisk(Fresh());
        using var ledger = PrivacyLedgerFile.Open(disk, disk.FlushToDisk, "ward", out _)!;
        var before = ledger.Ledger.Head;
        for (var at = 1; at < 200; at += 13)
        {
            disk.FailsAt = disk.Written + at;
            Assert.That(Charge(ledger, "a", 1), Is.InstanceOf<LedgerDecision.Refused>().With.Property("Reason").InstanceOf<PrivacyRefusal.LedgerUnavailable>());
            Assert.That(ledger.Ledger.Head, Is.EqualTo(before));
            Assert.That(Read(disk.ToArray()).Ledger!.Head, Is.EqualTo(before), "the part that was written is taken back");
        }
        disk.FailsAt = long.MaxValue;
        Assert.That(Charge(ledger, "a", 1), Is.InstanceOf<LedgerDecision.Accepted>());
    }

    [TestCase(true, false)]
    [TestCase(false, true)]
    public void Where_nobody_knows_what_is_on_the_disk_everything_is_refused_until_it_is_read_again(bool flushFails, bool cutFails)
    {
        var disk = new FaultyDisk(Fresh());
        using (var ledger = PrivacyLedgerFile.Open(disk, disk.FlushToDisk, "ward", out _)!)
        {
            (disk.FlushFails, disk.CutFails, disk.FailsAt) = (flushFails, cutFails, cutFails ? disk.Written + 10 : long.MaxValue);
            Assert.That(Charge(ledger, "a", 1), Is.InstanceOf<LedgerDecision.Refused>());
            (disk.FlushFails, disk.CutFails, disk.FailsAt) = (false, false, long.MaxValue);
            Assert.That(Charge(ledger, "a", 1), Is.InstanceOf<LedgerDecision.Refused>());
        }
        Assert.That(Read(disk.ToArray()), Has.Property("Damage").InstanceOf<PrivacyRefusal.LedgerDamaged>().Or.Property("Ledger").Not.Null);
    }

    [Test]
    public void A_restored_backup_is_refused_once_a_witness_shows_the_newer_head_and_still_after_a_restart()
    {
        using var key = SiteKey.Create(SecureRandomSource.Instance);
        SignedLedgerHead newest;
        using (var ledger = PrivacyLedgerFile.Create(Path, "ward", Basic, true, Now, Limit))
        {
            Charge(ledger, "a", 1);
            File.Copy(Path, Path + ".backup");
            Charge(ledger, "b", 1);
            newest = SignedLedgerHead.By(key, new HospitalId("berlin"), "ward", ledger.Ledger.Head);
        }
        File.Copy(Path + ".backup", Path, overwrite: true);

        using (var restored = Open())
            Assert.That(restored.Witness(newest, key.Public, Now), Is.InstanceOf<LedgerDecision.Accepted>());
        using (var restarted = Open())
        {
            Assert.That(Refusal(Charge(restarted, "a", 2)), Is.InstanceOf<PrivacyRefusal.LedgerRollback>());
            restarted.Reconcile("Dr. Ode", "restored after a fire", null, sharedUpTo: 2, default, Now);
            Assert.That(restarted.Ledger.Spent.Epsilon, Is.EqualTo(2 * Terms.Cost.Epsilon).Within(1e-12));
            Assert.That(Charge(restarted, "a", 2), Is.InstanceOf<LedgerDecision.Accepted>());
            Assert.That(Refusal(Charge(restarted, "c", 1)), Is.InstanceOf<PrivacyRefusal.BudgetExhausted>(), "what was lost is not to be had again");
        }
    }

    [Test]
    public void A_damaged_ledger_is_mended_by_an_operator_who_charges_what_may_be_missing()
    {
        var (bytes, ends) = Recorded();
        File.WriteAllBytes(Path, bytes[..(ends[2] + 7)]);
        var charge = new PrivacyBudget(0.25, 1e-7);
        var mended = PrivacyLedgerFile.Mend(Path, "Dr. Ode", "power failure", null, charge, Now, out var kept);

        Assert.That(File.ReadAllBytes(kept), Is.EqualTo(bytes[..(ends[2] + 7)]));
        using var again = Open();
        Assert.That(again.Ledger.Head, Is.EqualTo(mended.Head));
        Assert.That(again.Ledger.Spent.Epsilon, Is.EqualTo(Terms.Cost.Epsilon + 0.25).Within(1e-12));

        File.WriteAllBytes(Path + ".2", bytes[..40]);
        Assert.Throws<InvalidDataException>(() => PrivacyLedgerFile.Mend(Path + ".2", "Dr. Ode", "x", null, charge, Now, out _));
    }

    [Test]
    public void A_head_that_the_hospital_did_not_sign_or_that_stands_in_its_own_chain_stops_nothing()
    {
        using var key = SiteKey.Create(SecureRandomSource.Instance);
        using var other = SiteKey.Create(SecureRandomSource.Instance);
        using var ledger = PrivacyLedgerFile.InMemory("ward", Basic, Now, Limit);
        var berlin = new HospitalId("berlin");
        Charge(ledger, "a", 1);
        var old = ledger.Ledger.Head;
        Charge(ledger, "a", 2);
        var made = old with { Sequence = 99 };

        ledger.Witness(SignedLedgerHead.By(other, berlin, "ward", made), key.Public, Now);
        ledger.Witness(SignedLedgerHead.By(key, berlin, "elsewhere", made), key.Public, Now);
        ledger.Witness(SignedLedgerHead.By(key, berlin, "ward", old), key.Public, Now);
        ledger.Witness(SignedLedgerHead.By(key, berlin, "ward", ledger.Ledger.Head), key.Public, Now);
        Assert.That(ledger.Ledger.Contradiction, Is.Null);

        ledger.Witness(SignedLedgerHead.By(key, berlin, "ward", old with { Hash = Digest.Of([1]) }), key.Public, Now);
        Assert.That(ledger.Ledger.Contradiction, Is.Not.Null, "another record of a number that it has itself");
    }

    [Test]
    public void A_folder_that_cannot_be_flushed_is_told() =>
        Assert.That(() => FolderFlush.Of("/nowhere/at/all/ward.ledger"), Throws.InstanceOf<IOException>().With.Message.Contains("/nowhere/at/all"));

    [Test]
    public void Two_jobs_at_once_on_one_ledger_cannot_pass_its_limit()
    {
        using var ledger = PrivacyLedgerFile.InMemory("ward", Basic, Now, Limit);
        var released = 0;
        Parallel.For(0, 2, new ParallelOptions { MaxDegreeOfParallelism = 2 }, job =>
        {
            for (var i = 0; i < 500; i++)
                if (Charge(ledger, $"job-{job}-{i / 10}", 1 + i % 3) is LedgerDecision.Accepted)
                    Interlocked.Increment(ref released);
        });
        Assert.That(ledger.Ledger.Spent.Epsilon, Is.LessThanOrEqualTo(Limit.Epsilon));
        Assert.That(ledger.Ledger.Grants.Sum(grant => grant.Charged), Is.EqualTo(released));
        Assert.That(released, Is.InRange(2, 6));
    }

    private static LedgerDecision Charge(PrivacyLedgerFile ledger, string job, int round) =>
        ledger.Charge(new ChargeRequest(job, Digest.Of([]), round, 1, Terms), Limit, Now);

    private PrivacyLedgerFile Open() =>
        PrivacyLedgerFile.Open(Path, "ward", isFlushed: true, out var refusal) ?? throw new AssertionException($"{refusal}");

    private static PrivacyRefusal? Refusal(LedgerDecision decision) => (decision as LedgerDecision.Refused)?.Reason;

    private static long? Damaged(byte[] bytes) => (Read(bytes).Damage as PrivacyRefusal.LedgerDamaged)?.Sequence;

    private static LedgerReading Read(byte[] bytes) => LedgerReading.Of(new MemoryStream(bytes));

    // Releases by job: what a charge was accepted for.
    private static Dictionary<string, long> Play(FaultyDisk disk, (string Job, int Round)[] script)
    {
        var (ledger, released) = (PrivacyLedgerFile.Open(disk, disk.FlushToDisk, "ward", out _)!, new Dictionary<string, long>());
        foreach (var (job, round) in script)
            if (Charge(ledger, job, round) is LedgerDecision.Accepted)
                released[job] = released.GetValueOrDefault(job) + 1;
        return released;
    }

    private static byte[] Fresh() => [.. LedgerCodec.Preamble, .. LedgerCodec.Frame(PrivacyLedger.Open("ward", Basic, Limit, Now))];

    // A ledger of six records, and where each of them ends.
    private static (byte[] Bytes, int[] Ends) Recorded()
    {
        var ledger = PrivacyLedger.From(PrivacyLedger.Open("ward", Basic, Limit, Now));
        var (bytes, ends) = (new List<byte>(Fresh()), new List<int> { Fresh().Length });
        foreach (var (job, round) in new[] { ("a", 1), ("a", 2), ("b", 1) })
        {
            var accepted = (LedgerDecision.Accepted)ledger.Charge(new ChargeRequest(job, Digest.Of([]), round, 1, Terms), Limit, Now);
            foreach (var record in accepted.Records)
            {
                bytes.AddRange(LedgerCodec.Frame(record));
                ends.Add(bytes.Count);
            }
            ledger = accepted.Next;
        }
        return ([.. bytes], [.. ends]);
    }
}
