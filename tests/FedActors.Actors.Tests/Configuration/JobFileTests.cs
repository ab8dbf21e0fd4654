using FedActors.Actors.Configuration;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;

namespace FedActors.Actors.Tests.Configuration;

public sealed class JobFileTests
{
    private string _file = "";

    [SetUp]
    public void MakeFile() => _file = Path.GetTempFileName();

    [TearDown]
    public void RemoveFile() => File.Delete(_file);

    [Test]
    public void A_file_that_says_only_its_name_gets_every_default()
    {
        var (plan, faults) = Read("name = small");

        Assert.That(faults, Is.Empty);
        Assert.That(plan.Training with { LocalLayers = [] },
            Is.EqualTo(new TrainingPlan(Algorithm.FedAvg, 60, 5, 0.5, null, 1)
            {
                Server = new ServerPlan(Rate: 1, Momentum: 0.9, Beta1: 0.9, Beta2: 0.99, Tau: 0.001),
                ProximalMu = 0.01,
            }));
        Assert.That(plan.Training.LocalLayers, Is.Empty);
        Assert.That(plan.Cohort.Deadline, Is.EqualTo(TimeSpan.FromSeconds(60)));
        Assert.That(plan.Evaluation,
            Is.EqualTo(new EvaluationPlan(5, Metric.Auroc, ByHospitals: true, MinimumPatients: 10)));
        Assert.That(plan.SecureAggregation.RingBits, Is.EqualTo(32));
    }

    [Test]
    public void A_perceptron_says_its_layers_and_the_others_what_they_learn()
    {
        var mlp = Read("name = small, model { kind = mlp, hidden = [16, 8], activation = relu }").Plan.Model;
        Assert.That((mlp.Hidden, mlp.Activation), Is.EqualTo((new[] { 16, 8 }, Activation.Relu)));
        Assert.That(Read("name = small, model.kind = cox").Plan.Model.Outcome, Is.EqualTo(OutcomeKind.Survival));
        Assert.That(Read("name = small, model.kind = softmax").Plan.Model.Outcome, Is.EqualTo(OutcomeKind.Class));
        Assert.That(Read("name = small, model.kind = linear-regression").Plan.Model.Outcome,
            Is.EqualTo(OutcomeKind.Real));
    }

    [Test]
    public void Newton_sums_in_sixty_four_bits_unless_told_otherwise() =>
        Assert.That(Read("name = small, training.algorithm = newton").Plan.SecureAggregation.RingBits, Is.EqualTo(64));

    private const string Profiles = """
        name = small
        training { rounds = 7, local-steps = 5 }
        privacy {
          delta = 1e-5
          profiles {
            patient-distributed {
              training { rounds = 80, local-steps = 1 }
              privacy { clip = 3 }
            }
          }
        }
        """;

    [Test]
    public void A_privacy_mode_brings_its_profile_and_the_command_line_wins_over_it()
    {
        var mode = KeyValuePair.Create("job.privacy.mode", "patient-distributed");
        var epsilon = KeyValuePair.Create("job.privacy.epsilon", "4");
        var (plan, faults) = Read(Profiles, mode, epsilon);
        Assert.That(faults, Is.Empty);
        Assert.That((plan.Training.Rounds, plan.Training.LocalSteps, plan.Privacy.Clip, plan.Privacy.Delta),
            Is.EqualTo((80, 1, 3.0, 1e-5)));
        Assert.That(Read(Profiles, new("job.training.rounds", "9"), mode, epsilon).Plan.Training.Rounds, Is.EqualTo(9));
        Assert.That(Read(Profiles, mode, epsilon, new("job.training.local-steps", "5")).Plan.Training.LocalSteps,
            Is.EqualTo(5));
        Assert.That(Read(Profiles).Plan.Training.Rounds, Is.EqualTo(7));
        Assert.That(Read(Profiles, new("job.privacy.mode", "patient-local"), epsilon).Plan.Training.Rounds,
            Is.EqualTo(7));
    }

    [TestCase("privacy.profiles.patient-lokal { }", "FA-1003", "Did you mean 'patient-local'?")]
    [TestCase("privacy.profiles.patient-local.trainig { }", "FA-1003", "Did you mean 'training'?")]
    public void A_profile_of_no_mode_or_with_no_section_of_a_job_is_refused(string line, string code, string says) =>
        Assert.That(Read($"name = small, {line}").Faults.Select(fault => fault.ToString()),
            Has.One.Contains(code).And.One.Contains(says));

