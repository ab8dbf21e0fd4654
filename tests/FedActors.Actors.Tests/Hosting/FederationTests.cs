using System.Net.Sockets;
using System.Text.Json;
using Akka.Actor;
using Akka.Configuration;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Simulation;
using Microsoft.Data.Sqlite;

namespace FedActors.Actors.Tests.Hosting;

/// <summary>Nodes with actor systems and certificates of their own, over TLS on loopback; in one process only for the test's sake.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FederationTests : IAsyncDisposable
{
    private static readonly string[] Hospitals = ["berlin", "madrid", "paris"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private const string Schema = """
        columns = [
          { names = [x], type = number }
          { names = [y], type = category, values = [a, b] }
        ]
        features = [
          { column = x, centre = 2, scale = 4 }
        ]
        targets { y { column = y, positive = [a], negative = [b] } }
        splits { own { sites = files, holdout = none, rest = test } }
        """;

    private readonly Office _office = new(Hospitals);
    private readonly List<Node> _nodes = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        _office.Dispose();
    }

    [Test]
    public async Task Nodes_train_the_model_of_the_simulation()
    {
        var hub = await StartHub();
        foreach (var hospital in Hospitals)
            await StartHospital(hospital);

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        using var result = JsonDocument.Parse(File.ReadAllText(_office.PathOf("hub", "state", "results", "small.json")));
        Assert.That(result.RootElement.GetProperty("modelSha256").GetString(), Is.EqualTo(await Simulated()));
    }

    [Test]
    public async Task Nobody_without_a_certificate_of_this_federation_reaches_the_door_and_the_hub_stays_up()
    {
        await StartHub();
        using var other = new Office("berlin");
        var address = Edge.AddressOfDoor(Kit.Open(_office.KitOf("berlin")).Manifest.Hub);

        using (var plain = new TcpClient("127.0.0.1", _office.Port))
        {
            await plain.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: hub\r\n\r\n"u8.ToArray());
            plain.ReceiveTimeout = (int)Patience.TotalMilliseconds;
            Assert.That(() => plain.GetStream().Read(new byte[100]), Is.Zero.Or.LessThan(100), "The hub answers no HTTP.");
        }
        await WithSite("stranger", Kit.Open(other.KitOf("berlin")), other.KeyOf("berlin"), async stranger =>
            Assert.That(async () => await stranger.ActorSelection(address).ResolveOne(TimeSpan.FromSeconds(3)), Throws.InstanceOf<ActorNotFoundException>()));
        await WithSite("member", Kit.Open(_office.KitOf("berlin")), _office.KeyOf("berlin"), async member =>
            Assert.That(await member.ActorSelection(address).ResolveOne(Patience), Is.Not.Null));
    }

    [Test]
    public async Task Nodes_train_under_shared_noise_and_charge_their_ledgers_on_the_disk()
    {
        var hub = await StartHub(SharedNoise);
        foreach (var hospital in Hospitals)
            await StartHospital(hospital, "policy { scope = ward, nominal-patients = 8, modes = [patient-distributed] }");

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Done), ended.Reason);
        foreach (var hospital in Hospitals)
        {
            var ledger = LedgerReading.Of(_office.PathOf(hospital, "ward.ledger")).Ledger!;
            Assert.That(ledger.Grants.Single().Charged, Is.EqualTo(3), "one charge a round");
            Assert.That(ledger.Spent.Epsilon, Is.InRange(1.9, 2));
        }
    }

    [Test]
    public async Task A_policy_that_forbids_a_job_is_a_dropout_with_its_number_in_the_rounds_record_and_a_lost_ledger_too()
    {
        var hub = await StartHub(LocalNoise);
        await StartHospital("berlin", "policy { scope = ward, nominal-patients = 8 }");
        await StartHospital("madrid", "policy { scope = ward, nominal-patients = 8, modes = [] , privacy-required = off }");
        await StartHospital("paris", "policy { scope = ward, nominal-patients = 8 }", hasLedger: false);

        var ended = await hub.Desk.Ask<JobDesk.Ended>(new JobDesk.WhenEnded(), Patience);

        Assert.That(ended.Stage, Is.EqualTo(JobStage.Failed), "one hospital is too few");
        Assert.That(ended.Reason, Does.StartWith("FA-6011"));
        var record = Recorded("attempt-failed/1").Single();
        Assert.That(record, Does.Match("madrid.*FA-6011").And.Match("paris.*FA-6026").And.Not.Contain("berlin"));
        Assert.That(LedgerReading.Of(_office.PathOf("madrid", "ward.ledger")).Ledger!.Grants, Is.Empty);
    }

    // What stands in the hub's journal.
    private IEnumerable<string> Recorded(string manifest)
    {
        using var connection = new SqliteConnection($"Data Source={_office.PathOf("hub", "state", "state.db")};Mode=ReadOnly");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT message FROM journal WHERE manifest = $manifest";
        command.Parameters.AddWithValue("$manifest", manifest);
        using var reader = command.ExecuteReader();
        while (reader.Read())
            yield return System.Text.Encoding.UTF8.GetString((byte[])reader[0]).ReplaceLineEndings(" ");
    }

    private static async Task WithSite(string name, Kit kit, string keyFile, Func<ActorSystem, Task> work)
    {
        using var key = PrivateFile.Read(keyFile);
        var system = Edge.OfSite(new HospitalId(name), kit, key, TimeProvider.System, Config.Empty);
        try
        {
            await work(system);
        }
        finally
        {
            await system.Terminate();
        }
    }

    private const string SharedNoise =
        "secure-aggregation { enabled = on }\nprivacy { mode = patient-distributed, epsilon = 2, delta = 1e-6 }";

    private const string LocalNoise =
        "secure-aggregation { enabled = on }\nprivacy { mode = patient-local, epsilon = 2, delta = 1e-6 }";

    private async Task<Node> StartHub(string keys = "")
    {
        File.WriteAllText(_office.PathOf("hub", "job.conf"), $$"""
            job {
              name = small, patients = 24
              training { rounds = 3, local-steps = {{(keys == SharedNoise ? 1 : 2)}} }
              {{keys}}
              data {
                files = [ { path = p.csv, hospital = berlin } ]
                {{Schema}}
              }
            }
            """);
        return await Start("hub", "hub { job = \"job.conf\" }");
    }

    private async Task<Node> StartHospital(string hospital, string policy = "", bool hasLedger = true)
    {
        File.WriteAllLines(_office.PathOf(hospital, "p.csv"), [.. Rows(hospital).Select(row => $"{row.X},{row.Y}").Prepend("x,y")]);
        if (policy.Length > 0)
        {
            File.WriteAllText(_office.PathOf(hospital, "policy.conf"), policy);
            if (hasLedger)
                PrivacyLedgerFile.Create(_office.PathOf(hospital, "ward.ledger"), "ward", new CompositionRule(null, 0), true, DateTimeOffset.UnixEpoch)
                    .Dispose();
        }
        return await Start(hospital, $$"""
            hospital {
              rhythm = 300ms
              {{(policy.Length == 0 ? "" : "privacy { policy = policy.conf, ledger = ward.ledger }")}}
              patients {
                files = [ { path = p.csv, hospital = {{hospital}} } ]
                {{Schema}}
              }
            }
            """);
    }

    private async Task<Node> Start(string site, string section)
    {
        var node = await Node.StartAsync(NodeFile.Read(_office.NodeFile(site, section)), TimeProvider.System);
        _nodes.Add(node);
        return node;
    }

    private async Task<string> Simulated()
    {
        var plan = FederationJob.Read(_office.PathOf("hub", "job.conf"), [.. Hospitals.Select(name => new HospitalId(name))]);
        var patients = Hospitals.ToDictionary(name => new HospitalId(name), name => new Core.Data.PatientTable(
            ["x"], [.. Rows(name).Select(row => (row.X - 2.0) / 4)], [.. Rows(name).Select(row => row.Y == "a" ? 1.0 : 0.0)]));
        string? model = null;
        await using var federation = InProcessFederation.Start(plan, patients, SimulationStorage.InMemory, null);
        await federation.RunAsync(plan, PlanHash.Of(plan), [.. patients.Keys], message =>
        {
            if (message is JobProtocol.JobFinished finished)
                model = finished.Model.ToString();
        }, CancellationToken.None);
        return model!;
    }

    private static (int X, string Y)[] Rows(string hospital) =>
        [.. Enumerable.Range(0, 8).Select(i => ((i * 7 + hospital.Length) % 11, (i + hospital[0]) % 3 == 0 ? "a" : "b"))];
}
