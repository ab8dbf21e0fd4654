using FedActors.Core.Aggregation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Core.Federation;

/// <summary>What can only be judged when both are known: the plan and the hospitals that are to carry it out.</summary>
public static class PlanCheck
{
    // Fewer steps a unit would show in the result.
    private const int LeastScaleBits = 4;

    /// <summary>Every fault of the plan with these hospitals; empty where it can be carried out.</summary>
    /// <param name="patients">Training patients of each hospital.</param>
    /// <param name="updateLength">Values of an update.</param>
    /// <param name="file">Named in faults.</param>
    public static IEnumerable<Fault> Faults(
        JobPlan plan, IReadOnlyDictionary<HospitalId, int> patients, int updateLength, string file)
    {
        if (plan.Cohort.Minimum > patients.Count)
            yield return new Fault(FaultNumber.ValueOutOfRange,
                $"The job asks for {plan.Cohort.Minimum} hospitals, there are {patients.Count}.",
                $"{file}: job.cohort.minimum",
                $"Set it to {patients.Count} or fewer.");
        foreach (var hospital in plan.Cohort.Require.Where(hospital => !patients.ContainsKey(hospital)))
            yield return new Fault(FaultNumber.UnknownHospital,
                $"The job requires '{hospital}', which is not among the hospitals.",
                $"{file}: job.cohort.require", $"Known: {string.Join(", ", patients.Keys.Order())}.");
        if (plan.Evaluation.Selects && !FederatedEvaluation.IsPartOf(plan))
            yield return new Fault(FaultNumber.NotAllowedTogether,
                "A job that keeps the best model, or stops early, goes by what the hospitals count, and here they "
                    + "count nothing.",
                $"{file}: job.evaluation.{(plan.Evaluation.Keep == KeptModel.Best ? "keep" : "patience")}",
                "Set evaluation.by-hospitals = on with secure-aggregation on, privacy off and no local layers, or "
                    + "keep = last and "
                    + "patience = off.");
        foreach (var fault in LayerFaults(plan, file))
            yield return fault;
        if (plan.Training.Robust is { } robust && RobustRules.LeastUpdates(robust) is var least
            && least > patients.Count)
            yield return new Fault(FaultNumber.NotAllowedTogether,
                $"With {robust.Faulty} faulty hospitals the rule needs {least} updates, and there are "
                    + $"{patients.Count} hospitals.",
                $"{file}: job.training.faulty",
                "Set faulty (or selected) lower, or take a rule that needs fewer: median, trimmed-mean.");
        var largest = patients.MaxBy(pair => pair.Value);
        if (largest.Value > plan.SecureAggregation.WeightCap)
            yield return new Fault(FaultNumber.ValueOutOfRange,
                $"{largest.Key} trains on {largest.Value} patients, above the cap of "
                    + $"{plan.SecureAggregation.WeightCap}.",
                $"{file}: job.secure-aggregation.weight-cap", $"Set it to {largest.Value} or more.");
        Fault[] privacy = [.. JobPrivacy.Faults(plan, patients.Count, file)];
        foreach (var fault in privacy)
            yield return fault;
        if (privacy.Length == 0 && !HasRoom(plan, patients.Count, updateLength))
            yield return new Fault(FaultNumber.NotAllowedTogether,
                $"A ring of {plan.SecureAggregation.RingBits} bits has no room for {patients.Count} "
                    + "hospitals of weight "
                    + $"{plan.SecureAggregation.WeightCap} and range {plan.SecureAggregation.Range:R}.",
                $"{file}: job.secure-aggregation.ring-bits", "Set ring-bits = 64, or a smaller range or weight-cap.");
        else if (FederatedEvaluation.IsPartOf(plan)
            && FederatedEvaluation.FractionBits(plan, RoundCode.Of(plan, round: 1, patients.Count, updateLength)) < 0)
            yield return new Fault(FaultNumber.NotAllowedTogether,
                $"A ring of {plan.SecureAggregation.RingBits} bits has no room for what {patients.Count} hospitals "
                    + "count when they evaluate.",
                $"{file}: job.evaluation.by-hospitals",
                "Set secure-aggregation.ring-bits = 64, a smaller weight-cap, or evaluation.by-hospitals = off.");
    }

    private static IEnumerable<Fault> LayerFaults(JobPlan plan, string file)
    {
        var layers = ModelCatalog.Create(plan.Model).Views.Select(view => view.Name).ToArray();
        var (local, where) = (plan.Training.LocalLayers, $"{file}: job.training.local-layers");
        foreach (var name in local.Where(name => !layers.Contains(name)))
        {
            var nearest = NearestName.Of(name, layers);
            yield return new Fault(FaultNumber.UnknownName, $"The model has no layer '{name}'.", where,
                (nearest is null ? "" : $"Did you mean '{nearest}'? ") + $"Its layers: {string.Join(", ", layers)}.");
        }
        if (layers.All(layer => local.Contains(layer)))
            yield return new Fault(FaultNumber.NotAllowedTogether,
                "Every layer stays at the hospitals: nothing is left to train together.",
                where, "Take at least one layer out of the list.");
    }

    private static bool HasRoom(JobPlan plan, int parties, int updateLength)
    {
        try
        {
            return RoundCode.Of(plan, round: 1, Math.Max(1, parties), updateLength).ScaleBits >= LeastScaleBits;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
