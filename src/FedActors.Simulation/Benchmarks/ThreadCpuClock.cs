using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FedActors.Simulation.Benchmarks;

/// <summary>CPU time of the calling thread; of the whole process where the system does not tell it by thread.</summary>
internal static class ThreadCpuClock
{
    private const int Repetitions = 7;
    private const int ThreadCpuTime = 3;                                        // CLOCK_THREAD_CPUTIME_ID of Linux
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1.5);

    /// <summary>CPU time so far, in milliseconds.</summary>
    public static double Milliseconds =>
        OperatingSystem.IsLinux() && clock_gettime(ThreadCpuTime, out var time) == 0
            ? time.Seconds * 1e3 + time.Nanoseconds * 1e-6
            : Process.GetCurrentProcess().TotalProcessorTime.TotalMilliseconds;

    /// <summary>
    /// CPU milliseconds of each piece of work: the median of seven, the pieces one after the other in every
    /// repetition, after a while in which the runtime may compile them.
    /// </summary>
    public static double[] Medians(params ReadOnlySpan<Action> pieces)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < WarmUp;)
        {
            foreach (var work in pieces)
                work();
        }
        var times = new double[pieces.Length, Repetitions];
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            for (var i = 0; i < pieces.Length; i++)
            {
                var start = Milliseconds;
                pieces[i]();
                times[i, repetition] = Milliseconds - start;
            }
        }
        var medians = new double[pieces.Length];
        for (var i = 0; i < medians.Length; i++)
            medians[i] = Enumerable.Range(0, Repetitions).Select(r => times[i, r]).Order().ElementAt(Repetitions / 2);
        return medians;
    }

    [DllImport("libc")]
    private static extern int clock_gettime(int clock, out Timespec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Timespec
    {
        public readonly nint Seconds, Nanoseconds;
    }
}
