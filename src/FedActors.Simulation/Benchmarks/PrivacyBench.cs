using System.Diagnostics;
using FedActors.Actors.Storage;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What accounting, noise and the ledger cost on this machine. Milliseconds are medians, of parameters not
/// seen before.</summary>
/// <param name="RdpMs">Composing 1,000 steps and reading epsilon, Renyi.</param>
/// <param name="RdpSegmentsMs">100 unlike segments, Renyi.</param>
/// <param name="PldMs">Composing 1,000 steps and reading epsilon, privacy-loss distributions.</param>
/// <param name="RdpCalibrationMs">The least noise for an epsilon, Renyi.</param>
/// <param name="PldCalibrationMs">The same, privacy-loss distributions.</param>
/// <param name="GaussiansPerCpuSecond">Exact discrete Gaussians of sigma 1,000 from the system's generator, one
/// thread.</param>
/// <param name="AppendP50Ms">Wall time of a charge until it is on the disk.</param>
/// <param name="AppendP99Ms">The same, 99th percentile.</param>
/// <param name="LoadMs">CPU time to read and check a ledger of <paramref name="LoadRecords"/> records.</param>
public sealed record PrivacyBenchResult(
    double RdpMs, double RdpSegmentsMs, double PldMs, double RdpCalibrationMs, double PldCalibrationMs,
    double GaussiansPerCpuSecond, double AppendP50Ms, double AppendP99Ms, long LoadRecords, double LoadMs);

/// <summary>Measures <c>Core/Privacy</c> and the ledger's file.</summary>
public static class PrivacyBench
{
    private const int Runs = 9;
    private const int Draws = 4_000_000;
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <param name="appends">Charges to time.</param>
    /// <param name="records">Records of the ledger to read.</param>
    public static PrivacyBenchResult Run(int appends, int records)
    {
        var folder = Directory.CreateTempSubdirectory("fedactors-bench");
        try
        {
            var latencies = Appends(Path.Combine(folder.FullName, "append.ledger"), appends);
            return new PrivacyBenchResult(
                Median(noise => RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(0.01, noise, 1000))
                    .Spent(1e-6)),
                Median(noise => Enumerable.Range(0, 100)
                    .Aggregate(
                        RdpAccountant.Standard,
                        (spent, i) => spent.Compose(new DpEvent.SampledGaussian(0.01, noise + i * 1e-3, 20)))
                    .Spent(1e-6)),
                Median(noise => PldAccountant.Empty.Compose(new DpEvent.SampledGaussian(0.01, noise, 1000))
                    .Spent(1e-6)),
                Median(noise => Calibration.Noise(RdpAccountant.Standard, 2 + noise, 1e-6, 0.01, 1000).Spent),
                Median(noise => Calibration.Noise(PldAccountant.Empty, 2 + noise, 1e-6, 0.01, 1000).Spent),
                GaussiansPerSecond(),
                latencies[latencies.Length / 2], latencies[(int)(0.99 * (latencies.Length - 1))],
                records, LoadMs(Path.Combine(folder.FullName, "load.ledger"), records));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double Median(Func<double, PrivacySpent> work)
    {
        var times = new double[Runs];
        for (var i = -2; i < Runs; i++)                                         // the first two compile it
        {
            var before = ThreadCpuClock.Milliseconds;
            work(1.01 + 0.003 * (i + 2));
            if (i >= 0)
                times[i] = ThreadCpuClock.Milliseconds - before;
        }
        Array.Sort(times);
        return times[Runs / 2];
    }

    private static double GaussiansPerSecond()
    {
        var (noise, sampler) = (new long[Draws], new DiscreteGaussian(new Rational(1_000_000, 1)));
        using var source = new CounterSource(SecureRandomSource.Instance);
        sampler.Fill(source, noise);
        var before = ThreadCpuClock.Milliseconds;
        sampler.Fill(source, noise);
        return Draws / (ThreadCpuClock.Milliseconds - before) * 1e3;
    }

    private static double[] Appends(string path, int count)
    {
        var (terms, limit) = (Terms(count), new PrivacyBudget(1e6, 0.1));
        using var ledger =
            PrivacyLedgerFile.Create(path, "bench", new CompositionRule(null, 0), isFlushed: true, Start, limit);
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var watch = Stopwatch.StartNew();
            ledger.Charge(new ChargeRequest("bench", default, i + 1, 1, terms), limit, Start);
            times[i] = watch.Elapsed.TotalMilliseconds;
        }
        Array.Sort(times);
        return times;
    }

    private static double LoadMs(string path, int records)
    {
        using (var file = new BufferedStream(File.Create(path), 1 << 16))
        {
            var opened = PrivacyLedger.Open("bench", new CompositionRule(null, 0), new PrivacyBudget(1e6, 0.1), Start);
            var granted =
                LedgerCodec.Seal(1, opened.Hash,
                    new LedgerEvent.Granted(Start, "bench", default, Terms(records), new PrivacyBudget(1e6, 0.1)));
            file.Write([.. LedgerCodec.Preamble, .. LedgerCodec.Frame(opened), .. LedgerCodec.Frame(granted)]);
            var previous = granted.Hash;
            for (var i = 2; i < records; i++)
            {
                var charged = LedgerCodec.Seal(i, previous, new LedgerEvent.Charged(Start, 1, i - 1, 1));
                file.Write(LedgerCodec.Frame(charged));
                previous = charged.Hash;
            }
        }
        var before = ThreadCpuClock.Milliseconds;
        var reading = LedgerReading.Of(path);
        var spent = ThreadCpuClock.Milliseconds - before;
        return reading.Ledger?.Head.Sequence == records - 1 ? spent : double.NaN;
    }

    private static PrivacyTerms Terms(int releases) =>
        PrivacyTerms.Of(new DpEvent.SampledGaussian(0.01, 100, 1), releases, 1e-6);
}