    [TestCase("fedavgm", 1)]
    [TestCase("fedadam", 0.1)]
    [TestCase("fedyogi", 0.1)]
    [TestCase("fedadagrad", 0.1)]
    [TestCase("scaffold", 1)]
    public void The_servers_step_suits_its_algorithm_unless_told_otherwise(string algorithm, double rate)
    {
        Assert.That(Read($"name = small, training.algorithm = {algorithm}").Plan.Training.Server.Rate,
            Is.EqualTo(rate));
        Assert.That(
            Read(
                $"name = small, training {{ algorithm = {algorithm}, server-learning-rate = 0.7 }}").Plan.Training.Server.Rate, Is.EqualTo(0.7));
    }

    [TestCase("median", Algorithm.Median)]
    [TestCase("trimmed-mean", Algorithm.TrimmedMean)]
    [TestCase("krum", Algorithm.Krum)]
    [TestCase("multi-krum", Algorithm.MultiKrum)]
    [TestCase("geometric-median", Algorithm.GeometricMedian)]
    [TestCase("norm-bound", Algorithm.NormBound)]
    public void A_robust_rule_is_one_of_its_own_and_needs_plain_sums(string name, Algorithm rule)
    {
        var (plan, faults) = Read($"name = small, training.algorithm = {name}, secure-aggregation.enabled = off");

        Assert.That(faults, Is.Empty);
        Assert.That(plan.Training.Robust, Is.EqualTo(new RobustPlan(rule, Faulty: 1, Selected: null, NormBound: null)));
        Assert.That(Read("name = small").Plan.Training.Robust, Is.Null);
    }

    [TestCase("algorithm = scaffold")]
    [TestCase("algorithm = median")]
    [TestCase("local-layers = [bias]")]
    public void Noise_is_not_promised_where_nothing_proves_it(string training) => Assert.That(
        Read($$"""
            name = small
            training { {{training}} }
            secure-aggregation.enabled = off
            privacy { mode = patient-local, epsilon = 2, delta = 0.00001, clip = 1 }
            """).Faults.Select(fault => $"{fault.Code} {fault.Where}"),
        Is.EqualTo(new[] { $"FA-1008 {_file}: job.privacy.mode" }));

    [Test]
    public void Overrides_win_over_the_file_in_their_order()
    {
        var (plan, faults) = Read("name = small, training { rounds = 7 }",
            new("job.training.rounds", "8"), new("job.training.rounds", "9"), new("job.evaluation.metric", "log-loss"));

        Assert.That(faults, Is.Empty);
        Assert.That(plan.Training.Rounds, Is.EqualTo(9));
        Assert.That(plan.Evaluation.Metric, Is.EqualTo(Metric.LogLoss));
    }

