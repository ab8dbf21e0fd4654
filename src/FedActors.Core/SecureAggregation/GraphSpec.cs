namespace FedActors.Core.SecureAggregation;

//  Degree and threshold of the mask graph
//      Up to 256 hospitals everyone shares a mask with everyone. Above, each with k neighbours of a random Harary
//      graph; the smallest even k (and the threshold t of its secrets) such that, but for a chance below 2^-80,
//        - the honest survivors stay connected, so that only their whole sum can be unmasked;
//        - no neighbourhood holds so many corrupt hospitals that both secrets of one hospital could be put together:
//          2t > k + corrupt neighbours;
//      and, but for 2^-20, every neighbourhood keeps t survivors at the planned dropout.
//  Source:   Bell et al., CCS 2020 (eprint 2020/704), 3.2 and 4; hypergeometric tails and the union bound over pairs of
//            gaps.
//  Proof:    MaskGraph.md

/// <summary>Who shares masks and secrets with whom.</summary>
/// <param name="Degree">Neighbours of each hospital, even; 0 for the complete graph.</param>
/// <param name="Threshold">Shares that open a secret.</param>
/// <param name="DropoutPercent">Share of hospitals that may fall away, for which the degree was found; 0 for the
/// complete graph.</param>
public sealed record GraphSpec(int Degree, int Threshold, int DropoutPercent)
{
    /// <summary>The largest cohort with a complete graph.</summary>
    public const int CompleteUpTo = 256;

    /// <summary>The planned dropout where a policy says nothing, in percent.</summary>
    public const int DefaultDropoutPercent = 10;

    private const double SecurityBits = 80;
    private const double CorrectnessBits = 20;

    /// <summary>Everyone with everyone.</summary>
    public bool IsComplete => Degree == 0;

    /// <summary>The graph a cohort of this size and trust needs.</summary>
    /// <param name="dropoutPercent">1 to 40; read for large cohorts only.</param>
    /// <exception cref="ArgumentException">So many corrupt and missing hospitals that no degree is enough.</exception>
    public static GraphSpec For(Thresholds thresholds, int dropoutPercent = DefaultDropoutPercent) =>
        TryFor(thresholds, dropoutPercent) ?? throw new ArgumentException(
            $"No graph on {thresholds.Hospitals} hospitals withstands {thresholds.Corrupt} corrupt ones "
            + $"and {dropoutPercent} % dropout.",
            nameof(thresholds));

    /// <summary>The same, null where no graph is enough.</summary>
    public static GraphSpec? TryFor(Thresholds thresholds, int dropoutPercent)
    {
        if (thresholds.Hospitals <= CompleteUpTo)
            return new GraphSpec(0, thresholds.Quorum, 0);
        if (dropoutPercent is < 1 or > 40)
            return null;
        var dropouts = thresholds.Hospitals * dropoutPercent / 100;
        return Find(thresholds.Hospitals, thresholds.Corrupt, dropouts, SecurityBits) is var (degree, threshold)
            ? new GraphSpec(degree, threshold, dropoutPercent)
            : null;
    }

    /// <summary>The smallest even degree with its threshold, or null where there is none.</summary>
    /// <param name="hospitals">n.</param>
    /// <param name="corrupt">Hospitals that side with the hub.</param>
    /// <param name="dropouts">Hospitals that fall away.</param>
    /// <param name="securityBits">Chance of failure 2^-bits.</param>
    public static (int Degree, int Threshold)? Find(int hospitals, int corrupt, int dropouts, double securityBits)
    {
        var logFactorials = new double[hospitals + 1];
        for (var i = 2; i <= hospitals; i++)
            logFactorials[i] = logFactorials[i - 1] + Math.Log(i);
        var perEvent = -(securityBits + 1) * Math.Log(2);
        for (var degree = 2; degree < hospitals - 1; degree += 2)
        {
            if (LogChanceOfGaps(degree) >= perEvent)
                continue;
            var most = MostCorruptNeighbours(degree, Math.Exp(perEvent) / hospitals);
            var threshold = (most + degree) / 2 + 1;                            // the least t with 2t > k + most
            if (LeastSurvivingNeighbours(degree, Math.Pow(2, -CorrectnessBits) / hospitals) >= threshold)
                return (degree, Math.Max(threshold, 2));
        }
        return null;

        // Removing nodes splits a Harary graph only where k/2 successive ones go in two places.
        double LogChanceOfGaps(int degree)
        {
            var bad = corrupt + dropouts;
            return degree > bad
                ? double.NegativeInfinity
                : Math.Log(hospitals) + Math.Log(hospitals - degree - 1) - Math.Log(2)
                  + logFactorials[bad] - logFactorials[bad - degree]
                  + logFactorials[hospitals - degree] - logFactorials[hospitals];
        }

        int MostCorruptNeighbours(int degree, double chance)
        {
            var most = Math.Min(corrupt, degree);
            var tail = Chance(corrupt, degree, most);
            while (most > 0 && tail <= chance)
                tail += Chance(corrupt, degree, --most);
            return most;
        }

        int LeastSurvivingNeighbours(int degree, double chance)
        {
            var least = Math.Max(0, degree - dropouts);
            var tail = Chance(hospitals - dropouts, degree, least);
            while (tail <= chance)
                tail += Chance(hospitals - dropouts, degree, ++least);
            return least;
        }

        // Hypergeometric: `hits` of `degree` drawn from n hospitals of which `marked` are marked.
        double Chance(int marked, int degree, int hits) =>
            hits > marked || degree - hits > hospitals - marked || hits > degree
                ? 0
                : Math.Exp(
                    LogChoose(marked, hits) + LogChoose(hospitals - marked, degree - hits)
                    - LogChoose(hospitals, degree));

        double LogChoose(int n, int k) => logFactorials[n] - logFactorials[k] - logFactorials[n - k];
    }
}
