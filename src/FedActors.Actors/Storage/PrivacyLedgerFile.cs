using FedActors.Core.Identity;
using FedActors.Core.Privacy;

namespace FedActors.Actors.Storage;

//  Privacy ledger file
//      One file a patient population, records appended in the encoding of LedgerCodec, each answer given after its records
//      are on the disk. One writer: an OS lock on the file keeps a second process out, a gate a second thread.
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
    private PrivacyLedger _ledger;
    private string? _unusable;

    private PrivacyLedgerFile(Stream stream, Action flush, PrivacyLedger ledger) => (_stream, _flush, _ledger) = (stream, flush, ledger);

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
    /// <exception cref="IOException">There is a file already, or none can be written.</exception>
    public static PrivacyLedgerFile Create(string path, string scope, CompositionRule rule, bool isFlushed, DateTimeOffset now)
    {
        var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        return Begin(file, () => file.Flush(isFlushed), scope, rule, now);
    }

    /// <summary>A ledger that ends with the process: for tests and benchmarks that have nothing to resume.</summary>
    public static PrivacyLedgerFile InMemory(string scope, CompositionRule rule, DateTimeOffset now) =>
        Begin(new MemoryStream(), () => { }, scope, rule, now);

    /// <summary>Takes the ledger for writing.</summary>
    /// <param name="scope">The patients it must be about.</param>
    /// <param name="refusal">Why not: missing, locked, unreadable, damaged, or another's; null where it was opened.</param>
    /// <returns>Null where it is refused.</returns>
    public static PrivacyLedgerFile? Open(string path, string scope, bool isFlushed, out PrivacyRefusal? refusal)
    {
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            if (Open(file, () => file.Flush(isFlushed), scope, out refusal) is { } opened)
                return opened;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            refusal = Refusal(e, path);
        }
        file?.Dispose();
        return null;
    }

    /// <summary>As the other, on any storage that can be read, appended to and cut.</summary>
    internal static PrivacyLedgerFile? Open(Stream stream, Action flush, string scope, out PrivacyRefusal? refusal)
    {
        var (ledger, damage, _) = LedgerReading.Of(stream);
        refusal = damage ?? (ledger!.Scope == scope ? null : new PrivacyRefusal.LedgerOfAnotherScope(scope, ledger.Scope));
        return refusal is null ? new PrivacyLedgerFile(stream, flush, ledger!) : null;
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

    /// <summary>Lets go of the lock.</summary>
    public void Dispose()
    {
        lock (_gate)
            _stream.Dispose();
    }

    private static PrivacyLedgerFile Begin(Stream stream, Action flush, string scope, CompositionRule rule, DateTimeOffset now)
    {
        try
        {
            var first = PrivacyLedger.Open(scope, rule, now);
            stream.Write([.. LedgerCodec.Preamble, .. LedgerCodec.Frame(first)]);
            flush();
            return new PrivacyLedgerFile(stream, flush, PrivacyLedger.From(first));
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

    private static PrivacyRefusal Refusal(Exception failure, string path) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => new PrivacyRefusal.LedgerMissing(),
        // .NET has no exception of its own for a lock that another process holds.
        IOException when File.Exists(path) && failure.Message.Contains("another process", StringComparison.Ordinal) => new PrivacyRefusal.LedgerLocked(),
        _ => new PrivacyRefusal.LedgerUnavailable(failure.Message),
    };
}
