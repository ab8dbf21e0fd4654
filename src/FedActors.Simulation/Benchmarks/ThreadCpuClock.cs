using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FedActors.Simulation.Benchmarks;

/// <summary>CPU time of the calling thread; of the whole process where the system does not tell it by thread.</summary>
internal static class ThreadCpuClock
{
    private const int ThreadCpuTime = 3;                                        // CLOCK_THREAD_CPUTIME_ID of Linux

    /// <summary>CPU time so far, in milliseconds.</summary>
    public static double Milliseconds =>
        OperatingSystem.IsLinux() && clock_gettime(ThreadCpuTime, out var time) == 0
            ? time.Seconds * 1e3 + time.Nanoseconds * 1e-6
            : Process.GetCurrentProcess().TotalProcessorTime.TotalMilliseconds;

    [DllImport("libc")]
    private static extern int clock_gettime(int clock, out Timespec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Timespec
    {
        public readonly nint Seconds, Nanoseconds;
    }
}
