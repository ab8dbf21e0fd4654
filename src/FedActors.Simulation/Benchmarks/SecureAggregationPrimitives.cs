using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using FedActors.Core.Numerics;
using FedActors.Core.SecureAggregation;

namespace FedActors.Simulation.Benchmarks;

/// <summary>What a secure sum is made of, measured on one thread beside <c>openssl speed</c> of the same machine in the
/// same run.</summary>
/// <param name="MaskGbPerSecond">Key stream expanded and added to a vector of 4 MiB, 10^9 bytes a second.</param>
/// <param name="TiledMaskGbPerSecond">The same with 100 keys and a vector of 32 MiB.</param>
/// <param name="OpensslGbPerSecond">AES-256-CTR by <c>openssl speed</c>; NaN where there is no openssl.</param>
/// <param name="ShamirShareUs">One secret among 100 holders of whom 67 are needed.</param>
/// <param name="ShamirCombineMs">The secrets of all 100, from 67 shares each.</param>
public sealed record SecureAggregationPrimitives(
    double MaskGbPerSecond, double TiledMaskGbPerSecond, double OpensslGbPerSecond, double ShamirShareUs,
    double ShamirCombineMs)
{
    private const int Holders = 100;

    public static SecureAggregationPrimitives Measure()
    {
        var openssl = OpensslSpeed();
        var (single, tiled) = (MaskSpeed(4 << 20, keys: 1, repeats: 50), MaskSpeed(32 << 20, keys: 100, repeats: 3));
        // The machine may have changed its pace meanwhile: the comparison takes the better of before and after.
        openssl = Math.Max(openssl, OpensslSpeed());

        var threshold = Thresholds.For(Holders).Quorum;
        var secret = RandomNumberGenerator.GetBytes(ShamirSecretSharing.Size);
        var shares = new byte[Holders * ShamirSecretSharing.Size];
        var share =
            Best(30, () => ShamirSecretSharing.Split(secret, threshold, SecureRandomSource.Instance, shares),
                inner: 20);
        ushort[] positions = [.. Enumerable.Range(1, threshold).Select(i => (ushort)i)];
        var some = shares[..(threshold * ShamirSecretSharing.Size)];
        var combine = Best(30, () =>
        {
            var combiner = new ShareCombiner(positions);
            for (var i = 0; i < Holders; i++)
                combiner.Combine(some, secret);
        }, inner: 5);
        return new SecureAggregationPrimitives(single, tiled, openssl, share * 1e3, combine);
    }

    private static double MaskSpeed(int bytes, int keys, int repeats)
    {
        var vector = new byte[bytes];
        var (material, subtract) = (RandomNumberGenerator.GetBytes(keys * MaskStream.KeySize), new bool[keys]);
        return (double)bytes * keys / Best(repeats, () => MaskStream.Apply(vector, 32, material, subtract), inner: 1)
            / 1e6;
    }

    // CPU milliseconds of this thread, of the best of so many.
    private static double Best(int repeats, Action work, int inner)
    {
        work();
        var best = double.PositiveInfinity;
        for (var i = 0; i < repeats; i++)
        {
            var start = ThreadCpuClock.Milliseconds;
            for (var j = 0; j < inner; j++)
                work();
            best = Math.Min(best, (ThreadCpuClock.Milliseconds - start) / inner);
        }
        return best;
    }

    private static double OpensslSpeed()
    {
        var start =
            new ProcessStartInfo("openssl", ["speed", "-seconds", "1", "-bytes", "1048576", "-evp", "aes-256-ctr"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
        try
        {
            using var process = Process.Start(start)!;
            var progress = process.StandardError.ReadToEndAsync();
            var last = process.StandardOutput.ReadToEnd().TrimEnd().Split('\n')[^1];
            process.WaitForExit();
            progress.Wait();
            // AES-256-CTR    7484297.43k
            var figure = last.Split(' ')[^1].TrimEnd('k');
            return double.TryParse(figure, NumberStyles.Float, CultureInfo.InvariantCulture, out var kilobytes)
                ? kilobytes / 1e6
                : double.NaN;
        }
        catch (Win32Exception)
        {
            return double.NaN;
        }
    }
}
