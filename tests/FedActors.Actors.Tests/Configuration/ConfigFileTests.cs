using FedActors.Actors.Configuration;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;

namespace FedActors.Actors.Tests.Configuration;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ConfigFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Test]
    public void The_files_that_come_with_FedActors_are_what_they_seem()
    {
        var hocon = Path.Combine(ArchitectureTests.Root(), "hocon");
        Assert.That(ConfigFile.Check(Path.Combine(hocon, "hospital.conf")), Is.EqualTo("node"));
        foreach (var job in Directory.GetFiles(Path.Combine(ArchitectureTests.Root(), "samples"), "job.conf",
            SearchOption.AllDirectories))
            Assert.That(ConfigFile.Check(job), Is.EqualTo("job"), job);
    }

    [Test]
    public void All_that_is_wrong_is_told_together()
    {
        File.WriteAllText(_file,
            "node { role = hub, tls = off, identity { pasword = x }\nhub { patience = 30, management { listen = "
                + "\"0.0.0.0\" } } }");

        Assert.That(Faults(), Is.EquivalentTo((FaultNumber[])
            [FaultNumber.UnknownKey, FaultNumber.UnknownKey, FaultNumber.WrongType, FaultNumber.EndpointNotProtected]));
    }

    [TestCase("", FaultNumber.ConfigOfNoKind)]
    [TestCase("nodes { }", FaultNumber.ConfigOfNoKind)]
    [TestCase("job { name = j, patient = 3 }", FaultNumber.UnknownKey)]
    [TestCase("policy { scope = s, nominal-patients = 10, modes = [none] }", FaultNumber.UnknownName)]
    public void A_wrong_file_of_any_kind_is_refused(string text, FaultNumber number)
    {
        File.WriteAllText(_file, text);
        Assert.That(Faults(), Does.Contain(number));
    }

    [Test]
    public void A_hubs_file_is_read_with_the_job_it_names()
    {
        using var office = new Office("berlin");
        File.WriteAllText(office.PathOf("hub", "job.conf"), "job { name = j, rounds = 3 }");
        var file = office.NodeFile("hub", "hub { job = \"job.conf\" }");

        var refused = Assert.Throws<FaultException>(() => ConfigFile.Check(file))!;
        Assert.That(refused.Faults.Single().Where, Does.Contain("job.conf").And.Contain("job.rounds"));
    }

    private FaultNumber[] Faults()
    {
        var refused = Assert.Throws<FaultException>(() => ConfigFile.Check(_file))!;
        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(refused.Faults.Select(fault => fault.Fix), Has.None.Empty);
        return [.. refused.Faults.Select(fault => fault.Number)];
    }
}
