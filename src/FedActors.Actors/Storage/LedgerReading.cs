using FedActors.Core.Privacy;

namespace FedActors.Actors.Storage;

/// <summary>What a ledger's bytes say.</summary>
/// <param name="Ledger">After the last record that is whole and in its place; null where there is not even a
/// first.</param>
/// <param name="Damage">What is wrong with the record after it, or null.</param>
/// <param name="WholeBytes">Bytes up to there.</param>
public sealed record LedgerReading(PrivacyLedger? Ledger, PrivacyRefusal? Damage, long WholeBytes)
{
    private const int BufferBytes = 1 << 18;                                    // beyond the longest record

    /// <summary>Reads a ledger that another process may be writing: a last record that is still under way shows as
    /// damage.</summary>
    public static LedgerReading Of(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            return Of(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new LedgerReading(null, new PrivacyRefusal.LedgerMissing(), 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new LedgerReading(null, new PrivacyRefusal.LedgerUnavailable(e.Message), 0);
        }
    }

    /// <summary>Reads from the beginning, checking every record's hash and place in the chain.</summary>
    /// <param name="until">The last record of interest.</param>
    internal static LedgerReading Of(Stream stream, long until = long.MaxValue)
    {
        stream.Position = 0;
        var buffer = new byte[BufferBytes];
        var (start, end, position, isAtEnd) = (0, 0, 0L, false);
        PrivacyLedger? ledger = null;
        Fill();
        if (!buffer.AsSpan(0, end).StartsWith(LedgerCodec.Preamble))
            return new LedgerReading(null,
                new PrivacyRefusal.LedgerDamaged(0, "the file does not begin as a ledger does."), 0);
        Take(LedgerCodec.Preamble.Length);
        while (ledger is null || ledger.Head.Sequence < until)
        {
            var reading = LedgerCodec.Read(buffer.AsSpan(start, end - start), out var record, out var length);
            if (reading == LedgerCodec.Reading.CutOff && !isAtEnd)
            {
                Fill();
                continue;
            }
            if (start == end && ledger is not null)
                break;
            var next = (ledger?.Head.Sequence ?? -1) + 1;
            if (reading != LedgerCodec.Reading.Whole)
                return new LedgerReading(ledger, new PrivacyRefusal.LedgerDamaged(next,
                    reading == LedgerCodec.Reading.CutOff
                    ? "the file ends within it."
                    : "its bytes are not those that were written."), position);
            try
            {
                ledger = ledger is null ? PrivacyLedger.From(record!) : ledger.Apply(record!);
            }
            catch (InvalidOperationException e)
            {
                return new LedgerReading(ledger, new PrivacyRefusal.LedgerDamaged(next, e.Message), position);
            }
            Take(length);
        }
        return new LedgerReading(ledger, null, position);

        void Take(int length)
        {
            start += length;
            position += length;
        }

        void Fill()
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (end, start) = (end - start, 0);
            var read = stream.ReadAtLeast(buffer.AsSpan(end), buffer.Length - end, throwOnEndOfStream: false);
            (end, isAtEnd) = (end + read, end + read < buffer.Length);
        }
    }
}
