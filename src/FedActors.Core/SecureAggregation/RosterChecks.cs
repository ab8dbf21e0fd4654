using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

/// <summary>Checks that both sides make alike: nobody takes the other's word for them.</summary>
internal static class RosterChecks
{
    /// <summary>What is wrong with one hospital's keys; null where nothing is.</summary>
    public static Refusal? Fault(Advertise advert, RoundSpec spec, Digest session, Roster roster)
    {
        var hospital = advert.Hospital;
        if (!HospitalSet.Holds(spec.Cohort, hospital) || roster.KeyOf(hospital) is not { } key)
            return Refusal.By(AbortCode.NotInvited, hospital, $"{hospital} is not in the cohort");
        if (advert.Session != session)
            return Refusal.By(AbortCode.StaleRound, hospital, $"the keys of {hospital} are of another session");
        if (!key.Verifies(advert.Statement(), advert.Signature))
            return Refusal.By(AbortCode.BadSignature, hospital, $"the keys of {hospital} are not signed by it");
        if (!P256Point.TryParse(advert.EnvelopeKey.Span, out _) || !P256Point.TryParse(advert.MaskKey.Span, out _))
            return Refusal.By(AbortCode.BadKey, hospital, $"a key of {hospital} is no point of P-256");
        return null;
    }

    /// <summary>What is wrong with U1; null where nothing is.</summary>
    public static Refusal? Fault(ImmutableArray<Advertise> adverts, RoundSpec spec, Digest session, Roster roster)
    {
        if (!HospitalSet.IsSorted([.. adverts.Select(advert => advert.Hospital)]))
            return Refusal.By(AbortCode.ViewMismatch, "the hospitals with keys are not sorted, or one appears twice");
        if (adverts.Length < spec.Thresholds.MinSurvivors)
            return Refusal.By(AbortCode.TooFew,
                $"{adverts.Length} hospitals sent keys, {spec.Thresholds.MinSurvivors} are needed");
        foreach (var advert in adverts)
            if (Fault(advert, spec, session, roster) is { } fault)
                return fault;
        var keys = new HashSet<ByteString>();
        return adverts.Select(advert => DuplicateKey(advert, keys)).FirstOrDefault(fault => fault is not null);
    }

    /// <summary>The head that speaks against the privacy ledger a hospital shows; null where none does.</summary>
    public static SignedLedgerHead? LedgerAhead(Advertise advert, RoundSpec spec, LedgerWitness witness) =>
        spec.Noise.Kind == NoiseKind.None ? null : witness.Against(advert.Hospital, advert.Ledger);

    /// <summary>A hospital's privacy ledger is behind <paramref name="ahead"/>, or gone.</summary>
    public static Refusal LedgerBehind(SignedLedgerHead ahead) => Refusal.By(AbortCode.LedgerBehind, ahead.Hospital,
        $"{ahead.Hospital} signed the head of its privacy ledger at record {ahead.Head.Sequence} and does not show one that follows it");

    /// <summary>Each key and each commitment belongs to one hospital: else masks cancel within one hand.</summary>
    /// <param name="keys">All seen so far; those of <paramref name="advert"/> are added where they are new.</param>
    public static Refusal? DuplicateKey(Advertise advert, HashSet<ByteString> keys)
    {
        ByteString[] own = [advert.EnvelopeKey, advert.MaskKey, ByteString.Own(advert.SeedCommitment.ToBytes())];
        if (own[0] == own[1] || own.Any(keys.Contains))
            return Refusal.By(AbortCode.DuplicateKey, advert.Hospital,
                $"a key or commitment of {advert.Hospital} appears twice");
        keys.UnionWith(own);
        return null;
    }

    /// <summary>
    /// Whether at least <paramref name="quorum"/> different survivors signed what <paramref name="statement"/> says.
    /// </summary>
    /// <param name="verified">Signatures of this very statement that were verified before; new ones are added.</param>
    public static bool IsSigned(
        ImmutableArray<SurvivorSignature> signatures, Consistency statement, ImmutableArray<HospitalId> survivors,
        int quorum, Roster roster, HashSet<SurvivorSignature> verified)
    {
        var signers = new HashSet<HospitalId>();
        // Those known already first: a message may hold others, and no more than a quorum is ever looked at.
        foreach (var signed in signatures.OrderByDescending(verified.Contains))
        {
            var hospital = signed.Hospital;
            if (signers.Count >= quorum)
                break;
            if (!signers.Contains(hospital) && HospitalSet.Holds(survivors, hospital)
                && (verified.Contains(signed) || IsBy(hospital, signed.Signature)))
            {
                verified.Add(signed);
                signers.Add(hospital);
            }
        }
        return signers.Count >= quorum;

        bool IsBy(HospitalId hospital, Signature signature) => roster.KeyOf(hospital) is { } key
            && key.Verifies((statement with { Hospital = hospital }).Statement(), signature);
    }
}
