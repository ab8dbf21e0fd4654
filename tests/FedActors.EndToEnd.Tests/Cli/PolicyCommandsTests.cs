using System.Text.Json.Nodes;
using FedActors.Cli;
using FedActors.Core;

namespace FedActors.EndToEnd.Tests.Cli;

public sealed class PolicyCommandsTests
{
    private StringWriter _output = null!;
    private StringWriter _progress = null!;
    private string _folder = null!;

    [SetUp]
    public void Begin() =>
        (_output, _progress, _folder) =
        (new StringWriter(), new StringWriter(), Directory.CreateTempSubdirectory().FullName);

    [TearDown]
    public void Clean() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_job_that_keeps_every_rule_is_allowed_and_its_hash_is_told()
    {
        Assert.That(await Test("", "mode = patient-local, epsilon = 2, sampling-rate = 0.1", "--json"), Is.Zero,
            _progress.ToString());
        var document = JsonNode.Parse(_output.ToString())!;
        Assert.That((bool)document["allowed"]!, Is.True);
        Assert.That((string)document["planHash"]!, Has.Length.EqualTo(64));
        Assert.That(document["rules"]!.AsArray().Select(rule => (string)rule!["rule"]!),
            Does.Contain("epsilon-lifetime").And.Contain("allowed-jobs"));
    }

    [Test]
    public async Task Every_rule_that_does_not_hold_is_told_with_its_number_and_exit_code_2()
    {
        Assert.That(
            await Test("modes = [patient-distributed]\nmaximum-rounds = 10",
                "mode = patient-local, epsilon = 3, sampling-rate = 0.1"),
            Is.EqualTo((int)ExitCode.Refused));
        Assert.That(_output.ToString(),
            Does.Contain("FA-6011  modes").And.Contain("FA-6020  epsilon-per-job").And.Contain(
                "FA-6015  maximum-rounds")
            .And.Contain("holds    delta-per-job").And.Contain("3 of"));
    }

    [Test]
    public async Task A_job_without_noise_is_refused_where_noise_is_required_and_allowed_where_it_is_not()
    {
        Assert.That(await Test("", "mode = off"), Is.EqualTo((int)ExitCode.Refused));
        Assert.That(await Test("privacy-required = off", "mode = off"), Is.Zero);
    }

    [Test]
    public async Task A_job_beyond_the_lifetime_is_refused_as_the_ledger_would()
    {
        Assert.That(
            await Test("epsilon-lifetime = 1\nepsilon-per-job = 1",
                "mode = patient-local, epsilon = 2, sampling-rate = 0.1"),
            Is.EqualTo((int)ExitCode.Refused));
        Assert.That(_output.ToString(), Does.Contain("FA-6010  epsilon-lifetime"));
    }

    [Test]
    public async Task A_policy_that_is_not_there_allows_nothing()
    {
        File.WriteAllText(Path.Combine(_folder, "job.conf"), "job { name = small }");
        Assert.That(
            await Run("policy", "test", "--policy", "no-policy.conf", "--job", Path.Combine(_folder, "job.conf")),
            Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(_progress.ToString(), Does.Contain("FA-6034"));
    }

    [Test]
    public async Task A_plan_says_noise_epsilon_by_round_and_what_it_means()
    {
        File.WriteAllText(Path.Combine(_folder, "job.conf"),
            "job { name = small, privacy { mode = patient-local, epsilon = 2, sampling-rate = 0.1 } }");
        Assert.That(await Run("privacy", "plan", Path.Combine(_folder, "job.conf"), "--json"), Is.Zero,
            _progress.ToString());
        var document = JsonNode.Parse(_output.ToString())!;
        Assert.That((double)document["epsilon"]!, Is.InRange(1.999, 2));
        Assert.That((double)document["epsilonShown"]!, Is.LessThan((double)document["epsilon"]!));
        Assert.That((double)document["found"]!, Is.InRange(0.01, 0.05));
        Assert.That((long)document["releases"]!, Is.EqualTo(66));
        Assert.That(document["signalToNoise"], Is.Null);

        Assert.That(await Run("privacy", "plan", Path.Combine(_folder, "job.conf"), "--set", "job.privacy.mode=off"),
            Is.EqualTo((int)ExitCode.BadInput));
    }

    [Test]
    public async Task Help_ends_with_an_example([Values("plan", "create", "status", "reconcile")] string command)
    {
        Assert.That(await Run("privacy", command, "--help"), Is.Zero);
        Assert.That(_output.ToString(), Does.Contain($"Example:\n  fedactors privacy {command}"));
    }

    private Task<int> Test(string rules, string privacy, params string[] more)
    {
        var (policy, job) = (Path.Combine(_folder, "policy.conf"), Path.Combine(_folder, "job.conf"));
        File.WriteAllText(policy, $"policy {{\nscope = ward\nnominal-patients = 2000\n{rules}\n}}");
        File.WriteAllText(job, $"job {{ name = small, privacy {{ {privacy} }} }}");
        return Run(["policy", "test", "--policy", policy, "--job", job, .. more]);
    }

    private Task<int> Run(params string[] arguments)
    {
        _output.GetStringBuilder().Clear();
        var terminal = new Terminal(
            Terminal.ConsoleOn(_output, plain: true, colours: false),
            Terminal.ConsoleOn(_progress, plain: true, colours: false), IsLive: false,
            _ => null, TimeProvider.System);
        return new CommandLine(terminal, (_, _, _) => throw new InvalidOperationException("Nobody trains here."), [])
            .RunAsync(arguments);
    }
}
