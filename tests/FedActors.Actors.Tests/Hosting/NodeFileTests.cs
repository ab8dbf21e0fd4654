using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Tests.Data;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>Every wrong configuration is told with number, key path and hint before anything is started.</summary>
public sealed class NodeFileTests
{
    private const string Columns =
        "columns = [ { names = [x], type = number }\n { names = [y], type = category, values = [a, b] } ]";
    private const string Features = "features = [ { column = x } ]";
    private const string Targets = "targets { y { column = y, positive = [a], negative = [b] } }";
    private const string Splits = "splits { own { sites = files, holdout = none, rest = test } }";
    private const string Files = "files = [ { path = p.csv, hospital = berlin } ]";
    private const string Good = $"hospital {{ patients {{\n{Files}\n{Columns}\n{Features}\n{Targets}\n{Splits}\n}} }}";

    private static readonly Office Federation = new("berlin", "paris", "madrid");

    [OneTimeTearDown]
    public static void Leave() => Federation.Dispose();

    private static IEnumerable<TestCaseData> WrongFiles()
    {
        yield return Case("{", FaultNumber.NodeFileUnreadable, "line 1");
        yield return Case("node { role = [", FaultNumber.NodeFileUnreadable, "line 1");
        yield return Case("job { }", FaultNumber.UnknownKey, "job");
        yield return Case("akka { remote { untrusted-mode = off } }", FaultNumber.UnknownKey, "akka");
        yield return Case("", FaultNumber.MissingKey, "node.role");
        yield return Case("node { role = hospitl }", FaultNumber.UnknownName, "node.role");
        yield return Case("node { role = hub, hubb { } }", FaultNumber.UnknownKey, "node.hubb");
        yield return Case("node { role = hub, tls = off }", FaultNumber.UnknownKey, "node.tls");
        yield return Case("node { role = hub, data = [1] }", FaultNumber.WrongType, "node.data");
        yield return Case("node { role = hub, data = \"\" }", FaultNumber.MissingKey, "node.data");
        yield return Case("node { role = hub, identity = 3 }", FaultNumber.WrongType, "node.identity");
        yield return Case("node { role = hub, identity { kit = \"\" } }", FaultNumber.MissingKey, "node.identity.kit");
        yield return Case("node { role = hub, identity { key = \"\" } }", FaultNumber.MissingKey, "node.identity.key");
        yield return Case("node { role = hub, identity { password = x } }", FaultNumber.UnknownKey,
            "node.identity.password");
        yield return Case("node { role = hub, storage { provider = postgres } }", FaultNumber.UnknownName,
            "node.storage.provider");
        yield return Case("node { role = hub, storage { provider = SQLite.MS } }", FaultNumber.UnknownName,
            "node.storage.provider");
        yield return Case("node { role = hub, storage { postgresql { password = x } } }", FaultNumber.UnknownKey,
            "node.storage.postgresql.password");
        yield return Case("node { role = hub, storage { postgresql { host = \"\" } } }", FaultNumber.MissingKey,
            "node.storage.postgresql.host");
        yield return Case("node { role = hub, storage { postgresql { port = 0 } } }", FaultNumber.ValueOutOfRange,
            "node.storage.postgresql.port");
        yield return Case("node { role = hub, storage { postgresql { tls = maybe } } }", FaultNumber.WrongType,
            "node.storage.postgresql.tls");
        yield return Case("node { role = hub, storage { postgresql { host = db.example.org, tls = off } } }",
            FaultNumber.DatabaseUnencrypted, "node.storage.postgresql.tls");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\"], self = \"a:1\""), FaultNumber.HubOfTwoNodes,
            "node.hub.cluster.nodes");
        yield return Case(Hub("self = \"a:1\""), FaultNumber.HubOfTwoNodes, "node.hub.cluster.nodes");
        yield return Case(Hub("nodes = [\"a:1\"], self = \"a:1\", roles = []"), FaultNumber.MissingKey,
            "node.hub.cluster.roles");
        yield return Case(Hub("nodes = [\"a:1\"], self = \"a:1\", roles = [coordinator, observer]"),
            FaultNumber.UnknownName, "node.hub.cluster.roles");
        yield return Case(Hub("nodes = [\"a:1\"], self = \"a:1\", roles = coordinator"), FaultNumber.WrongType,
            "node.hub.cluster.roles");
        yield return Case(Hub("nodes = [\"a:1\"], self = \"a:1\", roles = [aggregator]"), FaultNumber.NodeOfItsOwn,
            "node.hub.cluster.self");
        yield return Case(Hub("nodes = [\"a:1\"], roles = [aggregator]"), FaultNumber.NodeOfItsOwn,
            "node.hub.cluster.self");
        yield return Case(Hub("nodes = [\"a:1\"], self = \"a:1\", hospitals = [\"a b\"]"),
            FaultNumber.ValueOutOfRange, "node.hub.cluster.hospitals");
        yield return Case(Hub("nodes = [\"a:1\"], self = \"a:1\", hospitals = [rome, rome]"),
            FaultNumber.DuplicateName, "node.hub.cluster.hospitals");
        yield return Case(Hub("nodes = [\"a:1\"], self = \"a:1\", listen = \"0.0.0.0:1\""),
            FaultNumber.ValueOutOfRange, "node.hub.cluster.listen");
        yield return Case(Hospital("", "attachment = inside"), FaultNumber.UnknownName, "node.hospital.attachment");
        yield return Case(Hospital("", "attachment = member"), FaultNumber.MissingKey, "node.hospital.cluster.nodes");
        yield return Case(Member("nodes = [\"a:1\"]"), FaultNumber.NodeOfItsOwn, "node.hospital.cluster.self");
        yield return Case(Member("nodes = [\"a:1\"], self = \"a:1\""), FaultNumber.NodeOfItsOwn,
            "node.hospital.cluster.self");
        yield return Case(Member("self = \"b:1\""), FaultNumber.HubOfTwoNodes, "node.hospital.cluster.nodes");
        yield return Case(Member("nodes = [\"a:1\", \"c:1\"], self = \"b:1\""), FaultNumber.HubOfTwoNodes,
            "node.hospital.cluster.nodes");
        yield return Case(Member("nodes = [\"a\"], self = \"b:1\""), FaultNumber.ValueOutOfRange,
            "node.hospital.cluster.nodes");
        yield return Case(Member("nodes = [\"a:1\"], self = \"b:1\", stable-after = 2m"),
            FaultNumber.ValueOutOfRange, "node.hospital.cluster.stable-after");
        yield return Case(Member("nodes = [\"a:1\"], self = \"b:1\", roles = [coordinator]"),
            FaultNumber.UnknownKey, "node.hospital.cluster.roles");
        yield return Case(Hospital("", "attachment = member, hub = [\"a:1\"]"), FaultNumber.NotAllowedTogether,
            "node.hospital.hub");
        yield return Case(Hospital("", "cluster { nodes = [\"a:1\"], self = \"b:1\" }"),
            FaultNumber.NotAllowedTogether, "node.hospital.cluster");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\", \"a:1\"], self = \"a:1\""), FaultNumber.HubOfTwoNodes,
            "node.hub.cluster.nodes");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\", \"c:1\"], self = \"d:1\""), FaultNumber.NodeNotOfHub,
            "node.hub.cluster.self");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\", \"c:1\"]"), FaultNumber.NodeNotOfHub,
            "node.hub.cluster.self");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\", \"c\"], self = \"a:1\""), FaultNumber.ValueOutOfRange,
            "node.hub.cluster.nodes");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\", \"c:0\"], self = \"a:1\""), FaultNumber.ValueOutOfRange,
            "node.hub.cluster.nodes");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\", \"c:1\"], self = \"a:1\""), FaultNumber.HubNeedsServer,
            "node.storage.provider");
        yield return Case(Hub("nodes = [\"a:1\", \"b:1\", \"c:1\"], self = \"a:1\", stable-after = 0s"),
            FaultNumber.ValueOutOfRange, "node.hub.cluster.stable-after");
        yield return Case(Hub("strategy = static-quorum"), FaultNumber.UnknownKey, "node.hub.cluster.strategy");
        yield return Case("node { role = hub, hub { door = \"hub.example.org\" } }", FaultNumber.ValueOutOfRange,
            "node.hub.door");
        yield return Case(Hospital("", "hub = [\"a b:1\"]"), FaultNumber.ValueOutOfRange, "node.hospital.hub");
        yield return Case("node { role = hub, hub { listen = \"1.2.3.4:7071\" } }", FaultNumber.ValueOutOfRange,
            "node.hub.listen");
        yield return Case("node { role = hub, hub { listen = \"a b\" } }", FaultNumber.ValueOutOfRange,
            "node.hub.listen");
        yield return Case("node { role = hub, hub { listen = [1, 2] } }", FaultNumber.WrongType, "node.hub.listen");
        yield return Case("node { role = hub, hub { patience = 30 } }", FaultNumber.WrongType, "node.hub.patience");
        yield return Case("node { role = hub, hub { patience = 1s } }", FaultNumber.ValueOutOfRange,
            "node.hub.patience");
        yield return Case("node { role = hub, hub { patienc = 30s } }", FaultNumber.UnknownKey, "node.hub.patienc");
        foreach (var listen in (string[])["0.0.0.0", "10.0.0.7", "hub.example.org", ""])
            yield return Case($"node {{ role = hub, hub {{ management {{ listen = \"{listen}\" }} }} }}",
                FaultNumber.EndpointNotProtected, "node.hub.management.listen");
        yield return Case("node { role = hub, hub { management { listen = [1] } } }", FaultNumber.WrongType,
            "node.hub.management.listen");
        yield return Case("node { role = hub, hub { management { port = 0 } } }", FaultNumber.ValueOutOfRange,
            "node.hub.management.port");
        yield return Case("node { role = hub, hub { management { port = some } } }", FaultNumber.WrongType,
            "node.hub.management.port");
        yield return Case("node { role = hub, hub { management { password = x } } }", FaultNumber.UnknownKey,
            "node.hub.management.password");
        yield return Case("node { role = hub, hub { model-port = 65536 } }", FaultNumber.ValueOutOfRange,
            "node.hub.model-port");
        yield return Case("node { role = hub, hub { model-port = maybe } }", FaultNumber.WrongType,
            "node.hub.model-port");
        yield return Case("node { role = hub, hub { job = [a] } }", FaultNumber.WrongType, "node.hub.job");
        yield return Case("node { role = hub, hospital { rhythm = 2s } }", FaultNumber.NotAllowedTogether,
            "node.hospital");
        yield return Case($"node {{ role = hospital\n{Good}\nhub {{ }} }}", FaultNumber.NotAllowedTogether, "node.hub");
        yield return Case("node { role = hospital }", FaultNumber.MissingKey, "node.hospital.patients.files");
        yield return Case(Hospital("", "rhythm = 1ms"), FaultNumber.ValueOutOfRange, "node.hospital.rhythm");
        yield return Case(Hospital("", "rhythm = soon"), FaultNumber.WrongType, "node.hospital.rhythm");
        yield return Case(Hospital("", "secure-sums-only = maybe"), FaultNumber.WrongType,
            "node.hospital.secure-sums-only");
        yield return Case(Hospital("", "secure-sum-only = on"), FaultNumber.UnknownKey,
            "node.hospital.secure-sum-only");
        yield return Case(Hospital(Files), FaultNumber.MissingKey, "node.hospital.patients.files");
        yield return Case(Hospital(Columns), FaultNumber.MissingKey, "node.hospital.patients.columns");
        yield return Case(Hospital(Features), FaultNumber.MissingKey, "node.hospital.patients.features");
        yield return Case(Hospital(Targets), FaultNumber.MissingKey, "node.hospital.patients.targets");
        yield return Case(Hospital(Splits), FaultNumber.MissingKey, "node.hospital.patients.splits");
        yield return Case(Hospital("", "privacy { policy = p.conf }"), FaultNumber.MissingKey,
            "node.hospital.privacy.ledger");
        yield return Case(Hospital("", "privacy { ledger = p.ledger }"), FaultNumber.MissingKey,
            "node.hospital.privacy.policy");
        yield return Case(Hospital("", "privacy { epsilon = 1 }"), FaultNumber.UnknownKey,
            "node.hospital.privacy.epsilon");
        yield return Case(Hospital("", "patients { separator = abc }"), FaultNumber.ValueOutOfRange,
            "node.hospital.patients.separator");
    }

    [TestCaseSource(nameof(WrongFiles))]
    public void A_wrong_node_file_is_refused_with_number_place_and_hint(string text, FaultNumber number, string place)
    {
        var file = Federation.PathOf("wrong.conf");
        File.WriteAllText(file, text);

        var refused = Assert.Throws<FaultException>(() => NodeFile.Read(file));

        var fault =
            refused!.Faults.FirstOrDefault(fault =>
                fault.Number == number && fault.Where.Contains(place, StringComparison.Ordinal));
        Assert.That(fault, Is.Not.Null, refused.Message);
        Assert.That(fault!.Fix, Is.Not.Empty);
        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.BadInput));
    }

    [Test]
    public void A_good_node_file_is_read_and_its_paths_are_whole()
    {
        var plan = NodeFile.Read(Federation.NodeFile("berlin", Good));

        Assert.That(plan.Kit, Is.EqualTo(Federation.KitOf("berlin")));
        Assert.That(plan.Key, Is.EqualTo(Federation.KeyOf("berlin")));
        Assert.That(plan.Hospital!.SecureSumsOnly, Is.True);
    }

    [TestCase("coordinator", NodeRole.Hub)]
    [TestCase("member", NodeRole.Hub)]
    [TestCase("hospital", NodeRole.Hospital)]
    [TestCase("hospital-member", NodeRole.Hospital)]
    public void The_node_files_to_begin_with_are_good_ones(string name, NodeRole role) =>
        Assert.That(NodeFile.Read(Path.Combine(SampleData.Repository, "hocon", $"{name}.conf")).Role, Is.EqualTo(role));

    [Test]
    public void A_file_that_is_not_there_is_told() =>
        Assert.That(() => NodeFile.Read(Federation.PathOf("nowhere.conf")), Refused(FaultNumber.NodeFileMissing));

    [Test]
    public void A_node_with_the_kit_of_another_role_does_not_start()
    {
        var file = Federation.PathOf("hub", "as-hospital.conf");
        File.WriteAllText(file, $"node {{ role = hospital, identity {{ key = \"hub.key\" }}\n{Good} }}");

        Assert.That(() => NodeIdentity.Open(NodeFile.Read(file), TimeProvider.System),
            Refused(FaultNumber.KitOfAnotherSite));
    }

    [Test]
    public void A_node_with_the_key_of_another_does_not_start()
    {
        var file = Federation.PathOf("berlin", "wrong-key.conf");
        File.WriteAllText(file, $"node {{ role = hospital, identity {{ key = \"../paris/paris.key\" }}\n{Good} }}");

        Assert.That(() => NodeIdentity.Open(NodeFile.Read(file), TimeProvider.System),
            Refused(FaultNumber.KeyOfAnother));
    }

    [Test]
    public void A_node_without_patients_of_its_own_does_not_start_and_opens_nothing()
    {
        var file = Federation.NodeFile("berlin", Good.Replace("hospital = berlin", "hospital = paris"));
        File.WriteAllText(Federation.PathOf("berlin", "p.csv"), "x,y\n1,a\n2,b\n");

        Assert.That(async () => await Node.StartAsync(NodeFile.Read(file), TimeProvider.System),
            Refused(FaultNumber.EmptyHospital));
        Assert.That(Directory.Exists(Federation.PathOf("berlin", "state")), Is.False);
    }

    [TestCase(32, null)]
    [TestCase(33, FaultNumber.NominalPatientsFarOff)]
    public async Task A_node_whose_public_number_of_patients_is_far_from_the_true_one_does_not_start(
        int nominal, FaultNumber? number)
    {
        using var office = new Office("berlin");
        var file =
            office.NodeFile("berlin",
                $"{Good}\nhospital {{ rhythm = 60s, privacy {{ policy = policy.conf, ledger = none }} }}");
        File.WriteAllText(office.PathOf("berlin", "p.csv"), "x,y\n1,a\n2,b\n");
        File.WriteAllText(office.PathOf("berlin", "policy.conf"),
            $"policy {{ scope = ward, nominal-patients = {nominal} }}");

        if (number is { } refusal)
            Assert.That(async () => await Node.StartAsync(NodeFile.Read(file), TimeProvider.System), Refused(refusal));
        else
            await (await Node.StartAsync(NodeFile.Read(file), TimeProvider.System)).DisposeAsync();
    }

    [Test]
    public void A_node_without_the_policy_it_names_does_not_start()
    {
        using var office = new Office("berlin");
        var file =
            office.NodeFile("berlin", $"{Good}\nhospital {{ privacy {{ policy = policy.conf, ledger = none }} }}");
        File.WriteAllText(office.PathOf("berlin", "p.csv"), "x,y\n1,a\n2,b\n");

        Assert.That(async () => await Node.StartAsync(NodeFile.Read(file), TimeProvider.System),
            Refused(FaultNumber.PolicyMissing));
    }

    [TestCase("patients = 0", FaultNumber.JobNotForFederation)]
    [TestCase("patients = 9, cohort { minimum = 4 }", FaultNumber.ValueOutOfRange)]
    [TestCase("patients = 9, cohort { require = [rome] }", FaultNumber.UnknownHospital)]
    public void A_hub_with_a_job_that_no_hospital_can_carry_out_does_not_start(string keys, FaultNumber number)
    {
        File.WriteAllText(Federation.PathOf("hub", "job.conf"), $"job {{ name = j, {keys}\n{Data} }}");
        var file = Federation.NodeFile("hub", "hub { job = \"job.conf\" }");

        Assert.That(async () => await Node.StartAsync(NodeFile.Read(file), TimeProvider.System), Refused(number));
    }

    [Test]
    public void A_hub_that_would_let_in_a_hospital_of_no_kit_does_not_start()
    {
        var file = Federation.NodeFile("hub",
            "hub { cluster { nodes = [\"127.0.0.1:1\"], self = \"127.0.0.1:1\", hospitals = [berlin, rome] } }");

        Assert.That(async () => await Node.StartAsync(NodeFile.Read(file), TimeProvider.System),
            Refused(FaultNumber.UnknownHospital));
    }

    [Test]
    public void A_job_is_no_node_file_and_a_node_file_no_job()
    {
        var file = Federation.NodeFile("berlin", Good);

        Assert.That(() => JobFile.Open(file, []), Refused(FaultNumber.UnknownKey));
    }

    private const string Data = $"data {{\n{Files}\n{Columns}\n{Features}\n{Targets}\n{Splits}\n}}";

    private static string Hub(string cluster) => $"node {{ role = hub, hub {{ cluster {{ {cluster} }} }} }}";

    private static string Member(string cluster) => Hospital("", $"attachment = member, cluster {{ {cluster} }}");

    // The good file without one part, or with one more key.
    private static string Hospital(string without, string with = "") =>
        $"node {{ role = hospital\n{(without.Length == 0 ? Good : Good.Replace(without, ""))}\nhospital "
            + $"{{ {with} }} }}";

    private static TestCaseData Case(string text, FaultNumber number, string place) =>
        new TestCaseData(text, number, place).SetArgDisplayNames($"{number} at {place}");

    private static NUnit.Framework.Constraints.Constraint Refused(FaultNumber number) =>
        Throws.InstanceOf<FaultException>().With.Matches<FaultException>(refused =>
            refused.Faults.Any(fault => fault.Number == number));
}
