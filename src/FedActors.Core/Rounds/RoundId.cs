namespace FedActors.Core.Rounds;

/// <summary>Names one attempt at one round of a job. Rounds and attempts count from 1.</summary>
public sealed record RoundId(string Job, int Round, int Attempt)
{
    public override string ToString() => Attempt == 1 ? $"{Job}#{Round}" : $"{Job}#{Round}.{Attempt}";
}
