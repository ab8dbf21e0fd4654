using FedActors.Core.Data;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Tests.Training;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Privacy;

/// <summary>Attacks on what leaves a hospital, each with a control arm that shows what it does where there is no
/// privacy.</summary>
public sealed class PrivacyAttackTests
{
    private const int Features = 12;

    // What reference.conf ships, with the epsilon of its example.
    private const double Epsilon = 2;
    private const double Delta = 1e-6;
    private const int Rounds = 66;
    private const int Steps = 5;

    /// <summary>
    /// An attacker who knows every patient of a hospital but one takes their gradients off the update; for a logistic
    /// model what is left is r (x, 1), so the quotients by its last coordinate are the patient.
    /// </summary>
    [Test]
    public void A_patient_is_read_off_an_update_without_privacy_and_stays_unknown_under_the_shipped_default()
    {
        var model = new LogisticRegression(Features);
        var noise = Calibration.Noise(RdpAccountant.Integer, Epsilon, Delta, rate: 1, Rounds * Steps).NoiseMultiplier;
        var plan = PrivatePlans.Of(Features, noise: noise, l2: 0, learningRate: 1, steps: 1);
        var grid =
            new NoisyGrid(Features + 1, plan.Privacy.Clip, noise, 1, NoisyGrid.BitsFor(noise),
                plan.SecureAggregation.WeightCap);
        var (inTheClear, underPrivacy, guessing) = (0.0, 0.0, 0.0);
        for (var trial = 0UL; trial < 40; trial++)
        {
            var patients = MadeUpPatients.Of(50, Features, seed: 100 + trial);
            var victim = patients.Row(31).ToArray();
            var others = Without(patients, 31);
            var parameters = MadeUpPatients.Normals(new SplitMix64(trial), Features + 1);
            var (clear, known) = (new double[Features + 1], new double[Features + 1]);
            LocalTraining.Run(plan.Training, 50, model, parameters, patients, 1, clear, new TrainingScratch());
            model.LossAndGradient(parameters, PatientBatch.All(others), known);
            inTheClear += Distance(victim, Inverted([.. clear.Select((u, k) => -50 * u - 49 * known[k])]));

            var @private = new double[Features + 1];
            PrivateTraining.Local(plan, grid, model, parameters, patients, 50, new SeededSource(trial), @private,
                new TrainingScratch());
            model.ClippedGradientSum(parameters, PatientBatch.All(others), plan.Privacy.Clip, known);
            underPrivacy += Distance(victim, Inverted([.. @private.Select((u, k) => -50 * u - known[k])]));
            guessing += Distance(victim, new double[Features]);
        }
        Assert.That(inTheClear / 40, Is.LessThan(1e-6), "without privacy the patient is read off to the last digits");
        Assert.That(underPrivacy, Is.GreaterThan(guessing),
            "under the default no guess from the update beats the average patient");
    }

    /// <summary>Who was in the training set has lower losses: an attacker who ranks by loss is measured by his
    /// AUROC.</summary>
    [Test]
    public void Members_are_told_from_strangers_by_their_loss_without_privacy_and_not_beyond_the_bound_with_it()
    {
        const int Patients = 500, Wide = 300, Sets = 6;
        const double Loose = 1;
        var model = new LogisticRegression(Wide);
        var noise = Calibration.Noise(RdpAccountant.Integer, Loose, Delta, rate: 1, steps: 30).NoiseMultiplier;
        var plan = PrivatePlans.Of(Wide, noise: noise, l2: 0, learningRate: 4, steps: 30, patients: Patients);
        var grid =
            new NoisyGrid(Wide + 1, plan.Privacy.Clip, noise, 1, NoisyGrid.BitsFor(noise),
                plan.SecureAggregation.WeightCap);
        var (clear, hidden) = (0.0, 0.0);
        for (var set = 0UL; set < Sets; set++)
        {
            var (members, strangers) = (Coins(Patients, Wide, 2 * set), Coins(Patients, Wide, 2 * set + 1));
            var update = new double[Wide + 1];
            LocalTraining.Run(plan.Training with { LearningRate = 0.5 }, Patients, model, new double[Wide + 1], members,
                1, update, new TrainingScratch());
            clear += Advantage(model, update, members, strangers) / Sets;
            PrivateTraining.Local(plan, grid, model, new double[Wide + 1], members, Patients, new SeededSource(set),
                update, new TrainingScratch());
            hidden += Advantage(model, update, members, strangers) / Sets;
        }
        // A Gaussian mechanism of signal to noise mu lets no attacker's AUROC beyond Phi(mu / sqrt 2); here mu =
        // sqrt(steps)/z.
        var bound = 1 - StandardNormal.UpperTail(Math.Sqrt(30) / noise / Math.Sqrt(2));
        var spread = 1 / Math.Sqrt(12.0 * Patients / 2 * Sets);
        Assert.That(clear, Is.GreaterThan(0.7), "the control arm is attackable");
        Assert.That(hidden, Is.LessThan(bound + 3 * spread));
    }

    private static double[] Inverted(double[] gradient) => [.. gradient[..^1].Select(value => value / gradient[^1])];

    private static double Distance(double[] left, double[] right) =>
        Math.Sqrt(left.Zip(right, (a, b) => (a - b) * (a - b)).Sum());

    private static double Advantage(
        LogisticRegression model, double[] parameters, PatientTable members, PatientTable strangers)
    {
        double[] Losses(PatientTable patients) =>
            [.. Enumerable.Range(0, patients.Rows)
                .Select(row => model.Loss(parameters, PatientBatch.Of(patients, [row])))];
        var scores = Losses(members).Concat(Losses(strangers)).Select(loss => Math.Exp(-loss)).ToArray();
        return BinaryEvaluation.Of(scores,
            [.. Enumerable.Repeat(1.0, members.Rows), .. Enumerable.Repeat(0.0, strangers.Rows)]).Auroc;
    }

    // Labels are coins: whatever a model knows of them, it knows by heart.
    private static PatientTable Coins(int rows, int features, ulong seed)
    {
        var random = new SplitMix64(seed + 500);
        var values = MadeUpPatients.Normals(random, rows * features);
        return new PatientTable(
            [.. Enumerable.Range(0, features).Select(k => $"x{k}")], values,
            [.. Enumerable.Range(0, rows).Select(_ => random.NextUniform() < 0.5 ? 1.0 : 0.0)]);
    }

    private static PatientTable Without(PatientTable patients, int row) => new(
        patients.FeatureNames,
        [.. Enumerable.Range(0, patients.Rows).Where(other => other != row)
            .SelectMany(other => patients.Row(other).ToArray())],
        [.. Enumerable.Range(0, patients.Rows).Where(other => other != row).Select(other => patients.Labels[other])]);
}
