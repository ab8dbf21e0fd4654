using System.Collections.Immutable;
using FedActors.Simulation.Results;

namespace FedActors.Simulation;

/// <summary>Watches a run as it goes. Calls come in order, one at a time, from any thread; they must return at
/// once.</summary>
public interface IRunObserver
{
    /// <summary>The job and its data have been read and checked; training begins.</summary>
    void Started(RunHeader header);

    /// <summary>A round was committed.</summary>
    void RoundClosed(RoundLine line, int totalRounds);

    /// <summary>Something a person should know while waiting, in one sentence.</summary>
    void Note(string text);
}

/// <param name="Hospitals">How many take part.</param>
/// <param name="Rounds">How many rounds the job asks for.</param>
/// <param name="CommittedRounds">How many an earlier run has already committed; 0 for a new run.</param>
/// <param name="Figure">Name of the figure that rounds are judged by.</param>
public sealed record RunHeader(
    string Job, string Algorithm, int Hospitals, int Rounds, int CommittedRounds, string OutDirectory,
    string Figure = "AUROC");

/// <summary>What a run came to.</summary>
/// <param name="Rounds">Every committed round, those of an earlier run too.</param>
/// <param name="Words">What the job calls its cases.</param>
/// <param name="AlreadyFinished">Nothing was trained: the folder held the finished run.</param>
/// <param name="ResumedAfterRound">The last round that an earlier run had committed; 0 for a new run.</param>
public sealed record RunOutcome(
    RunSummary Summary,
    ImmutableArray<RoundLine> Rounds,
    CaseWords Words,
    string OutDirectory,
    bool AlreadyFinished,
    int ResumedAfterRound);
