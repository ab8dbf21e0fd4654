namespace FedActors.Core.Rounds;

/// <summary>Where a round stands. Frozen: names a hospital's drop in journals and records.</summary>
public enum RoundPhase
{
    NotOpened = 0,

    /// <summary>Hospitals train.</summary>
    Training = 1,

    /// <summary>Signed ephemeral keys are gathered (U1).</summary>
    AdvertiseKeys = 2,

    /// <summary>Sealed shares are gathered (U2).</summary>
    ShareKeys = 3,

    /// <summary>Updates are gathered into the running sum.</summary>
    MaskedInput = 4,

    /// <summary>The survivor set (U3) is durable; survivors sign it.</summary>
    Consistency = 5,

    /// <summary>Shares of masks are gathered and the sum is opened.</summary>
    Unmask = 6,

    /// <summary>The sum is open; the coordinator makes the next model durable.</summary>
    Commit = 7,

    Closed = 8,
    Aborted = 9,
}
