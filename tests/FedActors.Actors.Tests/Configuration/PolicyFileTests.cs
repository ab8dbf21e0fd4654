using FedActors.Actors.Configuration;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;

namespace FedActors.Actors.Tests.Configuration;

public sealed class PolicyFileTests
{
    private const string Least = "scope = ward, nominal-patients = 2000";

    private string _file = "";

    [SetUp]
    public void MakeFile() => _file = Path.GetTempFileName();

    [TearDown]
    public void RemoveFile() => File.Delete(_file);

    [Test]
    public void A_policy_that_says_only_whose_it_is_allows_little()
    {
        var policy = Read(Least);
        Assert.That(policy with { Modes = [] }, Is.EqualTo(new HospitalPolicy(
            "ward", PrivacyRequired: true, [], new PrivacyBudget(4, 1e-5), new PrivacyBudget(2, 1e-6),
            new CompositionRule(null, 0), 2000, 3, 0, 0.5, 1,
            2000, 3, 1, SecureAggregationRequired: true, null)));
        Assert.That(policy.Modes, Is.EqualTo(new[] { PrivacyMode.PatientLocal }));
    }

    [Test]
    public void A_policy_may_name_the_only_plans_that_run()
    {
        var hash = PlanHash.Of(Plans.Small());
        Assert.That(Read($"{Least}, restrict-jobs = on, allowed-jobs = [{hash}]").AllowedJobs,
            Is.EqualTo(new[] { hash }));
        Assert.That(Read($"{Least}, restrict-jobs = on").AllowedJobs, Is.Empty, "and none, where none is named");
    }

    [Test]
    public void A_fixed_order_is_read_at_the_lifetimes_delta() =>
        Assert.That(Read($"{Least}, composition = renyi, renyi-order = 8").Rule,
            Is.EqualTo(new CompositionRule(8, 1e-5)));

    [TestCase("scope = ward", "FA-1006", "policy.nominal-patients")]
    [TestCase("nominal-patients = 2000", "FA-1006", "policy.scope")]
    [TestCase(Least + ", epsilon-lifetime = 0", "FA-6001", "policy.epsilon-lifetime")]
    [TestCase(Least + ", delta-per-job = 2", "FA-6002", "policy.delta-per-job")]
    [TestCase(Least + ", epsilon-per-job = 5", "FA-6035", "policy.epsilon-per-job")]
    [TestCase(Least + ", delta-per-job = 1e-4", "FA-6035", "policy.delta-per-job")]
    [TestCase(Least + ", delta-lifetime = 1e-3", "FA-6002", "policy.delta-lifetime")]
    [TestCase(Least + ", modes = [local]", "FA-1007", "policy.modes")]
    [TestCase(Least + ", modes = []", "FA-6035", "policy.modes")]
    [TestCase(Least + ", modes = [patient-distributed], assumed-colluders = 3", "FA-6035", "policy.assumed-colluders")]
    [TestCase(Least + ", maximum-sampling-rate = 2", "FA-6003", "policy.maximum-sampling-rate")]
    [TestCase(Least + ", minimum-noise-multiplier = 0", "FA-6004", "policy.minimum-noise-multiplier")]
    [TestCase(Least + ", composition = advanced", "FA-1007", "policy.composition")]
    [TestCase(Least + ", renyi-order = 1", "FA-1005", "policy.renyi-order")]
    [TestCase(Least + ", restrict-jobs = on, allowed-jobs = [abc]", "FA-1005", "policy.allowed-jobs")]
    [TestCase(Least + ", allowed-jobs = [\"0000000000000000000000000000000000000000000000000000000000000000\"]",
        "FA-6035", "policy.restrict-jobs")]
    [TestCase(Least + ", privacy-requird = off", "FA-1003", "policy.privacy-requird")]
    public void A_policy_with_a_fault_is_no_policy(string body, string code, string path)
    {
        var refused = Assert.Throws<FaultException>(() => Read(body))!;
        Assert.That(refused.Faults.Select(fault => fault.Code), Does.Contain(code), refused.Message);
        Assert.That(refused.Faults.Single(fault => fault.Code == code).Where, Is.EqualTo($"{_file}: {path}"));
        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.BadInput));
    }

    [Test]
    public void A_policy_that_is_not_there_is_no_policy() =>
        Assert.That(() => PolicyFile.Read("no/policy.conf"),
            Throws.TypeOf<FaultException>().With.Message.Contain("FA-6034"));

    [Test]
    public void A_file_without_a_policy_section_is_no_policy()
    {
        File.WriteAllText(_file, "polcy { scope = ward }");
        Assert.That(() => PolicyFile.Read(_file),
            Throws.TypeOf<FaultException>().With.Message.Contain("polcy").And.Message.Contain("FA-1006"));
    }

    private HospitalPolicy Read(string body)
    {
        File.WriteAllText(_file, $"policy {{ {body.Replace(", ", "\n", StringComparison.Ordinal)} }}");
        return PolicyFile.Read(_file);
    }
}
