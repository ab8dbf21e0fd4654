using System.Collections.Immutable;

namespace FedActors.Simulation;

/// <summary>What a person asked of <c>fedactors simulate</c>.</summary>
/// <param name="JobFile">The HOCON file.</param>
/// <param name="DataDirectory">Where the job's data lies, or null for the job file's own folder.</param>
/// <param name="OutDirectory">Where results go, or null for <c>out/&lt;job name&gt;</c>.</param>
/// <param name="Overrides">Key paths and values that replace the file's, in order.</param>
/// <param name="Fresh">Start over even if the folder holds a run.</param>
public sealed record SimulationOptions(
    string JobFile,
    string? DataDirectory,
    string? OutDirectory,
    ImmutableArray<KeyValuePair<string, string>> Overrides,
    bool Fresh);