    [TestCase("training.rounds = 0", "FA-1005", "job.training.rounds", "0")]
    [TestCase("training.rounds = many", "FA-1004", "job.training.rounds", "many")]
    [TestCase("training.local-steps = -1", "FA-1005", "job.training.local-steps", "-1")]
    [TestCase("training.learning-rate = 0", "FA-1005", "job.training.learning-rate", "0")]
    [TestCase("training.learning-rate = NaN", "FA-1004", "job.training.learning-rate", "NaN")]
    [TestCase("training.batch-size = all", "FA-1004", "job.training.batch-size", "all")]
    [TestCase("training.l2 = -1", "FA-1005", "job.training.l2", "-1")]
    [TestCase("training.algorithm = fedagv", "FA-1007", "job.training.algorithm", "Did you mean 'fedavg'?")]
    [TestCase("training.server-learning-rate = 0", "FA-1005", "job.training.server-learning-rate", "0")]
    [TestCase("training.server-learning-rate = fast", "FA-1004", "job.training.server-learning-rate", "fast")]
    [TestCase("training.momentum = 1", "FA-1005", "job.training.momentum", "1")]
    [TestCase("training.beta1 = -0.1", "FA-1005", "job.training.beta1", "-0.1")]
    [TestCase("training.beta2 = 1", "FA-1005", "job.training.beta2", "1")]
    [TestCase("training.tau = 0", "FA-1005", "job.training.tau", "0")]
    [TestCase("training.proximal-mu = -1", "FA-1005", "job.training.proximal-mu", "-1")]
    [TestCase("training.faulty = -1", "FA-1005", "job.training.faulty", "-1")]
    [TestCase("training.selected = 0", "FA-1005", "job.training.selected", "0")]
    [TestCase("training.norm-bound = 0", "FA-1005", "job.training.norm-bound", "0")]
    [TestCase("training.algorithm = median", "FA-1050", "job.training.algorithm", "median")]
    [TestCase("training.algorithm = multi-krum", "FA-1050", "job.training.algorithm", "multi-krum")]
    [TestCase("training.local-layers = [bias, bias]", "FA-1009", "job.training.local-layers", "twice")]
    [TestCase("training.local-layers = bias", "FA-1004", "job.training.local-layers", "bias")]
    [TestCase("training { algorithm = scaffold, local-layers = [bias] }", "FA-1008", "job.training.local-layers",
        "scaffold")]
    [TestCase("training { algorithm = newton, local-layers = [bias] }", "FA-1008", "job.training.local-layers",
        "newton")]
    [TestCase("model.kind = logistic", "FA-1007", "job.model.kind", "Did you mean 'logistic-regression'?")]
    [TestCase("model { kind = mlp, hidden = [16, 0] }", "FA-1005", "job.model.hidden", "0")]
    [TestCase("model { kind = mlp, hidden = [wide] }", "FA-1004", "job.model.hidden", "wide")]
    [TestCase("model { kind = mlp, hidden = 16 }", "FA-1004", "job.model.hidden", "16")]
    [TestCase("model { kind = mlp, activation = sigmoid }", "FA-1007", "job.model.activation", "sigmoid")]
    [TestCase("model.hidden = [16]", "FA-1003", "job.model.hidden", "hidden")]
    [TestCase("model.kind = mlp, training.algorithm = newton", "FA-1008", "job.training.algorithm", "mlp")]
    [TestCase("evaluation.metric = auc", "FA-1007", "job.evaluation.metric", "Did you mean 'auroc'?")]
    [TestCase("evaluation.every = 0", "FA-1005", "job.evaluation.every", "0")]
    [TestCase("cohort.fraction = 1.5", "FA-1005", "job.cohort.fraction", "1.5")]
    [TestCase("cohort.deadline = 60", "FA-1004", "job.cohort.deadline", "60")]
    [TestCase("cohort.minimum-sample-share = 2", "FA-1005", "job.cohort.minimum-sample-share", "2")]
    [TestCase("cohort.require = [a, a]", "FA-1009", "job.cohort.require", "a")]
    [TestCase("cohort.require = a", "FA-1004", "job.cohort.require", "a")]
    [TestCase("cohort.minimum = 2, secure-aggregation.enabled = on", "FA-1008", "job.cohort.minimum", "2")]
    [TestCase("secure-aggregation.enabled = perhaps", "FA-1004", "job.secure-aggregation.enabled", "perhaps")]
    [TestCase("secure-aggregation.ring-bits = 48", "FA-1007", "job.secure-aggregation.ring-bits", "48")]
    [TestCase("secure-aggregation.ring-bits = 32, training.algorithm = newton", "FA-1008",
        "job.secure-aggregation.ring-bits", "32")]
    [TestCase("secure-aggregation.range = 0", "FA-1005", "job.secure-aggregation.range", "0")]
    [TestCase("privacy.mode = patient", "FA-1007", "job.privacy.mode", "patient")]
    [TestCase("privacy { mode = patient-local, epsilon = 0 }", "FA-6001", "job.privacy.epsilon", "0")]
    [TestCase("privacy { mode = patient-local, epsilon = -1 }", "FA-6001", "job.privacy.epsilon", "-1")]
    [TestCase("privacy { mode = patient-local, epsilon = some }", "FA-1004", "job.privacy.epsilon", "some")]
    [TestCase("privacy { mode = patient-local, epsilon = 1, delta = 0 }", "FA-6002", "job.privacy.delta", "0")]
    [TestCase("privacy { mode = patient-local, epsilon = 1, delta = 1 }", "FA-6002", "job.privacy.delta", "1")]
    [TestCase("privacy { mode = patient-local, epsilon = 1, sampling-rate = 0 }", "FA-6003",
        "job.privacy.sampling-rate", "0")]
    [TestCase("privacy { mode = patient-local, epsilon = 1, sampling-rate = 1.5 }", "FA-6003",
        "job.privacy.sampling-rate", "1.5")]
    [TestCase("privacy { mode = patient-local, noise-multiplier = 0 }", "FA-6004", "job.privacy.noise-multiplier", "0")]
    [TestCase("privacy { mode = patient-local, epsilon = 1, clip = 0 }", "FA-6031", "job.privacy.clip", "0")]
    [TestCase("privacy { mode = patient-local }", "FA-6032", "job.privacy.epsilon", "Neither")]
    [TestCase("privacy { mode = patient-local, epsilon = 1, noise-multiplier = 1 }", "FA-6032",
        "job.privacy.noise-multiplier", "Both")]
    [TestCase("privacy { mode = patient-distributed, epsilon = 1, assumed-colluders = 3 }", "FA-6033",
        "job.privacy.minimum-survivors", "3")]
    [TestCase("privacy { mode = off, epsilon = 1 }", "FA-1008", "job.privacy.epsilon", "off")]
    [TestCase("privacy.spare = -0.5", "FA-1005", "job.privacy.spare", "-0.5")]
    [TestCase("privacy.epsilom = 1", "FA-1003", "job.privacy.epsilom", "Did you mean 'epsilon'?")]
    [TestCase("evaluation.metric = auc", "FA-1007", "job.evaluation.metric", "auc")]
    [TestCase("evaluation.keep = bset", "FA-1007", "job.evaluation.keep", "Did you mean 'best'?")]
    [TestCase("evaluation.patience = 0", "FA-1005", "job.evaluation.patience", "0")]
    [TestCase("evaluation.patience = long", "FA-1004", "job.evaluation.patience", "long")]
    [TestCase("evaluation.minimum-patients = 0", "FA-1005", "job.evaluation.minimum-patients", "0")]
    [TestCase("evaluation.by-hospitals = maybe", "FA-1004", "job.evaluation.by-hospitals", "maybe")]
    [TestCase("seed = -1", "FA-1005", "job.seed", "-1")]
    [TestCase("trainig { rounds = 3 }", "FA-1003", "job.trainig", "Did you mean 'training'?")]
    [TestCase("training.round = 3", "FA-1003", "job.training.round", "Did you mean 'rounds'?")]
    [TestCase("training = 3", "FA-1004", "job.training", "3")]
    [TestCase("name = \"a b\"", "FA-1005", "job.name", "a b")]
    public void A_bad_value_is_refused_with_its_number_path_value_and_remedy(
        string line, string code, string path, string says)
    {
        var faults = Read($"name = small\n{line}").Faults;

        Assert.That(faults.Select(fault => fault.Code), Is.EqualTo(new[] { code }), string.Join('\n', faults));
        Assert.That(faults[0].Where, Is.EqualTo($"{_file}: {path}"));
        Assert.That(faults[0].ToString(), Does.Contain(says));
        Assert.That(faults[0].Fix, Is.Not.Empty);
    }

