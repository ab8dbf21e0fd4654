using FedActors.Actors.Storage;
using FedActors.Core.Data;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;
using FedActors.Core.SecureAggregation;

namespace FedActors.Actors.Hosting;

/// <summary>What a hospital has of its own, and what never leaves it: its patients, its key, its rules.</summary>
/// <param name="Hospital">Its name.</param>
/// <param name="Patients">Those it trains on.</param>
/// <param name="Security">Its key and its rules for secure sums; null where it takes part in plain ones only.</param>
/// <param name="Own">Where it keeps what a job lets it remember, by the plan's hash; null where it takes part in no
/// such job.</param>
/// <param name="EvaluationPatients">Those it keeps back to evaluate on; null where it has none but those it trains
/// on.</param>
public sealed record HospitalSite(
    HospitalId Hospital, PatientTable Patients, SiteSecurity? Security = null, ISpool? Own = null,
    PatientTable? EvaluationPatients = null)
{
    /// <summary>Its data officer's rules and its ledger; null where it has none, and then it takes part in no job with
    /// noise.</summary>
    public SitePrivacy? Privacy { get; init; }
}

/// <summary>What a hospital holds jobs under differential privacy to.</summary>
/// <param name="Policy">Its data officer's rules.</param>
/// <param name="Ledger">What its patients have lost so far; null where it could not be opened.</param>
/// <param name="Unavailable">Why the ledger could not be opened: every job with noise is then declined for it.</param>
/// <param name="Random">Noise and samples are drawn from here: the operating system's generator.</param>
/// <param name="Clock">The time that goes into the ledger's records.</param>
/// <param name="PatientId">The column by which rows are joined to patients; null where each row is one.</param>
public sealed record SitePrivacy(
    HospitalPolicy Policy, PrivacyLedgerFile? Ledger, PrivacyRefusal? Unavailable, IRandomSource Random,
    TimeProvider Clock,
    string? PatientId = null);

/// <summary>What a hospital needs for secure sums.</summary>
/// <param name="Key">Its signing key.</param>
/// <param name="Roster">Whom it trusts.</param>
/// <param name="Policy">What it asks of any round.</param>
/// <param name="Random">Keys, seeds and shares are drawn from here.</param>
/// <param name="Spool">Where its masked vectors lie until the hub's receipt.</param>
/// <param name="RequiresSecureSums">Whether it refuses every job with plain sums.</param>
/// <param name="Peers">Other hospitals' public keys of a round, where many hospitals of one process need the same
/// ones.</param>
public sealed record SiteSecurity(
    SiteKey Key, Roster Roster, MaskingPolicy Policy, IRandomSource Random, ISpool Spool, bool RequiresSecureSums,
    PeerKeyCache? Peers = null);
