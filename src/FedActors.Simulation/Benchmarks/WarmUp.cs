using System.Runtime;

namespace FedActors.Simulation.Benchmarks;

/// <summary>
/// The runtime compiles hot paths again in the background, up to seconds after they became hot. Work is repeated before it
/// is measured until a batch of it compiles next to nothing: else the measure is of code that no hub or hospital runs for
/// longer than its first second.
/// </summary>
internal static class WarmUp
{
    private const int MostBatches = 12;
    private static readonly TimeSpan LittleTime = TimeSpan.FromMilliseconds(10);

    /// <summary>One number for each batch that the caller shall run.</summary>
    public static IEnumerable<int> Batches()
    {
        for (var batch = 0; batch < MostBatches; batch++)
        {
            var before = JitInfo.GetCompilationTime();
            yield return batch;
            if (JitInfo.GetCompilationTime() - before < LittleTime)
                yield break;
        }
    }
}