    [Test]
    public void All_faults_of_a_file_are_told_together() =>
        Assert.That(
            Read("training { rounds = 0, algorithm = magic }\ncohort.minimum = none").Faults.Select(fault =>
                fault.Code),
            Is.EquivalentTo(new[] { "FA-1006", "FA-1005", "FA-1007", "FA-1004" }));

    [Test]
    public void A_missing_file_is_named()
    {
        var fault = Assert.Throws<FaultException>(() => JobFile.Open("no/such.conf", []));
        Assert.That(fault!.Message, Does.Contain("FA-1001").And.Contain("no/such.conf"));
        Assert.That(fault.ExitCode, Is.EqualTo(ExitCode.BadInput));
    }

    [TestCase("job {\n name = small", 1)]
    [TestCase("job {\n name = small }\n}", 3)]
    [TestCase("job { a = [ 1\n }", 2)]
    [TestCase("job {\n\n name = \"small\n}", 3)]
    [TestCase("job { # }\n name = \"a # b\" // }\n text = \"\"\" } \"\n { \"\"\"\n", 1)]
    public void A_text_whose_braces_or_quotes_do_not_match_is_refused_with_the_line(string text, int line)
    {
        File.WriteAllText(_file, text);
        Assert.That(() => JobFile.Open(_file, []),
            Throws.TypeOf<FaultException>().With.Message.Contain("FA-1002").And.Message.Contain($"line {line})"));
    }

    [Test]
    public void A_key_beside_the_job_section_is_refused()
    {
        File.WriteAllText(_file, "jobs { name = x }\njob { name = small }");
        var faults = new List<Fault>();
        JobFile.Open(_file, []).Read(faults);
        Assert.That(faults.Single().ToString(), Does.Contain("FA-1003").And.Contain("jobs"));
    }

    private (JobPlan Plan, List<Fault> Faults) Read(string body, params KeyValuePair<string, string>[] overrides)
    {
        File.WriteAllText(_file, $"job {{\n{body}\n}}\n");
        var faults = new List<Fault>();
        return (JobFile.Open(_file, overrides).Read(faults), faults);
    }
}
