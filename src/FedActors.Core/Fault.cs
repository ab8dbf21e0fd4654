using System.Collections.Immutable;

namespace FedActors.Core;

/// <summary>
/// One thing that is wrong and that a person can mend: its number, what happened, where, and what to do.
/// The texts name files, lines, key paths, hospitals and the value that was refused; never an update, a key or a
/// patient's row.
/// </summary>
/// <param name="Number">The page in <c>docs/errors.md</c>, from <see cref="FaultNumber"/>.</param>
/// <param name="What">One sentence: what happened.</param>
/// <param name="Where">File with line, key path, hospital or round; empty where there is no such place.</param>
/// <param name="Fix">One sentence: what to do.</param>
public sealed record Fault(FaultNumber Number, string What, string Where, string Fix)
{
    public string Code => Number.Code();

    public override string ToString() =>
        Where.Length == 0 ? $"{Code}: {What} {Fix}" : $"{Code}: {What} ({Where}) {Fix}";
}

/// <summary>What was asked cannot be done, for reasons the person who asked can mend. All faults found are told
/// together.</summary>
public sealed class FaultException : Exception
{
    public FaultException(params IEnumerable<Fault> faults) : this(ExitCode.BadInput, faults) { }

    public FaultException(ExitCode exitCode, params IEnumerable<Fault> faults)
        : base(string.Join(Environment.NewLine, faults.Select(fault => fault.ToString())))
    {
        ExitCode = exitCode;
        Faults = [.. faults];
    }

    public ImmutableArray<Fault> Faults { get; }

    /// <summary>What the executable exits with.</summary>
    public ExitCode ExitCode { get; }
}

/// <summary>Exit codes of both executables. Frozen: scripts depend on them.</summary>
public enum ExitCode
{
    Done = 0,
    Failed = 1,
    Refused = 2,
    NotReady = 3,
    BadInput = 4,
    CannotConnect = 5,
    VerificationFailed = 6,
}
