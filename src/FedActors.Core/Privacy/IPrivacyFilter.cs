namespace FedActors.Core.Privacy;

/// <summary>
/// What jobs may spend together, where a later job's parameters may depend on what earlier ones released: then composing
/// all jobs in one accountant and stopping at the budget proves nothing, and a filter is needed. Immutable.
/// </summary>
public interface IPrivacyFilter
{
    /// <summary>
    /// The filter after <paramref name="job"/>, or null where the job does not fit any more; then nothing is spent. A job's
    /// own parameters are all fixed when it is admitted.
    /// </summary>
    /// <exception cref="FaultException">An event of the job is out of range.</exception>
    IPrivacyFilter? Admit(JobGrant job);
}

/// <summary>What one job asks for.</summary>
/// <param name="Events">Its whole plan, at its worst case.</param>
/// <param name="Delta">The job's own delta, in (0, 1).</param>
public sealed record JobGrant(IReadOnlyList<DpEvent> Events, double Delta);
