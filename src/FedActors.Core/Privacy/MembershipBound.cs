//  Membership bound
//      The largest share of the members that an attacker can find, who may raise false alarms for a given share of the
//      others.
//  Source:   Kairouz, Oh, Viswanath, ICML 2015, Theorem 2.1: for every epsilon, found <= e^epsilon alarms +
//            delta(epsilon) and
//            found <= 1 - e^-epsilon (1 - delta(epsilon) - alarms).
//  Error:    every epsilon gives a bound, and the least of those tried is taken: never below what the accountant
//            proves, and above
//            it by what sixteen steps of golden-section search leave (about 1e-3 of the epsilon searched).

namespace FedActors.Core.Privacy;

/// <summary>What an epsilon and delta mean to somebody who is not asked to know what they are.</summary>
public static class MembershipBound
{
    private const int Searches = 16;

    /// <summary>Largest share of members found, rounded up.</summary>
    /// <param name="accountant">Holds everything the attacker sees.</param>
    /// <param name="falseAlarms">Share of the others that are taken for members, in (0, 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">No such share.</exception>
    public static double Found(IPrivacyAccountant accountant, double falseAlarms)
    {
        if (falseAlarms is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(falseAlarms), falseAlarms,
                "A share above 0 and below 1 is needed.");
        var best = 1.0;
        double At(double epsilon)
        {
            var delta = accountant.Delta(epsilon);
            var rising = Math.Exp(epsilon) * falseAlarms + delta;
            best = Math.Min(best, Math.Min(rising, 1 - Math.Exp(-epsilon) * (1 - delta - falseAlarms)));
            return rising;
        }

        // Beyond this epsilon, delta adds nothing to speak of and the first bound only rises.
        var (low, high) = (0.0, accountant.Spent(falseAlarms * 1e-4).Epsilon);
        At(low);
        var (left, right) = (high - Golden * (high - low), low + Golden * (high - low));
        var (atLeft, atRight) = (At(left), At(right));
        for (var i = 0; i < Searches; i++)
            if (atLeft <= atRight)
            {
                (high, right, atRight) = (right, left, atLeft);
                atLeft = At(left = high - Golden * (high - low));
            }
            else
            {
                (low, left, atLeft) = (left, right, atRight);
                atRight = At(right = low + Golden * (high - low));
            }
        return Math.Min(1, Math.BitIncrement(best * (1 + 1e-14)));
    }

    private const double Golden = 0.6180339887498949;
}
