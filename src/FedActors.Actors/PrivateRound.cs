using FedActors.Actors.Hosting;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Training;

namespace FedActors.Actors;

/// <summary>
/// A round under differential privacy, as its hospital's trainer carries it out: the ledger is charged and on the disk, and only
/// then is noise drawn, once. Called again, for another attempt or after a restart, it charges again.
/// </summary>
internal static class PrivateRound
{
    /// <param name="parameters">The round's model.</param>
    /// <param name="code">Of the round.</param>
    /// <param name="scratch">This thread's own.</param>
    /// <returns>What the trainer answers its agent: Trained, Diverged or Refused.</returns>
    public static object Run(
        HospitalSite site, RoundProtocol.RoundOffered offer, ReadOnlySpan<double> parameters, IModel model, FixedPointCode code, TrainingScratch scratch)
    {
        var (id, plan, cohort) = (offer.Id, offer.Plan, offer.Cohort.Length);
        if (site.Privacy is not { Ledger: { } ledger } privacy)
            return new LocalTrainer.Refused(id, site.Privacy?.Unavailable ?? new PrivacyRefusal.PolicyMissing());
        // Heads of this ledger that the hub holds: one that the records do not lead to stops every charge, this one first.
        if (site.Security is { Key.Public: var own })
        {
            foreach (var head in offer.Ledgers)
                ledger.Witness(head, own, privacy.Clock.GetUtcNow());
        }
        var request = new ChargeRequest(id.Job, offer.PlanHash, id.Round, id.Attempt, JobPrivacy.Terms(plan, cohort));
        if (ledger.Charge(request, privacy.Policy.Lifetime, privacy.Clock.GetUtcNow()) is LedgerDecision.Refused refused)
            return new LocalTrainer.Refused(id, refused.Reason);

        // From here on nothing but what is released may depend on a patient: not the weight, not the loss, not a count.
        var (grid, encoded) = (JobPrivacy.GridOf(plan, cohort), UpdateBuffers.Rent(code.Bytes));
        switch (plan.Privacy.Mode)
        {
            case PrivacyMode.PatientLocal:
                var values = new double[code.Values];
                var update = values.AsSpan(0, parameters.Length);
                if (!PrivateTraining.Local(
                    plan, grid, (IPerPatientModel)model, parameters, site.Patients, privacy.Policy.NominalPatients, privacy.Random, update, scratch))
                    return new LocalTrainer.Diverged(id);
                code.Encode(values, privacy.Policy.NominalPatients, code.Saturate(update), encoded);
                break;
            case PrivacyMode.PatientDistributed:
                var sum = new long[parameters.Length];
                PrivateTraining.Release(plan, grid, (IPerPatientModel)model, parameters, site.Patients, privacy.Random, sum, scratch);
                code.EncodeWhole(sum, privacy.Policy.NominalPatients, encoded);
                break;
            default:
                var (whole, released) = (new double[parameters.Length], new long[parameters.Length]);
                // An update that left the numbers comes back as zeros, and so counts as nothing.
                LocalTraining.Run(
                    plan.Training, plan.Patients, model, parameters, site.Patients, LocalTraining.BatchSeed(plan.Seed, site.Hospital, id.Round), whole, scratch);
                PrivateTraining.ReleaseUpdate(plan, grid, whole, privacy.Random, released);
                code.EncodeWhole(released, 1, encoded);
                break;
        }
        return new LocalTrainer.Trained(id, encoded);
    }
}
