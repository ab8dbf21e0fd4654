using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Rounds;

namespace FedActors.Core.Tests.Federation;

public sealed class RoundCodeTests
{
    private static readonly HospitalId[] Cohort = [.. "abcdefg".Select(name => new HospitalId($"{name}"))];

    /// <summary>An aggregator on another node knows the session, and not the plan.</summary>
    [Test]
    public void A_sessions_spec_says_the_code_that_its_updates_are_written_in(
        [Values(PrivacyMode.Off, PrivacyMode.PatientDistributed, PrivacyMode.Hospital)] PrivacyMode mode,
        [Values(32, 64)] int ringBits, [Values(1, 2)] int round)
    {
        var plan = new JobPlan(
            "job", 1, Patients: 1000, new ModelPlan(ModelKind.LogisticRegression, ["x"]),
            new TrainingPlan(Algorithm.FedAvg, 20, 1, 1, null, 0),
            new CohortPlan(3, 1, TimeSpan.FromMinutes(1), [], 0, 1),
            new SecureAggregationPlan(true, ringBits, 8, 4096, TimeSpan.FromMinutes(1)),
            new PrivacyPlan(mode, Epsilon: 2, SamplingRate: 0.2),
            new EvaluationPlan(1, Metric.Auroc, ByHospitals: mode == PrivacyMode.Off));
        var code = RoundCode.Of(plan, round, Cohort.Length, updateLength: 11);

        var spec = RoundCode.SpecOf(
            plan, new RoundId("job", round, 1), default, default, default, [.. Cohort], default, code);

        Assert.That(RoundCode.Of(spec), Is.EqualTo(code));
    }
}
