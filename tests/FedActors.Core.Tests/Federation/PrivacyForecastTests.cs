using FedActors.Core.Federation;

namespace FedActors.Core.Tests.Federation;

public sealed class PrivacyForecastTests
{
    private static readonly JobSize Size = new(Hospitals: 10, Patients: 1000, Parameters: 25);
    private static readonly JobPlan Plan = new(
        "job", 1, Patients: 1000, new ModelPlan(ModelKind.LogisticRegression, ["x"]),
        new TrainingPlan(Algorithm.FedAvg, 20, 1, 1, null, 0),
        new CohortPlan(8, 1, TimeSpan.FromMinutes(1), [], 0, 1),
        new SecureAggregationPlan(true, 32, 8, 4096, TimeSpan.FromMinutes(1)),
        new PrivacyPlan(PrivacyMode.PatientLocal, NoiseMultiplier: 2, SamplingRate: 0.1),
        new EvaluationPlan(1, Metric.Auroc));

    [Test]
    public void Signal_and_noise_are_those_of_one_step_over_all_hospitals()
    {
        // 100 patients of clip 1 against ten noises of 2 in 25 coordinates each: 100 / (2 * 5 * sqrt(10)).
        Assert.That(PrivacyForecast.Of(Plan, Size).SignalToNoise, Is.EqualTo(100 / (10 * Math.Sqrt(10))).Within(1e-12));

        var shared = Plan
            with
        { Privacy = Plan.Privacy with { Mode = PrivacyMode.PatientDistributed, MinimumSurvivors = 9 } };
        // The noise of 8 shares is whole, and ten are there.
        Assert.That(PrivacyForecast.Of(shared, Size).SignalToNoise,
            Is.EqualTo(100 / (10 * Math.Sqrt(10 / 8.0))).Within(1e-12));
    }

    [Test]
    public void A_round_with_too_few_hospitals_left_has_no_sum()
    {
        var dropouts = PrivacyForecast.Of(Plan, Size).Dropouts;
        Assert.That(dropouts.Select(dropout => dropout.Hospitals), Is.EqualTo(new[] { 9, 8, 7 }));
        Assert.That(dropouts.Select(dropout => dropout.SignalToNoise is null),
            Is.EqualTo(new[] { false, false, true }));
    }

    [Test]
    public void Epsilon_grows_over_the_rounds_up_to_what_is_enforced_and_shown_is_no_more()
    {
        var forecast = PrivacyForecast.Of(Plan, null);
        Assert.That(forecast.Course.Select(point => point.Rounds), Is.EqualTo(new[] { 1, 5, 10, 20, 22 }));
        Assert.That(forecast.Course.Select(point => point.Epsilon), Is.Ordered);
        Assert.That(forecast.Course[^1].Epsilon, Is.EqualTo(forecast.Enforced.Epsilon));
        Assert.That(forecast.Shown, Is.LessThanOrEqualTo(forecast.Enforced.Epsilon));
        Assert.That((forecast.SignalToNoise, forecast.Dropouts.IsEmpty), Is.EqualTo(((double?)null, true)));
        Assert.That(forecast.Found, Is.InRange(0.01, 0.1));
        Assert.That(forecast.Meaning(PrivacyMode.PatientLocal),
            Does.Contain("1 in 100").And.Contain("patients who did"));
    }
}
