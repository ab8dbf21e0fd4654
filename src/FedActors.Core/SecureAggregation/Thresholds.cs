namespace FedActors.Core.SecureAggregation;

//  Thresholds
//      How many hospitals must agree before anything is opened, from how many are invited and how many may side with the hub.
//  Source:   Bonawitz et al., CCS 2017, active adversary: 2q > n + n_c, one threshold for signatures and shares (t = q).
//  Numbers:  n_c = max(1, ceil(n/3) - 1) unless the policy says more; q = floor((n + n_c)/2) + 1;
//            least survivors = max(3, n_c + 2, q, policy).
//  Proof:    Thresholds.md

/// <summary>The numbers a round stands on. Every hospital computes its own and refuses weaker ones.</summary>
/// <param name="Hospitals">Invited: n.</param>
/// <param name="Corrupt">Hospitals that may side with the hub: n_c.</param>
/// <param name="Quorum">Signatures on the survivor set, and shares that open a secret: q = t.</param>
/// <param name="MinSurvivors">Fewer masked updates than this: no sum.</param>
public sealed record Thresholds(int Hospitals, int Corrupt, int Quorum, int MinSurvivors)
{
    /// <summary>Fewer hospitals cannot hide one another.</summary>
    public const int LeastHospitals = 3;

    /// <summary>Hospitals that may fall away before the survivors are fixed, and a sum still comes out.</summary>
    public int ToleratedDropouts => Hospitals - MinSurvivors;

    /// <summary>The default for <paramref name="hospitals"/>.</summary>
    public static int DefaultCorrupt(int hospitals) => Math.Max(1, (hospitals + 2) / 3 - 1);

    /// <summary>The thresholds for a cohort.</summary>
    /// <param name="hospitals">At least 3.</param>
    /// <param name="corrupt">1 to hospitals - 2; null for the default.</param>
    /// <param name="minSurvivors">The policy's floor, at most <paramref name="hospitals"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static Thresholds For(int hospitals, int? corrupt = null, int minSurvivors = LeastHospitals)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hospitals, LeastHospitals);
        var c = corrupt ?? DefaultCorrupt(hospitals);
        ArgumentOutOfRangeException.ThrowIfLessThan(c, 1, nameof(corrupt));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(c, hospitals - 2, nameof(corrupt));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minSurvivors, hospitals);
        var quorum = (hospitals + c) / 2 + 1;
        return new Thresholds(hospitals, c, quorum, Math.Max(Math.Max(LeastHospitals, c + 2), Math.Max(quorum, minSurvivors)));
    }

    /// <summary>Whether these are at least as strong as <paramref name="own"/>, for the same number of hospitals, and can be met.</summary>
    public bool AtLeast(Thresholds own) =>
        Hospitals == own.Hospitals && Corrupt >= own.Corrupt && Quorum >= own.Quorum && MinSurvivors >= own.MinSurvivors
        && MinSurvivors >= Quorum && MinSurvivors >= Corrupt + 2 && 2 * Quorum > Hospitals + Corrupt
        && MinSurvivors <= Hospitals;
}
