namespace FedActors.Core.Privacy;

/// <summary>
/// Bounds what events reveal together, for events whose parameters were all fixed before the first release. Immutable.
/// </summary>
public interface IPrivacyAccountant
{
    /// <summary>This and <paramref name="event"/>.</summary>
    /// <exception cref="FaultException">The event is out of range, or not one this accountant knows.</exception>
    IPrivacyAccountant Compose(DpEvent @event);

    /// <summary>The least epsilon this accountant can prove at <paramref name="delta"/>, rounded up.</summary>
    /// <exception cref="FaultException">Delta is not in (0, 1).</exception>
    PrivacySpent Spent(double delta);

    /// <summary>The least delta this accountant can prove at <paramref name="epsilon"/>, rounded up; at most
    /// 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Epsilon is below 0 or not a number.</exception>
    double Delta(double epsilon);
}
