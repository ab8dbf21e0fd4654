using FedActors.Core.Identity;
using FedActors.Core.Privacy;

namespace FedActors.Actors.Storage;

//  Privacy ledger file
//      One file a patient population, records appended in the encoding of LedgerCodec, each answer given after its records
//      are on the disk. One writer: an OS lock on the file's own lock file keeps a second process out, a gate a second
//      thread; readers need no lock, for a writer only appends.
//  Failure:  a write that fails is taken back, and refused; where it cannot be taken back, or a flush failed, what is on the
//            disk is unknown, and everything is refused until the file is read again. Either way at least what was released
//            is charged.

/// <summary>
/// The ledger of one patient population, on disk. Safe to use from many threads; each call may wait for the disk, so that it
/// belongs on the thread that is about to draw the noise, not on one that carries messages.
/// </summary>
public sealed class PrivacyLedgerFile : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Stream _stream;
    private readonly Action _flush;
    private readonly IDisposable? _lock;
    private PrivacyLedger _ledger;
    private string? _unusable;

    private PrivacyLedgerFile(Stream stream, Action flush, PrivacyLedger ledger, IDisposable? @lock) =>
        (_stream, _flush, _ledger, _lock) = (stream, flush, ledger, @lock);

    /// <summary>As it stands on the disk.</summary>
    public PrivacyLedger Ledger
    {
        get
        {
            lock (_gate)
                return _ledger;
        }
    }

    /// <summary>Makes the ledger of patients that no job has used yet.</summary>
    /// <param name="isFlushed">Whether a write waits for the disk: a node's always does, a simulation's need not.</param>
    /// <param name="limit">The policy's, for the record.</param>
    /// <exception cref="IOException">There is a file already, or none can be written.</exception>
    public static PrivacyLedgerFile Create(
        string path, string scope, CompositionRule rule, bool isFlushed, DateTimeOffset now, PrivacyBudget limit = default)
    {
        var held = Lock(path);
        try
        {
            var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            var begun = Begin(file, () => file.Flush(isFlushed), PrivacyLedger.Open(scope, rule, limit, now), held);
            // A ledger whose name a power failure takes back would be made anew, with nothing spent.
            if (isFlushed)
                FolderFlush.Of(path);
            return begun;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>A ledger that ends with the process: for tests and benchmarks that have nothing to resume.</summary>
    public static PrivacyLedgerFile InMemory(string scope, CompositionRule rule, DateTimeOffset now, PrivacyBudget limit = default) =>
        Begin(new MemoryStream(), () => { }, PrivacyLedger.Open(scope, rule, limit, now), null);

    /// <summary>Takes the ledger for writing.</summary>
    /// <param name="scope">The patients it must be about.</param>
    /// <param name="refusal">Why not: missing, locked, unreadable, damaged, or another's; null where it was opened.</param>
    /// <returns>Null where it is refused.</returns>
    public static PrivacyLedgerFile? Open(string path, string scope, bool isFlushed, out PrivacyRefusal? refusal)
    {
        FileStream? held = null, file = null;
        try
        {
            held = File.Exists(path) ? Lock(path) : throw new FileNotFoundException(null, path);
            file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            if (Open(file, () => file.Flush(isFlushed), scope, out refusal, held) is { } opened)
                return opened;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            refusal = Refusal(e, isLocking: held is null);
        }
        file?.Dispose();
        held?.Dispose();
        return null;
    }

    /// <summary>As the other, on any storage that can be read, appended to and cut.</summary>
    internal static PrivacyLedgerFile? Open(
        Stream stream, Action flush, string scope, out PrivacyRefusal? refusal, IDisposable? held = null)
    {
        var (ledger, damage, _) = LedgerReading.Of(stream);
        refusal = damage ?? (ledger!.Scope == scope ? null : new PrivacyRefusal.LedgerOfAnotherScope(scope, ledger.Scope));
        return refusal is null ? new PrivacyLedgerFile(stream, flush, ledger!, held) : null;
    }

    /// <summary>
    /// One round's noise may be drawn once this is accepted, and never again on the same charge. See
    /// <see cref="PrivacyLedger.Charge"/>.
    /// </summary>
    /// <param name="limit">The policy's, never the job's.</param>
    public LedgerDecision Charge(ChargeRequest request, PrivacyBudget limit, DateTimeOffset now) =>
        Append(ledger => ledger.Charge(request, limit, now));

    /// <summary>See <see cref="PrivacyLedger.Close"/>.</summary>
    public LedgerDecision Close(string job, Digest planHash, DateTimeOffset now) => Append(ledger => ledger.Close(job, planHash, now));

    /// <summary>
    /// Compares with a head that a hub or a peer holds. One that this ledger's key did not sign is no witness; one that the records
    /// do not lead to stops everything until an operator reconciles.
    /// </summary>
    /// <param name="own">The key of the hospital itself.</param>
    public LedgerDecision Witness(SignedLedgerHead held, SitePublicKey own, DateTimeOffset now) => Append(ledger =>
        held.Scope != ledger.Scope || !held.IsSignedBy(own)
            ? new LedgerDecision.Accepted([], ledger)
            : ledger.Witness(held.Head, held.Head.Sequence == ledger.Head.Sequence ? ledger.Head.Hash : At(held.Head.Sequence)?.Head.Hash, now));

    /// <summary>An operator accounts for what is missing. See <see cref="PrivacyLedger.Reconcile"/>.</summary>
    /// <param name="sharedUpTo">Record up to which the missing ledger was the same as this one; null where nobody knows.</param>
    public LedgerDecision Reconcile(
        string @operator, string reason, LedgerHead? known, long? sharedUpTo, PrivacyBudget charge, DateTimeOffset now) => Append(ledger =>
        ledger.Reconcile(@operator, reason, known, sharedUpTo is { } record ? At(record)?.Spent ?? default : default, charge, now));

    /// <summary>
    /// Makes a damaged ledger usable: its records up to the damage stay, and an operator accounts for the rest. The damaged file is
    /// kept beside it. Whatever happens on the way, either the damaged file or the mended one stands at the path.
    /// </summary>
    /// <param name="kept">Where the damaged file is kept.</param>
    /// <exception cref="IOException">It cannot be read or written, or another process holds it.</exception>
    /// <exception cref="InvalidDataException">Not even its first record is whole.</exception>
    public static PrivacyLedger Mend(
        string path, string @operator, string reason, LedgerHead? known, PrivacyBudget charge, DateTimeOffset now, out string kept)
    {
        using var held = Lock(path);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var reading = LedgerReading.Of(file);
        if (reading.Ledger is not { } ledger)
            throw new InvalidDataException("Not even its first record is whole.");
        var mended = (LedgerDecision.Accepted)ledger.Reconcile(@operator, reason, known, ledger.Spent, charge, now);
        kept = Enumerable.Range(1, int.MaxValue).Select(number => $"{path}.damaged-{number}").First(name => !File.Exists(name));
        File.Copy(path, kept);
        var bytes = new byte[reading.WholeBytes];
        file.Position = 0;
        file.ReadExactly(bytes);
        var temporary = path + ".tmp";
        using (var copy = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            copy.Write([.. bytes, .. mended.Records.SelectMany(LedgerCodec.Frame)]);
            copy.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
        FolderFlush.Of(path);
        return mended.Next;
    }

    /// <summary>Lets go of the lock.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stream.Dispose();
            _lock?.Dispose();
        }
    }

    private static PrivacyLedgerFile Begin(Stream stream, Action flush, LedgerRecord first, IDisposable? held)
    {
        try
        {
            stream.Write([.. LedgerCodec.Preamble, .. LedgerCodec.Frame(first)]);
            flush();
            return new PrivacyLedgerFile(stream, flush, PrivacyLedger.From(first), held);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    // The ledger as it was after a record; null where there is no such record.
    private PrivacyLedger? At(long sequence)
    {
        var ledger = LedgerReading.Of(_stream, sequence).Ledger;
        return ledger?.Head.Sequence == sequence ? ledger : null;
    }

    private LedgerDecision Append(Func<PrivacyLedger, LedgerDecision> decide)
    {
        lock (_gate)
        {
            if (_unusable is { } reason)
                return Unavailable(reason);
            var decision = decide(_ledger);
            if (decision is not LedgerDecision.Accepted { Records.IsEmpty: false } accepted)
                return decision;
            var end = _stream.Length;
            try
            {
                _stream.Position = end;
                _stream.Write([.. accepted.Records.SelectMany(LedgerCodec.Frame)]);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                return TakeBack(end, e.Message);
            }
            try
            {
                _flush();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _unusable = e.Message;
                return Unavailable(e.Message);
            }
            _ledger = accepted.Next;
            return accepted;
        }
    }

    private LedgerDecision.Refused TakeBack(long end, string reason)
    {
        try
        {
            _stream.SetLength(end);
            _flush();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _unusable = reason;
        }
        return Unavailable(reason);
    }

    private static LedgerDecision.Refused Unavailable(string reason) => new(new PrivacyRefusal.LedgerUnavailable(reason));

    // The lock file stays when the lock goes: to remove it would let two processes hold two files of one name.
    private static FileStream Lock(string path) => new(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    private static PrivacyRefusal Refusal(Exception failure, bool isLocking) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => new PrivacyRefusal.LedgerMissing(),
        // .NET has no exception of its own for a lock that another process holds.
        IOException when isLocking && failure.Message.Contains("another process", StringComparison.Ordinal) => new PrivacyRefusal.LedgerLocked(),
        _ => new PrivacyRefusal.LedgerUnavailable(failure.Message),
    };
}
